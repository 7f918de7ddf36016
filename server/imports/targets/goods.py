"""Targets about what is sold: products, units, prices, stock, and what those name."""

from typing import Final

from server.imports.targets.shape import Part, Target, column, external_id

_PRODUCT = "item,article,product id,product code,sku,товар,артикул,номенклатура,код товара,тауар"
_UNIT = "uom,unit of measure,pack,единица,ед,ед изм,единица измерения,өлшем бірлігі"
_QUANTITY = "qty,amount,in stock,units in stock,on hand,остаток,количество,кол-во,саны,қалдық"
_PRICE = "unit price,list price,цена,цена продажи,бағасы,баға"
_PERIOD = (("starts_on", "valid from,from,start,действует с,с"), ("ends_on", "valid to,to,until,end,действует по,по"))

CATEGORY: Final = Target(
    "category",
    (Part("category", "category", ("name",)),),
    (
        external_id("category", "category id,group id,код группы,код категории"),
        column("name", "category.name", "category,category name,group,категория,группа,название,наименование,санат", required=True),
        column("parent", "category.parent_id", "parent category,parent group,родитель,родительская группа", refers="category"),
        column("position", "category.position", "order,sort,порядок"),
    ),
)  # fmt: skip

TAX_CATEGORY: Final = Target(
    "tax_category",
    (Part("tax_category", "tax_category", ("name",)),),
    (
        external_id("tax_category", "tax category id,код ставки"),
        column("name", "tax_category.name", "tax category,vat,ндс,ставка ндс,название,ққс", required=True),
    ),
)

PRODUCT: Final = Target(
    "product",
    (
        Part("product", "product", ("sku",)),
        Part("unit", "product_unit", ("product_id", "unit"), {"product_id": "product"}, made_by=("unit",)),
        Part("price", "price_item", ("product_id", "price_list_id", "unit", "minimum_quantity", "starts_on"), {"product_id": "product"}, copies={"unit": "product.base_unit"}, made_by=("price",)),
        Part("stock", "stock", ("product_id", "warehouse_id"), {"product_id": "product"}, made_by=("quantity",)),
    ),
    (
        external_id("product", "product id,item id,код товара,код номенклатуры"),
        column("sku", "product.sku", "article,article number,item number,product code,артикул,тауар коды", required=True, hint="finds the product again"),
        column("name", "product.name", "product name,product,item,item name,title,наименование,название,товар,номенклатура,тауар,атауы", required=True),
        column("base_unit", "product.base_unit", _UNIT, hint="“unit” otherwise"),
        column("category", "product.category_id", "category name,group,product group,категория,группа,санат", refers="category", makes=True, hint="made if it is not there"),
        column("tax_category", "product.tax_category_id", "vat,tax,ндс,ставка ндс,ққс", refers="tax_category", makes=True, hint="made if it is not there"),
        column("description", "product.description", "quantity per unit,notes,описание,сипаттама"),
        column("active", "product.active", "enabled,in use,активен,белсенді", hint="yes or no"),
        column("discontinued", "product.discontinued", "снят с производства,архив", hint="the opposite of active"),
        column("unit", "unit.unit", "second unit,package,упаковка,қаптама", hint="a further unit, with its factor"),
        column("factor", "unit.factor", "units per package,per pack,коэффициент,в упаковке"),
        column("barcode", "unit.barcode", "ean,gtin,upc,штрихкод,штрих-код"),
        column("price", "price.price", _PRICE),
        column("price_list", "price.price_list_id", "price list name,прайс-лист,тип цен,бағалар тізімі", refers="price_list"),
        column("quantity", "stock.quantity", f"stock,{_QUANTITY}"),
        column("warehouse", "stock.warehouse_id", "depot,store,склад,қойма", refers="warehouse"),
    ),
)  # fmt: skip

PRODUCT_UNIT: Final = Target(
    "product_unit",
    (Part("unit", "product_unit", ("product_id", "unit")),),
    (
        column("product", "unit.product_id", _PRODUCT, refers="product", required=True),
        column("unit", "unit.unit", _UNIT, required=True),
        column("factor", "unit.factor", "units per package,per pack,коэффициент,в упаковке", required=True, hint="base units in one"),
        column("barcode", "unit.barcode", "ean,gtin,upc,штрихкод,штрих-код"),
        column("multiple", "unit.multiple", "order multiple,кратность", hint="orders are multiples of it"),
    ),
    external=False,
)  # fmt: skip

PRICE: Final = Target(
    "price",
    (Part("price", "price_item", ("product_id", "price_list_id", "unit", "minimum_quantity", "starts_on")),),
    (
        column("price_list", "price.price_list_id", "price list name,list,прайс-лист,тип цен,бағалар тізімі", refers="price_list", hint="the only one otherwise"),
        column("product", "price.product_id", _PRODUCT, refers="product", required=True),
        column("unit", "price.unit", _UNIT, hint="the product's base unit otherwise"),
        column("price", "price.price", _PRICE, required=True),
        column("minimum_quantity", "price.minimum_quantity", "from quantity,min quantity,минимальное количество"),
        *(column(name, f"price.{name}", known_as) for name, known_as in _PERIOD),
    ),
    external=False,
)  # fmt: skip

STOCK: Final = Target(
    "stock",
    (Part("stock", "stock", ("product_id", "warehouse_id")),),
    (
        column("warehouse", "stock.warehouse_id", "depot,store,склад,қойма", refers="warehouse", hint="the only one otherwise"),
        column("product", "stock.product_id", _PRODUCT, refers="product", required=True),
        column("quantity", "stock.quantity", _QUANTITY, required=True, hint="in base units"),
        column("as_of", "stock.as_of", "counted at,date,на дату,дата", hint="when it was counted; now otherwise"),
    ),
    external=False,
)  # fmt: skip

PRICE_LIST: Final = Target(
    "price_list",
    (Part("price_list", "price_list", ("name",)),),
    (
        external_id("price_list", "price list id,код прайса"),
        column("name", "price_list.name", "price list,прайс-лист,название,наименование,атауы", required=True),
        column("currency", "price_list.currency", "currency code,валюта", required=True, hint="ISO 4217"),
        *(column(name, f"price_list.{name}", known_as) for name, known_as in _PERIOD),
    ),
)

WAREHOUSE: Final = Target(
    "warehouse",
    (Part("warehouse", "warehouse", ("name",)),),
    (
        external_id("warehouse", "warehouse id,код склада"),
        column("name", "warehouse.name", "warehouse,depot,склад,название,наименование,қойма,атауы", required=True),
        column("legal_entity", "warehouse.legal_entity_id", "our company,организация,юрлицо", refers="legal_entity"),
        column("warehouse_kind", "warehouse.warehouse_kind", "kind,type,тип", hint="depot or van"),
        column("driver", "warehouse.member_id", "member,user,водитель,экспедитор", refers="member"),
    ),
)
