"""The resources of the REST API, one line each: open the room of an entity for its rules."""

from typing import Final

from outrider_sdk.protocol.entities import ENTITIES

from server.crm.account.service import check_account
from server.crm.account.tables import Account
from server.crm.checks import check_period
from server.crm.company.service import check_agreement, check_legal_entity
from server.crm.company.tables import Agreement, LegalEntity
from server.crm.conflict.tables import Conflict
from server.crm.contact.service import check_contact, normalise_channel
from server.crm.contact.tables import Contact, ContactChannel
from server.crm.member.service import check_delegation, check_member, check_role, forget
from server.crm.member.tables import Delegation, Member, Office, Role, Team
from server.crm.order.service import complete_line, complete_order, recompute_total
from server.crm.order.tables import Order, OrderLine
from server.crm.outlet.service import assign_maker, check_outlet
from server.crm.outlet.tables import Outlet
from server.crm.price.service import raise_version
from server.crm.price.tables import PriceItem, PriceList
from server.crm.product.service import check_product_unit
from server.crm.product.tables import Product, ProductUnit
from server.crm.resource import Resource
from server.crm.stock.service import check_stock
from server.crm.stock.tables import Stock, Warehouse
from server.crm.territory.service import check_assignment, check_territory
from server.crm.territory.tables import Assignment, Territory


def _server_decides(name: str) -> frozenset[str]:
    """The fields that a device may never set."""
    return frozenset(f.name for f in ENTITIES[name].fields if not (f.writable or f.create_only))


def _set_once(name: str) -> frozenset[str]:
    return frozenset(f.name for f in ENTITIES[name].fields if f.create_only)


ORDERS: Final = Resource(
    "/orders",
    Order,
    derived=_server_decides("order"),
    fixed=_set_once("order"),
    completed=frozenset({"number"}),
    owns="order_line",
    rule=complete_order,
)
ORDER_LINES: Final = Resource(
    "/order-lines",
    OrderLine,
    derived=_server_decides("order_line"),
    fixed=_set_once("order_line"),
    completed=frozenset({"list_price"}),
    rule=complete_line,
    then=recompute_total,
)

MEMBERS: Final = Resource("/members", Member, acts=frozenset({"change"}), rule=check_member, then=forget)
"""Members join by log-in, and stay on record when they leave (`active`)."""

RESOURCES: Final = (
    Resource("/roles", Role, rule=check_role, then=forget),
    Resource("/offices", Office),
    Resource("/teams", Team),
    MEMBERS,
    Resource("/delegations", Delegation, rule=check_delegation),
    Resource("/territories", Territory, rule=check_territory),
    Resource("/assignments", Assignment, rule=check_assignment),
    Resource("/legal-entities", LegalEntity, rule=check_legal_entity),
    Resource("/accounts", Account, rule=check_account),
    Resource("/agreements", Agreement, rule=check_agreement),
    Resource("/outlets", Outlet, rule=check_outlet, then=assign_maker),
    Resource("/contacts", Contact, owns="contact_channel", rule=check_contact),
    Resource("/contact-channels", ContactChannel, rule=normalise_channel),
    Resource("/products", Product),
    Resource("/product-units", ProductUnit, rule=check_product_unit),
    Resource("/price-lists", PriceList, derived=frozenset({"version"}), rule=check_period),
    Resource("/price-items", PriceItem, rule=check_period, then=raise_version),
    Resource("/warehouses", Warehouse),
    Resource("/stock", Stock, derived=frozenset({"reserved"}), rule=check_stock),
    ORDERS,
    ORDER_LINES,
    Resource("/conflicts", Conflict, acts=frozenset()),
)
"""In the order in which people read them."""
