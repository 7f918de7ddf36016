"""Which entities replicate, and the kind of each of their fields: the one room of their definitions.

The order of `ENTITIES` is the order of dependence (a row's parents come before it). A change here is a
change of the wire: raise `SCHEMA_VERSION` and say so in `docs/sync-protocol.md`.
"""

from outrider_sdk.protocol.entities.accounts import (
    ACCOUNT,
    AGREEMENT,
    CHANNEL_KINDS,
    CONTACT,
    CONTACT_CHANNEL,
    LEGAL_ENTITY,
    OUTLET,
)
from outrider_sdk.protocol.entities.catalogue import PRICE_ITEM, PRICE_LIST, PRODUCT, PRODUCT_UNIT, STOCK, WAREHOUSE
from outrider_sdk.protocol.entities.definition import (
    COMMON_FIELDS,
    JSON_LENGTH_MAX,
    TEXT_LENGTH_MAX,
    Entity,
    Field,
    Kind,
    Wire,
)
from outrider_sdk.protocol.entities.orders import FULFILMENTS, ORDER, ORDER_LINE, ORDER_STATUSES
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
from outrider_sdk.protocol.entities.records import CONFLICT

SCHEMA_VERSION = 1

ENTITIES: dict[str, Entity] = {
    e.name: e
    for e in (
        ROLE,
        OFFICE,
        TEAM,
        TERRITORY,
        MEMBER,
        DELEGATION,
        LEGAL_ENTITY,
        PRICE_LIST,
        PRODUCT,
        PRODUCT_UNIT,
        PRICE_ITEM,
        WAREHOUSE,
        STOCK,
        ACCOUNT,
        AGREEMENT,
        OUTLET,
        CONTACT,
        CONTACT_CHANNEL,
        ASSIGNMENT,
        ORDER,
        ORDER_LINE,
        CONFLICT,
    )
}


def entity(name: str) -> Entity | None:
    """The entity of that name, or None where this version knows none."""
    return ENTITIES.get(name)


__all__ = [
    "ACCOUNT",
    "AGREEMENT",
    "ASSIGNMENT",
    "CHANNEL_KINDS",
    "COMMON_FIELDS",
    "CONFLICT",
    "CONTACT",
    "CONTACT_CHANNEL",
    "DELEGATION",
    "ENTITIES",
    "FULFILMENTS",
    "JSON_LENGTH_MAX",
    "LEGAL_ENTITY",
    "MEMBER",
    "OFFICE",
    "ORDER",
    "ORDER_LINE",
    "ORDER_STATUSES",
    "OUTLET",
    "PRICE_ITEM",
    "PRICE_LIST",
    "PRODUCT",
    "PRODUCT_UNIT",
    "ROLE",
    "ROLES",
    "SCHEMA_VERSION",
    "STOCK",
    "TEAM",
    "TERRITORY",
    "TEXT_LENGTH_MAX",
    "WAREHOUSE",
    "Entity",
    "Field",
    "Kind",
    "Wire",
    "entity",
]
