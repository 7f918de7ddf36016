"""Rules of products and their units."""

from stdnum import ean

from server.crm.checks import check_single, refuse
from server.crm.product.tables import Product
from server.crm.resource import Write


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
