"""Random histories of plain SQL over everything that decides who sees what."""

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from outrider_sdk.protocol.entities import ENTITIES

from server import clock

ROLES = ["rep", "manager", "admin", "owner", "billing"]
HANGING: dict[str, dict[str, tuple[str, float]]] = {
    "invoice": {"account_id": ("account", 0)},
    "receivable": {"account_id": ("account", 0)},
    "payment": {"account_id": ("account", 0), "outlet_id": ("outlet", 0.5)},
    "payment_allocation": {"payment_id": ("payment", 0), "receivable_id": ("receivable", 0)},
    "consent": {"contact_id": ("contact", 0)},
    "return_order": {"outlet_id": ("outlet", 0), "maker_id": ("member", 0), "account_id": ("account", 0)},
    "return_line": {"return_order_id": ("return_order", 0)},
    "stock_movement": {"warehouse_id": ("warehouse", 0)},
    "assortment_item": {"outlet_id": ("outlet", 0.5)},
    "route": {"member_id": ("member", 0)},
    "route_stop": {"route_id": ("route", 0), "outlet_id": ("outlet", 0)},
    "visit": {"outlet_id": ("outlet", 0), "member_id": ("member", 0)},
    "comment": {},
    "attachment": {},
}
"""Entities that hang on others: column → the other, and how often it is empty."""

_AT = datetime(2026, 1, 1, tzinfo=UTC)
_BILL = {"currency": "USD"}
RECORDED: dict[str, dict[str, Any]] = {
    "invoice": _BILL | {"number": "1", "issued_on": _AT.date(), "total_minor": 1},
    "receivable": _BILL | {"document_number": "1", "due_on": _AT.date(), "amount_minor": 1, "balance_minor": 1},
    "payment": _BILL | {"amount_minor": 1, "method": "cash", "receipt_number": "1", "paid_at": _AT},
    "payment_allocation": {"amount_minor": 1},
    "consent": {"purpose": "x", "state": "granted", "at": _AT},
    "return_order": _BILL | {"number": "1"},
    "return_line": {"reason": "other", "unit": "piece", "quantity": 1},
    "stock_movement": {"movement_kind": "count", "moved_at": _AT},
    "assortment_item": {},
    "route": {"day": _AT.date()},
    "route_stop": {},
    "visit": {"checked_in_at": _AT},
    "comment": {"body": "x"},
    "attachment": {"name": "x", "media_type": "a/b", "size_bytes": 1, "sha256": "0"},
}
REQUIRED = {
    "invoice": {"legal_entity_id": "legal_entity"},
    "receivable": {"legal_entity_id": "legal_entity"},
    "payment": {"legal_entity_id": "legal_entity"},
    "return_order": {"legal_entity_id": "legal_entity", "agreement_id": "agreement"},
    "return_line": {"product_id": "product"},
    "stock_movement": {"product_id": "product"},
    "assortment_item": {"assortment_id": "assortment", "product_id": "product"},
}

MORTAL = ("territory", "member", "account", "agreement", "outlet", "contact", "contact_channel", "assignment", "order")
CATALOGUE = ("product", "product_unit", "price_list", "price_item", "warehouse", "stock", "assortment")
Move = Callable[[], Any]


class History:
    """A random history of plain SQL over a small world."""

    def __init__(self, conn: asyncpg.Connection, seed: int) -> None:
        self.conn = conn
        self.today = clock.now().date()
        self.dice = random.Random(seed)
        self.ids: dict[str, list[UUID]] = {table: [] for table in ENTITIES}

    def pick(self, table: str, *, or_none: float = 0.0) -> UUID | None:
        if self.dice.random() < or_none or not self.ids[table]:
            return None
        return self.dice.choice(self.ids[table])

    def some(self, table: str) -> list[UUID]:
        return self.dice.sample(self.ids[table], min(len(self.ids[table]), self.dice.choice([1, 1, 1, 2, 5])))

    def day(self) -> date | None:
        return self.dice.choice([None, None, self.today + timedelta(days=self.dice.choice([-9, -1, 0, 1, 9]))])

    async def found(self) -> None:
        """What everything else refers to."""
        for role in ROLES:
            await self.insert("member", name=role, role=role, active=True)
        await self.insert("legal_entity", name="Us", currency="USD")
        await self.insert("price_list", name="List", currency="USD")
        await self.insert("warehouse", name="Depot")
        await self.insert("assortment", name="A")
        await self.insert("product", sku="1", name="Tea", base_unit="piece")
        for _ in range(3):
            await self.add_account()
            await self.add_outlet()
        await self.add_agreement()

    async def insert(self, table: str, **values: Any) -> None:
        row_id = UUID(int=self.dice.getrandbits(128))
        columns = ", ".join(f'"{name}"' for name in ("id", *values))
        marks = ", ".join(f"${i}" for i in range(1, len(values) + 2))
        await self.conn.execute(f'INSERT INTO "{table}" ({columns}) VALUES ({marks})', row_id, *values.values())
        self.ids[table].append(row_id)

    async def update(self, table: str, **values: Any) -> None:
        sets = ", ".join(f'"{name}" = ${i}' for i, name in enumerate(values, 2))
        await self.conn.execute(f'UPDATE "{table}" SET {sets} WHERE id = ANY ($1)', self.some(table), *values.values())

    async def delete(self, table: str) -> None:
        await self.conn.execute(f'DELETE FROM "{table}" WHERE id = ANY ($1)', self.some(table))

    async def undelete(self, table: str) -> None:
        await self.conn.execute(f'UPDATE "{table}" SET deleted_at = NULL WHERE id = ANY ($1)', self.some(table))

    async def add_account(self) -> None:
        await self.insert("account", name="A", created_by=self.pick("member", or_none=0.3))

    async def add_outlet(self) -> None:
        await self.insert(
            "outlet", name="O", account_id=self.pick("account"), territory_id=self.pick("territory", or_none=0.3)
        )

    async def add_agreement(self) -> None:
        await self.insert(
            "agreement",
            account_id=self.pick("account"),
            legal_entity_id=self.pick("legal_entity"),
            price_list_id=self.pick("price_list"),
            currency="USD",
        )

    async def add_order(self) -> None:
        await self.insert(
            "order",
            number="1",
            **{name: self.pick("member") for name in ("maker_id", "owner_id", "credited_id")},
            **{
                f"{t}_id": self.pick(t)
                for t in ("account", "outlet", "legal_entity", "agreement", "warehouse", "price_list")
            },
            currency="USD",
        )

    async def add_order_line(self) -> None:
        if self.ids["order"]:
            await self.insert(
                "order_line",
                order_id=self.pick("order"),
                product_id=self.pick("product"),
                unit="piece",
                quantity=1,
                list_price=1,
            )

    async def add_contact(self) -> None:
        await self.insert(
            "contact", name="C", account_id=self.pick("account"), outlet_id=self.pick("outlet", or_none=0.5)
        )

    async def add_contact_channel(self) -> None:
        if self.ids["contact"]:
            await self.insert(
                "contact_channel", contact_id=self.pick("contact"), channel_kind="email", value="a@b.example"
            )

    async def add_territory(self) -> None:
        await self.insert(
            "territory",
            name="T",
            parent_id=self.pick("territory", or_none=0.3),
            manager_id=self.pick("member", or_none=0.3),
        )

    async def add_assignment(self) -> None:
        await self.insert(
            "assignment",
            member_id=self.pick("member"),
            outlet_id=self.pick("outlet"),
            starts_on=self.day(),
            ends_on=self.day(),
        )

    async def add_priced(self) -> None:
        """A product with a unit, a price and a stock."""
        await self.insert("product", sku="2", name="P", base_unit="box", category_id=self.pick("category", or_none=0.5))
        product = self.ids["product"][-1]
        await self.insert("product_unit", product_id=product, unit="box")
        await self.insert("price_item", price_list_id=self.pick("price_list"), product_id=product, unit="box", price=1)
        if self.dice.random() < 0.3:
            await self.insert("warehouse", name="Van", member_id=self.pick("member"))
        await self.insert("stock", warehouse_id=self.pick("warehouse"), product_id=product, quantity=1)

    async def add_conflict(self) -> None:
        await self.insert(
            "conflict",
            entity="account",
            row_id=self.pick("account"),
            field="name",
            rule="latest",
            status="open",
            explanation="x",
            lost_by=self.pick("member", or_none=0.2),
            kept_by=self.pick("member", or_none=0.2),
        )

    async def add_merge(self) -> None:
        entity = self.dice.choice(["account", "contact"]) if self.ids["contact"] else "account"
        await self.insert("merge", entity=entity, winner_id=self.pick(entity), loser_id=uuid4())

    async def add_recorded(self) -> None:
        """A row of one of the entities that hang on others, where there is something to hang it on."""
        entity = self.dice.choice(list(HANGING))
        values = {column: self.pick(of, or_none=rare) for column, (of, rare) in HANGING[entity].items()}
        if all(values[column] is not None for column, (_, rare) in HANGING[entity].items() if rare == 0):
            if entity in ("comment", "attachment"):
                record = self.dice.choice(["outlet", "account", "contact", "order", "payment", "route_stop"])
                values |= {"entity": record, "row_id": self.pick(record) or self.pick("account")}
            for column, of in REQUIRED.get(entity, {}).items():
                values[column] = self.pick(of)
            await self.insert(entity, **values, **RECORDED[entity])

    async def move_recorded(self) -> None:
        """Hang such rows on others."""
        entity = self.dice.choice(list(HANGING))
        if entity in ("comment", "attachment"):
            await self.update(entity, row_id=self.pick(self.dice.choice(["outlet", "contact"])) or self.pick("account"))
            return
        column, (of, rare) = self.dice.choice(list(HANGING[entity].items()))
        value = self.pick(of, or_none=rare)
        if value is not None or rare:
            await self.update(entity, **{column: value})

    async def step(self) -> None:
        """One random write."""
        moves = [*self._moves_of_people(), *self._moves_of_catalogue()]
        moves += [self.add_recorded] * 10 + [self.move_recorded] * 6
        moves += [lambda t=t: self.delete(t) for t in (*HANGING, *MORTAL, "order_line", *CATALOGUE)]
        moves += [lambda t=t: self.undelete(t) for t in (*MORTAL, *CATALOGUE)]
        await self.dice.choice(moves)()

    def _moves_of_people(self) -> list[Move]:
        """What changes who works whom, and who sees what of it."""
        d = self.dice
        return [
            self.add_account, self.add_outlet, self.add_agreement, self.add_order, self.add_order_line,
            self.add_contact, self.add_contact_channel, self.add_territory, self.add_assignment, self.add_conflict,
            self.add_merge,
            lambda: self.insert("member", name="M", role=d.choice(ROLES), active=d.random() < 0.8),
            lambda: self.update("member", role=d.choice(ROLES)),
            lambda: self.update("member", active=d.random() < 0.6),
            lambda: self.update("territory", parent_id=self.pick("territory", or_none=0.3)),
            lambda: self.update("territory", manager_id=self.pick("member", or_none=0.2)),
            lambda: self.update("account", created_by=self.pick("member", or_none=0.2)),
            lambda: self.update("account", name="B"),
            lambda: self.update("agreement", account_id=self.pick("account")),
            lambda: self.update("outlet", account_id=self.pick("account")),
            lambda: self.update("outlet", territory_id=self.pick("territory", or_none=0.2), name="P"),
            lambda: self.update("contact", account_id=self.pick("account"), outlet_id=self.pick("outlet", or_none=0.5)),
            lambda: (
                self.update("contact_channel", contact_id=self.pick("contact"))
                if self.ids["contact"] else self.add_contact()
            ),
            lambda: self.update("assignment", member_id=self.pick("member"), outlet_id=self.pick("outlet")),
            lambda: self.update("assignment", starts_on=self.day(), ends_on=self.day()),
            lambda: self.update("order", outlet_id=self.pick("outlet")),
            lambda: self.update("order_line", order_id=self.pick("order")) if self.ids["order"] else self.add_order(),
            lambda: self.update("conflict", lost_by=self.pick("member", or_none=0.3)),
            lambda: self.update("conflict", kept_by=self.pick("member", or_none=0.3)),
            lambda: self.update("warehouse", member_id=self.pick("member", or_none=0.3)),
        ]  # fmt: skip

    def _moves_of_catalogue(self) -> list[Move]:
        """What changes who may sell what, at which price."""
        d = self.dice
        return [
            self.add_priced, self.add_priced, lambda: self.update("agreement", price_list_id=self.pick("price_list")),
            lambda: self.insert("price_list", name="Another", currency="USD"),
            lambda: self.insert("assortment", name="B", starts_on=self.day(), ends_on=self.day()),
            lambda: self.insert("category", name="C", parent_id=self.pick("category", or_none=0.5)),
            lambda: self.update("category", parent_id=self.pick("category", or_none=0.3)),
            lambda: self.update("product", category_id=self.pick("category", or_none=0.2)),
            lambda: self.update("assortment", starts_on=self.day(), ends_on=self.day()),
            lambda: self.update("assignment", assortment_id=self.pick("assortment", or_none=0.2)),
            lambda: self.update("assignment", assortment_id=self.pick("assortment")),
            lambda: self.update("assortment_item", product_id=None, category_id=self.pick("category")),
            lambda: self.update("assortment_item", effect=d.choice(["allow", "allow", "ban"]), outlet_id=None),
            lambda: self.update("assortment_item", starts_on=self.day(), ends_on=self.day()),
            lambda: self.update("assortment_item", product_id=self.pick("product"), channel=d.choice([None, "kiosk"])),
            lambda: self.update("price_item", price_list_id=self.pick("price_list"), product_id=self.pick("product")),
            lambda: self.update("stock", warehouse_id=self.pick("warehouse"), product_id=self.pick("product")),
        ]  # fmt: skip
