"""A small trading company in a fresh tenant, and devices that speak the wire without an SDK."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from outrider_sdk.protocol import GENESIS_DIGEST, chain_digest
from outrider_sdk.protocol.entities import ENTITIES
from outrider_sdk.protocol.ids import uuid7

from server.clock import now, to_micros
from server.db import SYSTEM, Actor, TenantRef, connection, tenant_transaction, tenant_write
from server.sync.pull import Position, pull
from server.sync.push import push


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
        async with tenant_write(self.tenant, by=self.actor) as revision:
            reply = await push(list(mutations), incarnation=incarnation, acked_through=acked_through, revision=revision)
        return list(reply["outcomes"])

    async def do(self, *changes: dict[str, Any], captured_at: int | None = None) -> dict[str, Any]:
        """Hand in one mutation; its outcome."""
        return (await self.push(self.mutation(*changes, captured_at=captured_at)))[0]

    def copy(self) -> "WireDevice":
        """The same device from a copied file: the same identity, numbers and rows."""
        rows = {entity: dict(rows) for entity, rows in self.rows.items()}
        return WireDevice(self.tenant, self.id, self.member_id, self.number, self.digest, self.cursor, rows)

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
        while True:
            async with tenant_transaction(self.tenant, snapshot=True):
                page = await pull(self.cursor, Position.parse(position), actor=self.actor, page_rows=page_rows)
            pages += 1
            self._take(page)
            if page["complete"]:
                self.cursor = page["cursor"]
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


async def make_world(tenant: TenantRef) -> World:
    """Fill a fresh tenant."""
    ids = {name: new_id() for name in _NAMES}
    async with tenant_write(tenant, by=SYSTEM):
        await connection().execute(_SEED.format(**ids))
    return World(tenant, ids)


def create(entity: str, row_id: str, **fields: Any) -> dict[str, Any]:
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


# The oracle: what a member may see, said once more from the plain tables, without scopes, entries or grants.

_CATALOGUE = (
    "territory", "member", "legal_entity", "price_list", "product", "product_unit", "price_item", "warehouse", "stock",
)  # fmt: skip


class Oracle:
    """All tables of a tenant as they are now."""

    def __init__(self, tables: dict[str, dict[str, dict[str, Any]]], today: date) -> None:
        self.tables, self.today = tables, today

    @classmethod
    async def look(cls, world: World) -> "Oracle":
        """Read everything, deleted rows too, in one moment."""
        tables = {}
        async with tenant_transaction(world.tenant, snapshot=True) as conn:
            for entity in ENTITIES:
                records = await conn.fetch(f'SELECT * FROM "{entity}"')
                tables[entity] = {str(r["id"]): dict(r) for r in records}
            today = await conn.fetchval("SELECT current_date")
        return cls(tables, today)

    def rows_of(self, member_id: str) -> dict[str, dict[str, dict[str, Any]]]:
        """Entity → id → wire row, for every row that the member may see."""
        found: dict[str, dict[str, dict[str, Any]]] = {}
        granted = self._outlets_of(member_id)
        for entity in ENTITIES:
            for row_id, row in self._live(entity).items():
                if self._sees(member_id, granted, entity, row):
                    found.setdefault(entity, {})[row_id] = _wire(entity, row)
        return found if self._works(member_id) else {}

    def _live(self, entity: str) -> dict[str, dict[str, Any]]:
        return {row_id: row for row_id, row in self.tables[entity].items() if row["deleted_at"] is None}

    def _works(self, member_id: str) -> bool:
        member = self._live("member").get(member_id)
        return member is not None and member["active"] and member["role"] != "billing"

    def _outlets_of(self, member_id: str) -> set[str]:
        role = self.tables["member"][member_id]["role"]
        outlets = self.tables["outlet"]
        if role in ("admin", "owner"):
            return set(outlets)
        granted = {
            str(a["outlet_id"])
            for a in self._live("assignment").values()
            if str(a["member_id"]) == member_id
            and (a["starts_on"] or self.today) <= self.today <= (a["ends_on"] or self.today)
        }
        if role == "manager":
            branch = self._branch_of(member_id)
            granted |= {row_id for row_id, o in outlets.items() if str(o["territory_id"]) in branch}
        return granted

    def _branch_of(self, member_id: str) -> set[str]:
        territories = self._live("territory")
        branch = {row_id for row_id, t in territories.items() if str(t["manager_id"]) == member_id}
        while more := {i for i, t in territories.items() if str(t["parent_id"]) in branch} - branch:
            branch |= more
        return branch

    def _sees(self, member_id: str, granted: set[str], entity: str, row: dict[str, Any]) -> bool:
        match entity:
            case "outlet":
                return str(row["id"]) in granted
            case "account":
                return self._sees_account(member_id, granted, str(row["id"]))
            case "agreement":
                return self._sees_account(member_id, granted, str(row["account_id"]))
            case "contact":
                return self._sees_contact(member_id, granted, row)
            case "contact_channel":
                contact = self._live("contact").get(str(row["contact_id"]))
                return contact is not None and self._sees_contact(member_id, granted, contact)
            case "assignment":
                return str(row["member_id"]) == member_id
            case "order":
                return str(row["outlet_id"]) in granted
            case "order_line":
                order = self._live("order").get(str(row["order_id"]))
                return order is not None and str(order["outlet_id"]) in granted
            case "conflict":
                return str(row["lost_by"]) == member_id
            case _:
                return entity in _CATALOGUE

    def _sees_account(self, member_id: str, granted: set[str], account_id: str) -> bool:
        outlets = {row_id for row_id, o in self._live("outlet").items() if str(o["account_id"]) == account_id}
        return (
            bool(outlets & granted) if outlets else str(self.tables["account"][account_id]["created_by"]) == member_id
        )

    def _sees_contact(self, member_id: str, granted: set[str], contact: dict[str, Any]) -> bool:
        if contact["outlet_id"] is not None:
            return str(contact["outlet_id"]) in granted
        return self._sees_account(member_id, granted, str(contact["account_id"]))


def _wire(entity: str, row: dict[str, Any]) -> dict[str, Any]:
    return {name: _wire_value(row[name]) for name in ENTITIES[entity].columns}


def _wire_value(value: Any) -> Any:
    match value:
        case datetime():
            since = value - datetime(1970, 1, 1, tzinfo=UTC)
            return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
        case date():
            return value.isoformat()
        case Decimal():
            return f"{value:f}"
        case UUID():
            return str(value)
        case _:
            return value


async def assert_converged(world: World, *devices: WireDevice) -> None:
    """Each device, once drained, holds what a fresh look says its member may see, value for value (S3)."""
    oracle = await Oracle.look(world)
    for device in devices:
        held = {entity: rows for entity, rows in device.rows.items() if rows}
        assert held == oracle.rows_of(device.member_id)
