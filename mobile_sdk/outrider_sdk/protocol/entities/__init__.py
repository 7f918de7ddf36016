"""Which entities replicate, and the kind of each of their fields: the one room of their definitions.

The order of `ENTITIES` is the order of dependence (a row's parents come before it). A change here is a
change of the wire: raise `SCHEMA_VERSION` and say so in `docs/sync-protocol.md`.
"""

from outrider_sdk.protocol.entities.accounts import (
    ACCOUNT,
    AGREEMENT,
    CHANNEL_KINDS,
    CONSENT,
    CONTACT,
    CONTACT_CHANNEL,
    LEGAL_ENTITY,
    OUTLET,
)
from outrider_sdk.protocol.entities.catalogue import (
    ASSORTMENT,
    ASSORTMENT_ITEM,
    CATEGORY,
    PRICE_ITEM,
    PRICE_LIST,
    PRODUCT,
    PRODUCT_UNIT,
    PROMOTION,
    TAX_CATEGORY,
    TAX_RATE,
)
from outrider_sdk.protocol.entities.definition import (
    COMMON_FIELDS,
    INTEGER_MAX,
    INTEGER_MIN,
    JSON_LENGTH_MAX,
    TEXT_LENGTH_MAX,
    Entity,
    Field,
    Kind,
    Wire,
)
from outrider_sdk.protocol.entities.fieldwork import ROUTE, ROUTE_STOP, VISIT
from outrider_sdk.protocol.entities.money import INVOICE, PAYMENT, PAYMENT_ALLOCATION, RECEIVABLE
from outrider_sdk.protocol.entities.orders import (
    FULFILMENTS,
    ORDER,
    ORDER_LINE,
    ORDER_STATUSES,
    RETURN_LINE,
    RETURN_ORDER,
)
from outrider_sdk.protocol.entities.people import (
    ASSIGNMENT,
    DELEGATION,
    MEMBER,
    OFFICE,
    ROLE,
    ROLES,
    TEAM,
    TERRITORY,
)
from outrider_sdk.protocol.entities.records import (
    ATTACHMENT,
    COMMENT,
    CONFLICT,
    CUSTOM_FIELD,
    CUSTOM_TYPES,
    FIELD_MASTER,
    MERGE,
    MERGED_ENTITIES,
)
from outrider_sdk.protocol.entities.stock import STOCK, STOCK_MOVEMENT, WAREHOUSE

SCHEMA_VERSION = 1

ENTITIES: dict[str, Entity] = {
    e.name: e
    for e in (
        ROLE,
        OFFICE,
        TEAM,
        CUSTOM_FIELD,
        FIELD_MASTER,
        TERRITORY,
        MEMBER,
        DELEGATION,
        LEGAL_ENTITY,
        CATEGORY,
        TAX_CATEGORY,
        TAX_RATE,
        PRICE_LIST,
        PRODUCT,
        PRODUCT_UNIT,
        PRICE_ITEM,
        ASSORTMENT,
        PROMOTION,
        WAREHOUSE,
        STOCK,
        STOCK_MOVEMENT,
        ACCOUNT,
        AGREEMENT,
        OUTLET,
        ASSORTMENT_ITEM,
        CONTACT,
        CONTACT_CHANNEL,
        CONSENT,
        ASSIGNMENT,
        ORDER,
        ORDER_LINE,
        RETURN_ORDER,
        RETURN_LINE,
        INVOICE,
        RECEIVABLE,
        PAYMENT,
        PAYMENT_ALLOCATION,
        COMMENT,
        ATTACHMENT,
        ROUTE,
        ROUTE_STOP,
        VISIT,
        CONFLICT,
        MERGE,
    )
}


def entity(name: str) -> Entity | None:
    """The entity of that name, or None where this version knows none."""
    return ENTITIES.get(name)


__all__ = [
    "ACCOUNT",
    "AGREEMENT",
    "ASSIGNMENT",
    "ASSORTMENT",
    "ASSORTMENT_ITEM",
    "ATTACHMENT",
    "CATEGORY",
    "CHANNEL_KINDS",
    "COMMENT",
    "COMMON_FIELDS",
    "CONFLICT",
    "CONSENT",
    "CONTACT",
    "CONTACT_CHANNEL",
    "CUSTOM_FIELD",
    "CUSTOM_TYPES",
    "DELEGATION",
    "ENTITIES",
    "FIELD_MASTER",
    "FULFILMENTS",
    "INTEGER_MAX",
    "INTEGER_MIN",
    "INVOICE",
    "JSON_LENGTH_MAX",
    "LEGAL_ENTITY",
    "MEMBER",
    "MERGE",
    "MERGED_ENTITIES",
    "OFFICE",
    "ORDER",
    "ORDER_LINE",
    "ORDER_STATUSES",
    "OUTLET",
    "PAYMENT",
    "PAYMENT_ALLOCATION",
    "PRICE_ITEM",
    "PRICE_LIST",
    "PRODUCT",
    "PRODUCT_UNIT",
    "PROMOTION",
    "RECEIVABLE",
    "RETURN_LINE",
    "RETURN_ORDER",
    "ROLE",
    "ROLES",
    "ROUTE",
    "ROUTE_STOP",
    "SCHEMA_VERSION",
    "STOCK",
    "STOCK_MOVEMENT",
    "TAX_CATEGORY",
    "TAX_RATE",
    "TEAM",
    "TERRITORY",
    "TEXT_LENGTH_MAX",
    "VISIT",
    "WAREHOUSE",
    "Entity",
    "Field",
    "Kind",
    "Wire",
    "entity",
]
