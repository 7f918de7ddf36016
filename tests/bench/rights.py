"""What rights cost: a list in a large tenant, the rule itself, and a rep's outlets that go to another."""

import time
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import product
from typing import Any
from uuid import UUID

from outrider_sdk.protocol import GENESIS_DIGEST
from outrider_sdk.protocol.entities import ACCOUNT
from outrider_sdk.protocol.ids import uuid7

from server.auth.access import access_of
from server.crm import service
from server.crm.account.tables import Account
from server.crm.listing import read_listing
from server.crm.member.service import hand_over
from server.crm.resources import RESOURCES
from server.crm.rights import Viewer, in_sight
from server.db import SYSTEM, Actor, TenantRef, connection, tenant_transaction, tenant_write
from server.sync.position import Position
from server.sync.pull import pull
from server.tenants.service import create_tenant, owner_connection
from tests.bench.house import House

Report = Callable[[str, float, str, float], None]

ACCOUNTS = 100_000
OUTLETS_OF_A_REP = 500
CONTACTS_OF_AN_OUTLET = 98
ROUNDS = 40
LISTS = {
    "filtered and sorted": ("sort=name", "sort=-name&name.contains=99", "sort=name&name.gt=Account 5", "sort=id"),
    "sorted by a field without an index": ("sort=-updated_at",),
}

_TRADE = f"""
INSERT INTO member (id, name, role) SELECT gen_random_uuid(), 'Rep ' || n, 'rep' FROM generate_series(1, 200) n;
INSERT INTO account (id, name) SELECT gen_random_uuid(), 'Account ' || n FROM generate_series(1, {ACCOUNTS}) n;
INSERT INTO outlet (id, account_id, name) SELECT gen_random_uuid(), id, name FROM account;
INSERT INTO assignment (id, member_id, outlet_id)
    SELECT gen_random_uuid(), m.id, o.id
    FROM (SELECT id, row_number() OVER (ORDER BY name) AS n FROM outlet) o
    JOIN (SELECT id, row_number() OVER (ORDER BY name) AS n FROM member) m
        ON m.n = 1 + (o.n - 1) / {OUTLETS_OF_A_REP};
"""
_CONTACTS = f"""
INSERT INTO contact (id, account_id, outlet_id, name)
    SELECT gen_random_uuid(), o.account_id, o.id, 'Contact ' || n
    FROM outlet o JOIN assignment a ON a.outlet_id = o.id CROSS JOIN generate_series(1, {CONTACTS_OF_AN_OUTLET}) n
    WHERE a.member_id = $1;
"""


async def bench_rights(house: House, report: Report) -> None:
    """Each part, on a tenant of its own."""
    tenant = await create_tenant(house.urls, slug=f"r-{house.tenant.slug}", name="Rights")
    async with tenant_write(tenant, by=SYSTEM) as revision:
        conn = connection()
        await conn.execute("SET LOCAL statement_timeout = 0")
        await conn.execute(_TRADE)
        admin = uuid7()
        await conn.execute("INSERT INTO member (id, name, role) VALUES ($1, 'Admin', 'admin')", admin)
        reps = [r[0] for r in await conn.fetch("SELECT id FROM member WHERE role = 'rep' ORDER BY name LIMIT 2")]
        assert revision.number
    async with tenant_write(tenant, by=SYSTEM):
        await connection().execute(_CONTACTS, reps[0])
    async with owner_connection(house.urls["main"]) as owner:
        for table in ("account", "outlet", "assignment", "contact", "scope_entry", "scope_grant"):
            await owner.execute(f'ANALYZE "{tenant.schema}"."{table}"')
    await _lists(tenant, admin, reps[0], report)
    await _reassignment(tenant, reps, report)


async def _lists(tenant: TenantRef, admin: UUID, rep: UUID, report: Report) -> None:
    resource = next(r for r in RESOURCES if r.table is Account)
    viewers = {"an admin": Viewer(admin, access_of("admin", "admin")), "a rep": Viewer(rep, access_of("rep", "rep"))}
    for (who, viewer), (how, queries) in product(viewers.items(), LISTS.items()):
        times = []
        for query in queries:
            listing = read_listing(ACCOUNT, [tuple(part.split("=", 1)) for part in query.split("&")])  # type: ignore[misc]
            async with tenant_transaction(tenant):
                await service.list_rows(resource, listing, viewer)
                for _ in range(ROUNDS // len(queries)):
                    times.append(await _ms(partial(service.list_rows, resource, listing, viewer)))
        report(f"list of 50 of 100,000 accounts for {who}, {how}, p95", _p95(times), "ms", 15)
    start = time.perf_counter()
    for _ in range(1_000):
        in_sight(Viewer(rep, access_of("rep", "rep")), ACCOUNT)
    rule_ms = time.perf_counter() - start
    listing = read_listing(ACCOUNT, [("sort", "name")])
    async with tenant_transaction(tenant):
        whole = sorted([await _ms(lambda: service.list_rows(resource, listing, viewers["a rep"])) for _ in range(21)])
    report("the rule of rights, of a list's time", 100 * rule_ms / whole[10], "%", 5)


async def _reassignment(tenant: TenantRef, reps: list[UUID], report: Report) -> None:
    cursors = {}
    devices = {rep: await _device(tenant, rep) for rep in reps}
    for rep in reps:
        cursors[rep], _, _ = await _pull(tenant, rep, devices[rep], 0, None)

    async def act() -> None:
        async with tenant_write(tenant, by=SYSTEM):
            await hand_over(reps[0], reps[1])

    seconds = await _ms(act) / 1_000
    view = access_of("rep", "rep").view
    _, _, dropped = await _pull(tenant, reps[0], devices[reps[0]], cursors[reps[0]], view)
    _, put, _ = await _pull(tenant, reps[1], devices[reps[1]], cursors[reps[1]], view)
    rows = OUTLETS_OF_A_REP * (CONTACTS_OF_AN_OUTLET + 3)
    assert rows - OUTLETS_OF_A_REP <= put <= rows + OUTLETS_OF_A_REP, put
    assert rows - OUTLETS_OF_A_REP <= dropped <= rows + OUTLETS_OF_A_REP, dropped
    report(f"500 outlets with {put:,} rows go to another rep", seconds, "s", 2)


async def _device(tenant: TenantRef, rep: UUID) -> UUID:
    device = uuid7()
    async with tenant_transaction(tenant) as conn:
        await conn.execute(
            "INSERT INTO device (id, member_id, name, secret_hash, number_prefix, last_digest)"
            " VALUES ($1, $2, 'phone', '', $3, $4)",
            device, rep, str(device)[-6:], GENESIS_DIGEST,
        )  # fmt: skip
    return device


async def _pull(tenant: TenantRef, rep: UUID, device: UUID, cursor: int, view: str | None) -> tuple[int, int, int]:
    """Pull until complete: the cursor, and how many rows came and went."""
    position, put, dropped = None, 0, 0
    while True:
        async with tenant_transaction(tenant, snapshot=True):
            page: dict[str, Any] = await pull(cursor, Position.parse(position), actor=Actor(rep, device), view=view)
        put += sum(len(columns["id"]) for columns in page["puts"].values())
        dropped += sum(map(len, page["drops"].values()))
        if page["complete"]:
            return page["cursor"], put, dropped
        position = page["position"]


async def _ms(act: Callable[[], Awaitable[Any]]) -> float:
    start = time.perf_counter()
    await act()
    return (time.perf_counter() - start) * 1_000


def _p95(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.95)]
