"""The tables of a replica: an attribute for each entity that replicates, in the plural."""

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

_KINDS: dict[str, type[Table]] = {
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

    custom_fields: Table
    territories: Table
    members: Table
    legal_entities: Table
    categories: Table
    tax_categories: Table
    tax_rates: Table
    price_lists: Table
    products: Table
    product_units: Table
    price_items: Table
    assortments: Table
    promotions: Table
    warehouses: Table
    stocks: Table
    stock_movements: CapturedTable
    accounts: Table
    agreements: Table
    outlets: Table
    assortment_items: Table
    contacts: Table
    contact_channels: Table
    consents: ConsentTable
    assignments: Table
    orders: OrderTable
    order_lines: OrderLineTable
    conflicts: ConflictTable
    return_orders: ReturnOrderTable
    return_lines: ReturnLineTable
    invoices: Table
    receivables: Table
    payments: PaymentTable
    payment_allocations: Table
    comments: Table
    attachments: Table
    routes: Table
    route_stops: Table
    visits: VisitTable
    merges: Table

    def _make_tables(self, store: Store, begin: Begin) -> None:
        self._tables: dict[str, Table] = {}
        for name, entity in ENTITIES.items():
            self._tables[name] = _KINDS.get(name, Table)(store, entity, begin)
            setattr(self, plural(name), self._tables[name])

    def table(self, entity: str) -> Table:
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
