"""The resources of the REST API, one line each: open the room of an entity for its rules."""

from typing import Final

from outrider_sdk.protocol.entities import (
    ASSORTMENT,
    ASSORTMENT_ITEM,
    ATTACHMENT,
    CATEGORY,
    COMMENT,
    CONSENT,
    CUSTOM_FIELD,
    ENTITIES,
    FIELD_MASTER,
    INVOICE,
    PAYMENT,
    PAYMENT_ALLOCATION,
    PROMOTION,
    RECEIVABLE,
    RETURN_LINE,
    RETURN_ORDER,
    ROUTE,
    ROUTE_STOP,
    STOCK_MOVEMENT,
    TAX_CATEGORY,
    TAX_RATE,
    VISIT,
    Entity,
)

from server.crm.account.service import check_account, flag_doubled_tax_id
from server.crm.account.tables import Account
from server.crm.assortment.service import check_item
from server.crm.checks import check_period
from server.crm.company.service import check_agreement, check_legal_entity
from server.crm.company.tables import Agreement, LegalEntity
from server.crm.conflict.tables import Conflict
from server.crm.contact.service import check_contact, complete_consent, normalise_channel
from server.crm.contact.tables import Contact, ContactChannel
from server.crm.custom.service import check_definition
from server.crm.master.service import check_master
from server.crm.member.service import check_delegation, check_member, check_role, follow_member, forget
from server.crm.member.tables import Delegation, Member, Office, Role, Team
from server.crm.merge.tables import Merge
from server.crm.order.service import complete_line, complete_order, recompute_total
from server.crm.order.tables import Order, OrderLine
from server.crm.outlet.service import assign_maker, check_outlet
from server.crm.outlet.tables import Outlet
from server.crm.payment.service import (
    allocate_payment,
    check_invoice,
    check_new_payment,
    check_receivable,
    pay_new_debt,
)
from server.crm.price.service import raise_version
from server.crm.price.tables import PriceItem, PriceList
from server.crm.product.service import check_category, check_product_unit, check_tax_rate
from server.crm.product.tables import Product, ProductUnit
from server.crm.promotion.service import check_promotion
from server.crm.record.service import check_comment, check_new_attachment
from server.crm.resource import Resource, Rule, no_rule
from server.crm.returns.service import complete_return, complete_return_line, recompute_return, take_back
from server.crm.stock.service import check_movement, check_stock, move_stock, record_count
from server.crm.stock.tables import Stock, Warehouse
from server.crm.tables import create_table
from server.crm.territory.service import check_assignment, check_territory
from server.crm.territory.tables import Assignment, Territory
from server.crm.visit.service import check_route, complete_visit


def _server_decides(name: str) -> frozenset[str]:
    """The fields that a device may never set."""
    return frozenset(f.name for f in ENTITIES[name].fields if not f.settable(creating=True))


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

MEMBERS: Final = Resource("/members", Member, acts=frozenset({"change"}), rule=check_member, then=follow_member)
"""Members join by log-in, and stay on record when they leave (`active`)."""

RETURNS: Final = Resource(
    "/return-orders",
    create_table(RETURN_ORDER),
    derived=_server_decides("return_order") - {"status", "status_reason"},
    fixed=_set_once("return_order"),
    completed=frozenset({"number"}),
    owns="return_line",
    rule=complete_return,
    then=take_back,
)


def _recorded(path: str, entity: Entity, *, rule: Rule, then: Rule = no_rule) -> Resource:
    """What is recorded once, and stays."""
    acts = frozenset({"create", "change"} if any(f.once for f in entity.fields) else {"create"})
    return Resource(
        path,
        create_table(entity),
        derived=_server_decides(entity.name),
        fixed=_set_once(entity.name),
        acts=acts,
        rule=rule,
        then=then,
    )


ATTACHMENTS: Final = _recorded("/attachments", ATTACHMENT, rule=check_new_attachment)

MERGES: Final = Resource("/merges", Merge, acts=frozenset())

RESOURCES: Final = (
    Resource("/roles", Role, rule=check_role, then=forget),
    Resource("/offices", Office),
    Resource("/teams", Team),
    MEMBERS,
    Resource("/delegations", Delegation, rule=check_delegation),
    Resource("/territories", Territory, rule=check_territory),
    Resource("/assignments", Assignment, rule=check_assignment),
    Resource("/legal-entities", LegalEntity, rule=check_legal_entity),
    Resource("/accounts", Account, rule=check_account, then=flag_doubled_tax_id),
    Resource("/agreements", Agreement, rule=check_agreement),
    Resource("/outlets", Outlet, rule=check_outlet, then=assign_maker),
    Resource("/contacts", Contact, owns="contact_channel", rule=check_contact),
    Resource("/contact-channels", ContactChannel, rule=normalise_channel),
    _recorded("/consents", CONSENT, rule=complete_consent),
    Resource("/categories", create_table(CATEGORY), rule=check_category),
    Resource("/tax-categories", create_table(TAX_CATEGORY)),
    Resource("/tax-rates", create_table(TAX_RATE), rule=check_tax_rate),
    Resource("/products", Product),
    Resource("/product-units", ProductUnit, rule=check_product_unit),
    Resource("/price-lists", PriceList, derived=frozenset({"version"}), rule=check_period),
    Resource("/price-items", PriceItem, rule=check_period, then=raise_version),
    Resource("/assortments", create_table(ASSORTMENT), owns="assortment_item", rule=check_period),
    Resource("/assortment-items", create_table(ASSORTMENT_ITEM), rule=check_item),
    Resource("/promotions", create_table(PROMOTION), derived=frozenset({"version"}), rule=check_promotion),
    Resource("/warehouses", Warehouse),
    Resource("/stock", Stock, derived=frozenset({"reserved"}), rule=check_stock, then=record_count),
    _recorded("/stock-movements", STOCK_MOVEMENT, rule=check_movement, then=move_stock),
    ORDERS,
    ORDER_LINES,
    RETURNS,
    Resource(
        "/return-lines",
        create_table(RETURN_LINE),
        derived=_server_decides("return_line"),
        fixed=_set_once("return_line"),
        rule=complete_return_line,
        then=recompute_return,
    ),
    Resource("/invoices", create_table(INVOICE), rule=check_invoice),
    Resource("/receivables", create_table(RECEIVABLE), rule=check_receivable, then=pay_new_debt),
    _recorded("/payments", PAYMENT, rule=check_new_payment, then=allocate_payment),
    Resource("/payment-allocations", create_table(PAYMENT_ALLOCATION), acts=frozenset()),
    Resource("/routes", create_table(ROUTE), owns="route_stop", rule=check_route),
    Resource("/route-stops", create_table(ROUTE_STOP)),
    _recorded("/visits", VISIT, rule=complete_visit),
    _recorded("/comments", COMMENT, rule=check_comment),
    ATTACHMENTS,
    Resource("/custom-fields", create_table(CUSTOM_FIELD), derived=frozenset({"version"}), rule=check_definition),
    Resource("/field-masters", create_table(FIELD_MASTER), rule=check_master),
    Resource("/conflicts", Conflict, acts=frozenset()),
    MERGES,
)
"""In the order in which people read them."""
