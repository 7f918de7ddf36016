"""A small company in memory, for laws of `decide`: rows, devices that push, and what their pushes leave."""

import copy
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from outrider_sdk.protocol.entities import ENTITIES

from server.sync.decide import decide
from server.sync.state import CREATION, Device, Price, Row, State, WritePlan

NOW = 1_750_000_000_000_000
DAY = 86_400_000_000


def row_id(number: int) -> str:
    """A readable id."""
    return f"01920000-0000-7000-8000-{number:012x}"


ANN, BOB, PHONE_A, PHONE_B, PHONE_C = (row_id(n) for n in range(1, 6))
SHOP, OUTLET, CONTACT, MAIL, TERMS, PRICES, TEA, DEPOT, STOCK, COMPANY, ORDER, LINE, BOX_OF_12, HIDDEN = (
    row_id(n) for n in range(16, 30)
)

_SEED: list[tuple[str, dict[str, Any]]] = [
    ("price_list", {"id": PRICES, "name": "Retail", "currency": "USD", "version": 1}),
    ("product", {"id": TEA, "sku": "TEA", "name": "Tea", "names": "{}", "base_unit": "box", "active": True}),
    ("product_unit", {"id": BOX_OF_12, "product_id": TEA, "unit": "case", "factor": "12", "multiple": "1"}),
    ("warehouse", {"id": DEPOT, "name": "Depot", "warehouse_kind": "depot"}),
    ("stock", {"id": STOCK, "warehouse_id": DEPOT, "product_id": TEA, "quantity": "39", "reserved": "0", "as_of": 0}),
    ("account", {"id": SHOP, "name": "Corner Shop", "roles": '["customer"]', "tags": '["a","b"]'}),
    ("agreement", {"id": TERMS, "account_id": SHOP, "legal_entity_id": COMPANY, "price_list_id": PRICES,
                   "currency": "USD", "discount_max": "0.10"}),
    ("outlet", {"id": OUTLET, "account_id": SHOP, "name": "Main St", "tags": "[]"}),
    ("contact", {"id": CONTACT, "account_id": SHOP, "name": "Carla", "job_title": "Clerk"}),
    ("contact", {"id": HIDDEN, "account_id": SHOP, "name": "Not in sight"}),
    ("contact_channel", {"id": MAIL, "contact_id": CONTACT, "channel_kind": "email", "value": "c@shop.example",
                         "preferred": False}),
    ("order", {"id": ORDER, "number": "A-1", "outlet_id": OUTLET, "agreement_id": TERMS, "warehouse_id": DEPOT,
               "price_list_id": PRICES, "currency": "USD", "fulfilment": "partial", "status": "draft",
               "total_minor": 3600}),
    ("order_line", {"id": LINE, "order_id": ORDER, "position": 1, "product_id": TEA, "unit": "box", "factor": "1",
                    "quantity": "2", "list_price": "18.00", "discount": "0", "adjustments": "[]",
                    "amount_minor": 3600}),
]  # fmt: skip


@dataclass
class Store:
    """What the database would hold, and a decided batch's way into it."""

    rows: dict[tuple[str, str], Row] = field(default_factory=dict)
    refused: dict[str, dict[str, int]] = field(default_factory=dict)
    conflicts: list[Row] = field(default_factory=list)
    revision: int = 10

    def push(
        self, device: str, *mutations: dict[str, Any], member: str = ANN, now: int = NOW + DAY, revision: int = 0
    ) -> WritePlan:
        """Load, decide, write: one push."""
        self.revision = revision or self.revision + 1
        state = self.load(device, member=member, now=now)
        plan = decide(copy.deepcopy(list(mutations)), state)
        for row in state.dirty():
            row.values["revision"] = self.revision
        self.rows = {key: _stored(row) for key, row in state.rows.items()}
        self.refused.setdefault(device, {}).update(state.refused)
        self.conflicts += plan.conflicts
        return plan

    def load(self, device: str, *, member: str = ANN, now: int = NOW + DAY) -> State:
        """Everything, as a push would load it."""
        state = State(Device(device, member, 1, enrolled_at=0), self.revision, now, price_window=7 * DAY)
        state.add(row.copy() for row in self.rows.values())
        of_any = {"box": Decimal("18.00"), "case": Decimal(200)}
        state.prices = {(PRICES, TEA, unit): {Decimal(0): Price(price)} for unit, price in of_any.items()}
        state.refused = dict(self.refused.get(device, {}))
        return state

    def values(self, entity: str, of: str) -> dict[str, Any]:
        """A row's values, without its revision."""
        return {k: v for k, v in self.rows[entity, of].values.items() if k != "revision"}

    def content(self) -> dict[tuple[str, str], tuple[bool, dict[str, Any]]]:
        """All rows: deleted or not, and their values."""
        return {key: (row.deleted, self.values(*key)) for key, row in self.rows.items()}


def make_store() -> Store:
    """The company as of revision 10."""
    store = Store()
    for name, values in _SEED:
        entity = ENTITIES[name]
        filled = (
            dict.fromkeys(entity.columns) | {"custom": "{}", "revision": 10, "created_at": 0, "updated_at": 0} | values
        )
        row = Row(entity, filled, {CREATION: [10, NOW - DAY, None, None, None]})
        row.visible_until = -1 if values["id"] == HIDDEN else row.visible_until
        store.rows[row.key] = row
    return store


def snapshot(state: State) -> str:
    """Everything that a decision may change, as text to compare byte for byte."""
    return repr(sorted((key, repr(row)) for key, row in state.rows.items()))


def _stored(row: Row) -> Row:
    stored = copy.deepcopy(row)
    stored.is_new = stored.dirty = False
    return stored


def mutation(number: int, *changes: Any, captured_at: int = NOW, skew: int | None = 0) -> dict[str, Any]:
    """A mutation; its digest is not looked at here."""
    return {
        "number": number,
        "digest": f"{number:064x}",
        "captured_at": captured_at,
        "skew": skew,
        "changes": list(changes),
    }


def edit(entity: str, of: str, base: int = 10, **values: Any) -> dict[str, Any]:
    """An edit of fields, all seen at one revision."""
    fields = {k: {"value": v, "seen": None, "base": base} for k, v in values.items()}
    return {"op": "edit", "entity": entity, "id": of, "fields": fields}


def create(entity: str, new: str, **fields: Any) -> dict[str, Any]:
    """A create."""
    return {"op": "create", "entity": entity, "id": new, "fields": fields}


def delete(entity: str, of: str, base: int = 10) -> dict[str, Any]:
    """A delete."""
    return {"op": "delete", "entity": entity, "id": of, "base": base}


def submit(of: str, total_minor: Any, lines: Any = None) -> dict[str, Any]:
    """The submission of an order."""
    return {
        "op": "intent",
        "name": "order.submit",
        "id": of,
        "seen": {"total_minor": total_minor, "lines": lines or []},
    }
