"""Rules of the catalogue: products, their units, categories and taxes."""

from stdnum import ean

from server.crm.checks import check_period, check_single, check_tree, refuse
from server.crm.product.tables import Product
from server.crm.resource import Write
from server.db import connection


async def check_product_unit(write: Write) -> None:
    """A unit is some of the base unit, once per product, with a barcode that can be right.

    Raises:
        InvalidInput: factor or multiple is zero, the barcode's check digit is wrong, or it is the base unit itself.
        AlreadyThere: the product has this unit.
    """
    for name in ("factor", "multiple"):
        if write.values.get(name) == 0:
            raise refuse(name, "Use a number above 0.")
    barcode = write.values.get("barcode")
    if barcode and not ean.is_valid(barcode):
        raise refuse("barcode", "This is no GTIN of 8, 12, 13 or 14 digits: its check digit is wrong.")
    if not write.deletes:
        product = await Product.select(Product.base_unit).where(Product.id == write.value("product_id")).first()
        if product and product["base_unit"] == write.value("unit"):
            raise refuse("unit", "This is the product's base unit: its factor is 1 always.")
    await check_single(write, "product_unit", "product_id", "unit")


async def check_category(write: Write) -> None:
    """Keep the tree of categories a tree.

    Raises:
        InvalidInput: the parent would make a circle.
    """
    await check_tree(write, "category")


async def check_tax_rate(write: Write) -> None:
    """A rate is dated, and one at a time counts for a tax category in a country.

    Raises:
        InvalidInput: it ends before it starts, or overlaps another one.
    """
    await check_period(write)
    if write.deletes:
        return
    overlapping = await connection().fetchval(
        """SELECT EXISTS (SELECT FROM tax_rate WHERE id <> $1 AND tax_category_id = $2 AND country = $3
        AND deleted_at IS NULL AND daterange(starts_on, ends_on, '[]') && daterange($4, $5, '[]'))""",
        write.row_id,
        write.value("tax_category_id"),
        write.value("country"),
        write.value("starts_on"),
        write.value("ends_on"),
    )
    if overlapping:
        raise refuse("starts_on", "Another rate counts for these days. End that one first.")
