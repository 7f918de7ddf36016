"""What can be imported. A new entity is a target in one of these modules, and a name in `TARGETS`."""

from typing import Final

from server.imports.targets.customers import ACCOUNT, AGREEMENT, CONTACT, OUTLET
from server.imports.targets.goods import (
    CATEGORY,
    PRICE,
    PRICE_LIST,
    PRODUCT,
    PRODUCT_UNIT,
    STOCK,
    TAX_CATEGORY,
    WAREHOUSE,
)
from server.imports.targets.money import RECEIVABLE
from server.imports.targets.people import ASSIGNMENT, LEGAL_ENTITY, TERRITORY, USER
from server.imports.targets.shape import EXTERNAL_ID, Column, Part, Target, plain
from server.imports.targets.trade import ORDER, ORDER_LINE

TARGETS: Final[dict[str, Target]] = {
    target.name: target
    for target in (
        LEGAL_ENTITY, USER, TERRITORY, CATEGORY, TAX_CATEGORY, PRICE_LIST, WAREHOUSE, PRODUCT, PRODUCT_UNIT, PRICE,
        STOCK,
        ACCOUNT, AGREEMENT, OUTLET, CONTACT, ASSIGNMENT, ORDER, ORDER_LINE, RECEIVABLE,
    )
}  # fmt: skip
"""In the order in which the files of one folder are imported: what is named, before what names it."""

__all__ = ["EXTERNAL_ID", "TARGETS", "Column", "Part", "Target", "plain"]
