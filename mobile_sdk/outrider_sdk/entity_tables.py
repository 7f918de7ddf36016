"""The tables of a replica: an attribute for each entity that replicates, in the plural."""

from __future__ import annotations  # the row classes are recorded by code that imports this

from typing import Any

from outrider_sdk import rows
from outrider_sdk.attachments import AttachmentTable
from outrider_sdk.conflicts import ConflictTable
from outrider_sdk.errors import InvalidValue
from outrider_sdk.orders import OrderLineTable, OrderTable
from outrider_sdk.protocol.entities import ENTITIES
from outrider_sdk.records import (
    CapturedTable,
    ConsentTable,
    PaymentTable,
    ReturnLineTable,
    ReturnOrderTable,
    VisitTable,
)
from outrider_sdk.store import Store
from outrider_sdk.tables import Begin, Table

_KINDS: dict[str, type[Table[Any]]] = {
    "attachment": AttachmentTable,
    "conflict": ConflictTable,
    "order": OrderTable,
    "order_line": OrderLineTable,
    "return_order": ReturnOrderTable,
    "return_line": ReturnLineTable,
    "payment": PaymentTable,
    "visit": VisitTable,
    "consent": ConsentTable,
    "stock_movement": CapturedTable,
}


class EntityTables:
    """What `crm.accounts` and its like are."""

    roles: Table[rows.Role]
    offices: Table[rows.Office]
    teams: Table[rows.Team]
    delegations: Table[rows.Delegation]
    custom_fields: Table[rows.CustomField]
    field_masters: Table[rows.FieldMaster]
    territories: Table[rows.Territory]
    members: Table[rows.Member]
    legal_entities: Table[rows.LegalEntity]
    categories: Table[rows.Category]
    tax_categories: Table[rows.TaxCategory]
    tax_rates: Table[rows.TaxRate]
    price_lists: Table[rows.PriceList]
    products: Table[rows.Product]
    product_units: Table[rows.ProductUnit]
    price_items: Table[rows.PriceItem]
    assortments: Table[rows.Assortment]
    promotions: Table[rows.Promotion]
    warehouses: Table[rows.Warehouse]
    stocks: Table[rows.Stock]
    stock_movements: CapturedTable[rows.StockMovement]
    accounts: Table[rows.Account]
    agreements: Table[rows.Agreement]
    outlets: Table[rows.Outlet]
    assortment_items: Table[rows.AssortmentItem]
    contacts: Table[rows.Contact]
    contact_channels: Table[rows.ContactChannel]
    consents: ConsentTable
    assignments: Table[rows.Assignment]
    orders: OrderTable
    order_lines: OrderLineTable
    conflicts: ConflictTable
    return_orders: ReturnOrderTable
    return_lines: ReturnLineTable
    invoices: Table[rows.Invoice]
    receivables: Table[rows.Receivable]
    payments: PaymentTable
    payment_allocations: Table[rows.PaymentAllocation]
    comments: Table[rows.Comment]
    attachments: AttachmentTable
    routes: Table[rows.Route]
    route_stops: Table[rows.RouteStop]
    visits: VisitTable
    merges: Table[rows.Merge]

    def _make_tables(self, store: Store, begin: Begin) -> None:
        self._tables: dict[str, Table[Any]] = {}
        for name, entity in ENTITIES.items():
            self._tables[name] = _KINDS.get(name, Table)(store, entity, begin)
            setattr(self, plural(name), self._tables[name])

    def table(self, entity: str) -> Table[Any]:
        """The rows of an entity, by its name: `crm.table("account")` is `crm.accounts`.

        Raises:
            InvalidValue: no such entity replicates.
        """
        try:
            return self._tables[entity]
        except KeyError:
            raise InvalidValue(entity, None, "there is no such entity") from None


def plural(entity: str) -> str:
    """The name of an entity's attribute of the replica."""
    return entity[:-1] + "ies" if entity.endswith("y") else entity + "s"
