"""A small trading company in a fresh tenant, and devices that speak the wire without an SDK."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from outrider_sdk.protocol import GENESIS_DIGEST, chain_digest
from outrider_sdk.protocol.ids import uuid7

from server.clock import now, to_micros
from server.db import SYSTEM, Actor, Source, TenantRef, connection, tenant_transaction, tenant_write
from server.sync.position import Position, PositionUnknown
from server.sync.pull import pull
from server.sync.push import push

DAY_US = 86_400_000_000


def new_id() -> str:
    """A fresh row id as it stands on the wire."""
    return str(uuid7())


@dataclass
class WireDevice:
    """A device reduced to its wire: numbers, digests, a cursor, and rows as the last pulls left them."""

    tenant: TenantRef
    id: str
    member_id: str
    number: int = 0
    digest: str = GENESIS_DIGEST
    cursor: int = 0
    view: str | None = None
    rows: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)

    @property
    def actor(self) -> Actor:
        """Who acts when this device pushes."""
        return Actor(UUID(self.member_id), UUID(self.id))

    def mutation(self, *changes: Any, captured_at: int | None = None, skew: int | None = 0) -> dict[str, Any]:
        """The next mutation, numbered and chained."""
        self.number += 1
        at = to_micros(now()) if captured_at is None else captured_at
        body = {"number": self.number, "captured_at": at, "skew": skew, "changes": list(changes)}
        self.digest = chain_digest(self.digest, body)
        return body | {"digest": self.digest}

    async def push(
        self, *mutations: dict[str, Any], acked_through: int = 0, incarnation: int = 1
    ) -> list[dict[str, Any]]:
        """Hand in mutations; their outcomes."""
        async with tenant_write(self.tenant, by=self.actor, source=Source.SYNC) as revision:
            reply = await push(list(mutations), incarnation=incarnation, acked_through=acked_through, revision=revision)
        return list(reply["outcomes"])

    async def do(self, *changes: dict[str, Any], captured_at: int | None = None) -> dict[str, Any]:
        """Hand in one mutation; its outcome."""
        return (await self.push(self.mutation(*changes, captured_at=captured_at)))[0]

    def copy(self) -> "WireDevice":
        """The same device from a copied file: the same identity, numbers and rows."""
        rows = {entity: dict(rows) for entity, rows in self.rows.items()}
        return WireDevice(self.tenant, self.id, self.member_id, self.number, self.digest, self.cursor, self.view, rows)

    async def edit(self, entity: str, row_id: str, **values: Any) -> dict[str, Any]:
        """Edit fields as seen in the last pull, and hand the edit in; its outcome."""
        outcomes = await self.push(self.mutation(self.edit_change(entity, row_id, **values)))
        return outcomes[0]

    def edit_change(self, entity: str, row_id: str, **values: Any) -> dict[str, Any]:
        """An edit of fields as seen in the last pull."""
        seen = self.rows.get(entity, {}).get(row_id, {})
        fields = {k: {"value": v, "seen": seen.get(k), "base": seen.get("revision", 0)} for k, v in values.items()}
        return {"op": "edit", "entity": entity, "id": row_id, "fields": fields}

    async def pull(self, page_rows: int = 20_000, between: Callable[[], Awaitable[None]] | None = None) -> int:
        """Pull until complete, while something happens between the pages; how many pages it took."""
        position, pages = None, 0
        before = {entity: dict(rows) for entity, rows in self.rows.items()}
        while True:
            async with tenant_transaction(self.tenant, snapshot=True):
                try:
                    page = await pull(
                        self.cursor, Position.parse(position), actor=self.actor, view=self.view, page_rows=page_rows
                    )
                except PositionUnknown:  # the member's role has changed since the page before
                    position, self.rows = None, {entity: dict(rows) for entity, rows in before.items()}
                    continue
            if page["anew"] and position is None:
                self.rows = {}
            pages += 1
            self._take(page)
            if page["complete"]:
                self.cursor, self.view = page["cursor"], page["view"]
                return pages
            position = page["position"]
            if between is not None:
                await between()

    def _take(self, page: dict[str, Any]) -> None:
        for entity, columns in page["puts"].items():
            for values in zip(*columns.values(), strict=True):
                row = dict(zip(columns, values, strict=True))
                assert row["revision"] >= self.rows.get(entity, {}).get(row["id"], row)["revision"], "it went back"
                self.rows.setdefault(entity, {})[row["id"]] = row
        for entity, ids in page["drops"].items():
            for row_id in ids:
                self.rows.get(entity, {}).pop(row_id, None)


@dataclass
class World:
    """Ids of what the company consists of."""

    tenant: TenantRef
    ids: dict[str, str]

    def __getattr__(self, name: str) -> str:
        try:
            return self.ids[name]
        except KeyError:
            raise AttributeError(name) from None

    async def device(self, member: str) -> WireDevice:
        """A new device of a member, not yet pulled."""
        device = WireDevice(self.tenant, new_id(), self.ids[member])
        async with tenant_transaction(self.tenant) as conn:
            await conn.execute(
                "INSERT INTO device (id, member_id, name, secret_hash, number_prefix, last_digest)"
                " VALUES ($1, $2, 'phone', '', $3, $4)",
                device.id, device.member_id, device.id[-6:], GENESIS_DIGEST,
            )  # fmt: skip
        return device

    async def pulled_device(self, member: str) -> WireDevice:
        """A new device of a member, which has pulled."""
        device = await self.device(member)
        await device.pull()
        return device

    async def execute(self, sql: str, *args: Any) -> None:
        """Plain SQL in the tenant, as an operator would type it."""
        async with tenant_transaction(self.tenant) as conn:
            await conn.execute(sql, *args)

    async def fetch(self, sql: str, *args: Any) -> list[dict[str, Any]]:
        """Rows of a query in the tenant."""
        async with tenant_transaction(self.tenant) as conn:
            return [dict(r) for r in await conn.fetch(sql, *args)]


_SEED = """
INSERT INTO member (id, name, role, active) VALUES
    ('{ann}', 'Ann', 'rep', true), ('{bob}', 'Bob', 'rep', true), ('{mia}', 'Mia', 'manager', true);
INSERT INTO legal_entity (id, name, currency) VALUES ('{company}', 'Teatime Ltd', 'USD');
INSERT INTO price_list (id, name, currency, version) VALUES ('{prices}', 'Retail', 'USD', 1);
INSERT INTO product (id, sku, name, base_unit) VALUES ('{tea}', 'TEA', 'Tea', 'box'), ('{mug}', 'MUG', 'Mug', 'piece');
INSERT INTO price_item (id, price_list_id, product_id, unit, price) VALUES
    ('{tea_price}', '{prices}', '{tea}', 'box', 18.00), ('{mug_price}', '{prices}', '{mug}', 'piece', 4.50);
INSERT INTO warehouse (id, name, legal_entity_id) VALUES ('{depot}', 'Depot', '{company}');
INSERT INTO stock (id, warehouse_id, product_id, quantity) VALUES
    ('{tea_stock}', '{depot}', '{tea}', 39), ('{mug_stock}', '{depot}', '{mug}', 1000);
INSERT INTO territory (id, name, manager_id) VALUES ('{north}', 'North', '{mia}');
INSERT INTO account (id, name, tags) VALUES ('{shop}', 'Corner Shop', '["a","b"]'), ('{cafe}', 'Café', '[]');
INSERT INTO agreement (id, account_id, legal_entity_id, price_list_id, currency, discount_max) VALUES
    ('{shop_terms}', '{shop}', '{company}', '{prices}', 'USD', 0.10),
    ('{cafe_terms}', '{cafe}', '{company}', '{prices}', 'USD', 0.10);
INSERT INTO outlet (id, account_id, name, territory_id) VALUES
    ('{shop_outlet}', '{shop}', 'Corner Shop, Main St', '{north}'), ('{cafe_outlet}', '{cafe}', 'Café', NULL);
INSERT INTO contact (id, account_id, name, job_title) VALUES ('{clerk}', '{shop}', 'Carla Clerk', 'Clerk');
INSERT INTO contact_channel (id, contact_id, channel_kind, value) VALUES
    ('{mail}', '{clerk}', 'email', 'carla@shop.example');
INSERT INTO assignment (id, member_id, outlet_id) VALUES
    ('{ann_shop}', '{ann}', '{shop_outlet}'), ('{bob_shop}', '{bob}', '{shop_outlet}'),
    ('{bob_cafe}', '{bob}', '{cafe_outlet}');
"""

_NAMES = sorted(set(re.findall(r"\{(\w+)\}", _SEED)))


async def found_company(tenant: TenantRef) -> dict[str, str]:
    """Fill a fresh tenant; ids by name."""
    ids = {name: new_id() for name in _NAMES}
    async with tenant_write(tenant, by=SYSTEM):
        await connection().execute(_SEED.format(**ids))
    return ids


async def make_world(tenant: TenantRef) -> World:
    """A company in a tenant that comes from elsewhere than the fixtures `tenant` and `world`."""
    return World(tenant, await found_company(tenant))


def create(entity: str, row_id: str, /, **fields: Any) -> dict[str, Any]:
    """A create."""
    return {"op": "create", "entity": entity, "id": row_id, "fields": fields}


def delete(entity: str, row_id: str, base: int = 0) -> dict[str, Any]:
    """A delete."""
    return {"op": "delete", "entity": entity, "id": row_id, "base": base}


def cancel(order_id: str) -> dict[str, Any]:
    """The cancellation of an order."""
    return {"op": "intent", "name": "order.cancel", "id": order_id, "seen": {"status": "accepted"}}


def order_changes(
    world: World,
    order_id: str,
    quantity: str,
    *,
    price: str = "18.00",
    discount: str = "0",
    fulfilment: str = "partial",
    line_id: str | None = None,
) -> list[dict[str, Any]]:
    """Create an order of tea with one line and submit it, as one mutation's changes."""
    line_id = line_id or new_id()
    total = int(Decimal(price) * Decimal(quantity) * (1 - Decimal(discount)) * 100)
    line = {"product_id": world.tea, "unit": "box", "quantity": quantity, "list_price": price, "discount": discount}
    return [
        {"op": "create", "entity": "order", "id": order_id, "fields": {
            "number": f"T-{order_id[-5:]}", "outlet_id": world.shop_outlet, "agreement_id": world.shop_terms,
            "warehouse_id": world.depot, "fulfilment": fulfilment}},
        {"op": "create", "entity": "order_line", "id": line_id, "fields": {"order_id": order_id, **line}},
        {"op": "intent", "name": "order.submit", "id": order_id, "seen": {
            "total_minor": total, "lines": [{"id": line_id, **line, "amount_minor": total}]}},
    ]  # fmt: skip


def statuses(outcomes: list[dict[str, Any]]) -> list[str]:
    """The status of each outcome."""
    return [o["status"] for o in outcomes]


async def outcomes_stored(world: World) -> int:
    """How many outcomes the server keeps."""
    return (await world.fetch("SELECT count(*) AS n FROM mutation_outcome"))[0]["n"]


def at() -> int:
    """Now, as it stands on the wire."""
    return to_micros(now())


def payment(world: World, row_id: str, amount_minor: int, number: str, **more: Any) -> dict[str, Any]:
    fields = {
        "account_id": world.shop, "outlet_id": world.shop_outlet, "legal_entity_id": world.company, "currency": "USD",
        "amount_minor": amount_minor, "method": "cash", "receipt_number": number, "paid_at": at(),
    }  # fmt: skip
    return create("payment", row_id, **fields | more)


async def add_debts(world: World) -> tuple[str, str]:
    """10.00 due first, then 5.00; and one of another company, which nobody's payment here is for."""
    first, second, other = new_id(), new_id(), new_id()
    company = new_id()
    await world.execute("INSERT INTO legal_entity (id, name, currency) VALUES ($1, 'Other Ltd', 'USD')", company)
    for row_id, owner, number, due_on, amount in (
        (second, world.company, "F-2", "2026-02-01", 500),
        (first, world.company, "F-1", "2026-01-01", 1000),
        (other, company, "F-0", "2025-01-01", 900),
    ):
        await world.execute(
            """INSERT INTO receivable
            (id, account_id, legal_entity_id, document_number, currency, due_on, amount_minor, balance_minor)
            VALUES ($1, $2, $3, $4, 'USD', $5::text::date, $6, $6)""",
            row_id, world.shop, owner, number, due_on, amount,
        )  # fmt: skip
    return first, second


async def until_somebody_waits_for_a_lock() -> None:
    """Seen from within the transaction that is open."""
    for _ in range(150):
        if await connection().fetch("SELECT FROM pg_locks WHERE NOT granted"):
            return
        await asyncio.sleep(0.01)
    raise TimeoutError("Nobody waits for a lock.")
