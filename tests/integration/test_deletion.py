"""A tenant's end: what goes, what stays, who may order it, and what a backup may not bring back."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from server import clock, storage
from server.auth import commands as auth
from server.auth import passwords
from server.auth.standings import forget_standings
from server.billing.account.commands import enrol_tenant
from server.billing.deletion import service
from server.billing.deletion.commands import delete_tenant, order_deletion, repeat_deletions
from server.billing.deletion.jobs import delete_due
from server.billing.provider import PaymentServiceDown
from server.db import TenantRef, connection, platform_transaction
from server.storage import in_one_piece
from server.tenants.service import TenantUnknown, create_tenant, owner_connection
from tests.integration.application import APP
from tests.integration.rest_world import World, make_world
from tests.integration.transfer_world import Customer, transfers

PATH = "/billing/deletion"
BILLED = {"email": "b@x.example", "language": "en", "currency": "EUR", "timezone": "UTC"}


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A state folder with files of the tenants, and cheap passwords."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHash((Argon2Hasher(time_cost=1, memory_cost=128),)))
    storage.use(tmp_path / "state")
    yield tmp_path / "state"
    storage.use(None)


@pytest.fixture
async def doomed(owner_urls: dict[str, str], databases: Any) -> World:
    """A tenant of the test's own, with people and an account."""
    tenant = await create_tenant(owner_urls, slug=f"gone-{uuid4().hex[:8]}", name="Doomed")
    await enrol_tenant(tenant.slug, BILLED)
    return await make_world(APP, tenant)


async def count(sql: str, *args: Any) -> int:
    async with platform_transaction():
        return int(await connection().fetchval(sql, *args))


async def schema_is_there(owner_urls: dict[str, str], tenant: TenantRef) -> tuple[bool, bool]:
    async with owner_connection(owner_urls["main"]) as owner:
        schema = await owner.fetchval("SELECT to_regnamespace($1) IS NOT NULL", tenant.schema)
        role = await owner.fetchval("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", tenant.schema)
    return bool(schema), bool(role)


async def test_nothing_is_left_but_the_books(doomed: World, tenant: TenantRef, owner_urls: dict[str, str], state: Path):
    """Data, role, files, jobs, and who is a member nowhere else; whoever works for two companies keeps the other."""
    gone = doomed.tenant
    only, both = f"{uuid4().hex[:8]}@x.example", f"{uuid4().hex[:8]}@x.example"
    for email, places in ((only, [gone]), (both, [gone, tenant])):
        for place in places:
            await auth.add_member(place, email=email, name="Ann", role="rep", password="correct horse battery")
    kept, own = f"attachments/{gone.id}/a", f"attachments/{tenant.id}/b"
    for key in (kept, f"snapshots/{gone.id}/s", own):
        await storage.files().put(key, in_one_piece(b"x"))
    (storage.tenant_folder("exports", gone.id) / "e.zip").write_bytes(b"x")

    await order_deletion(gone.slug, owner_urls)

    assert await schema_is_there(owner_urls, gone) == (False, False)
    assert await count("SELECT count(*) FROM tenant WHERE id = $1", gone.id) == 0
    assert await count("SELECT count(*) FROM identity WHERE email = $1", only) == 0
    assert await count("SELECT count(*) FROM identity WHERE email = $1", both) == 1
    assert (await auth.log_in(tenant.slug, both, "correct horse battery")).role == "rep"
    assert [f.key async for f in storage.files().list("attachments")] == [own]
    assert [f.key async for f in storage.files().list("snapshots")] == []
    assert not (state / "exports" / str(gone.id)).exists()
    assert (
        await count("SELECT count(*) FROM billing_account WHERE tenant_id = $1 AND deleted_at IS NOT NULL", gone.id)
        == 1
    )
    assert await count("SELECT count(*) FROM entitlement WHERE tenant_id = $1", gone.id) == 0
    forget_standings()
    assert (await doomed.owner.send("GET", "/me")).status_code == 401
    with pytest.raises(TenantUnknown):
        await order_deletion(gone.slug, owner_urls)


async def test_the_owner_asks_types_the_slug_waits_and_may_think_again(doomed: World, owner_urls: dict[str, str]):
    """Seven days, in which everything works."""
    slug = doomed.tenant.slug

    wrong = await doomed.owner.refusal("PUT", PATH, {"slug": "something-else"})
    asked = (await doomed.owner.send("PUT", PATH, {"slug": slug})).json()
    again = (await doomed.owner.send("PUT", PATH, {"slug": slug})).json()
    early = await delete_tenant(doomed.tenant.id, owner_urls)
    works = await doomed.owner.send("GET", "/accounts")
    taken_back = (await doomed.owner.send("DELETE", PATH)).json()
    nothing = await doomed.owner.refusal("DELETE", PATH)

    assert wrong == (400, "invalid_input", ["slug"])
    assert (asked["waits"], asked["reason"]) == (True, "asked")
    assert again["due_at"] == asked["due_at"]
    assert (early, works.status_code) == (False, 200)
    assert taken_back["waits"] is False
    assert nothing[:2] == (404, "no_deletion")
    assert (await doomed.owner.get(PATH))["waits"] is False


@pytest.mark.parametrize("role", ["admin", "manager", "rep", "billing"])
async def test_nobody_but_the_owner_asks_for_it(doomed: World, role: str):
    """Not even an admin."""
    person = doomed.people[role]

    for method, body in (("GET", None), ("PUT", {"slug": doomed.tenant.slug}), ("DELETE", None)):
        assert (await person.refusal(method, PATH, body))[:2] == (403, "forbidden")


async def test_a_tenant_is_deleted_when_its_time_has_come_and_not_before(doomed: World, owner_urls: dict[str, str]):
    """By the round of the day."""
    await doomed.owner.send("PUT", PATH, {"slug": doomed.tenant.slug})
    before = await delete_due()
    with clock.frozen(clock.now() + timedelta(days=7, minutes=1)):
        due = await delete_due()
        begun = await begin(doomed.tenant.id)
    refused = await doomed.owner.refusal("DELETE", PATH)
    with clock.frozen(clock.now() + timedelta(days=7, minutes=2)):
        done = [await delete_tenant(doomed.tenant.id, owner_urls) for _ in range(2)]

    assert (before, due, begun) == (0, 1, True)
    assert refused[:2] == (409, "deletion_runs")
    assert done == [True, False]
    assert await schema_is_there(owner_urls, doomed.tenant) == (False, False)


async def reason(tenant_id: UUID) -> str | None:
    async with platform_transaction():
        found = await service.find_deletion(tenant_id)
    return found.reason if found else None


async def begin(tenant_id: UUID) -> bool:
    async with platform_transaction():
        return await service.begin(tenant_id) is not None


async def test_another_tenant_is_neither_seen_nor_touched(doomed: World, tenant: TenantRef, owner_urls: dict[str, str]):
    """The tenant is the token's; the slug is typed only to be sure."""
    other = await make_world(APP, tenant)

    refused = await other.owner.refusal("PUT", PATH, {"slug": doomed.tenant.slug})
    await doomed.owner.send("PUT", PATH, {"slug": doomed.tenant.slug})

    assert refused == (400, "invalid_input", ["slug"])
    assert (await other.owner.get(PATH))["waits"] is False
    assert (await other.owner.refusal("DELETE", PATH))[:2] == (404, "no_deletion")
    assert await schema_is_there(owner_urls, tenant) == (True, True)


async def test_the_subscription_ends_first_and_without_that_nothing_goes(
    doomed: World, owner_urls: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Nobody pays for what is gone: while the provider is down, the tenant stays."""
    with transfers(tmp_path / "mail") as gateway:
        customer = Customer(doomed.tenant, gateway)
        await customer.after_trial()
        await customer.order()
        monkeypatch.setattr(gateway, "end_now", _is_down)
        with pytest.raises(PaymentServiceDown):
            await order_deletion(doomed.tenant.slug, owner_urls)
        still_there = await schema_is_there(owner_urls, doomed.tenant)
        works = (await doomed.owner.send("GET", "/accounts")).status_code
        monkeypatch.undo()

        await delete_tenant(doomed.tenant.id, owner_urls)

    assert (still_there, works) == ((True, True), 200)
    assert await schema_is_there(owner_urls, doomed.tenant) == (False, False)
    ended = "SELECT count(*) FROM billing_subscription WHERE tenant_id = $1 AND ended_at IS NOT NULL"
    assert await count(ended, doomed.tenant.id) == 1
    assert await count("SELECT count(*) FROM billing_invoice WHERE tenant_id = $1", doomed.tenant.id) == 1


async def _is_down(*_: Any, **__: Any) -> None:
    raise PaymentServiceDown


@pytest.mark.parametrize("step", ["close_doors", "forget_tenant"])
async def test_a_deletion_that_broke_off_is_completed(
    doomed: World, owner_urls: dict[str, str], step: str, monkeypatch: pytest.MonkeyPatch
):
    """By the same job."""
    with monkeypatch.context() as patch:
        patch.setattr(service, step, _crash)
        with pytest.raises(ZeroDivisionError):
            await order_deletion(doomed.tenant.slug, owner_urls)

    assert await delete_due() == 1
    assert await delete_tenant(doomed.tenant.id, owner_urls)
    assert await schema_is_there(owner_urls, doomed.tenant) == (False, False)
    assert await count("SELECT count(*) FROM tenant WHERE id = $1", doomed.tenant.id) == 0


async def _crash(*_: Any) -> None:
    raise ZeroDivisionError


async def test_cancelled_tenants_are_deleted_after_ninety_days_unless_they_come_back(
    doomed: World, owner_urls: dict[str, str], tmp_path: Path
):
    """With a warning of fourteen days."""
    with transfers(tmp_path / "mail") as gateway:
        customer, start = Customer(doomed.tenant, gateway), clock.now()
        await customer.after_trial()
        await customer.order()
        await gateway.cancel(await customer.subscription(), f"{doomed.tenant.slug} cancel")
        planned = []
        for day in (40, 100, 118):
            with clock.frozen(start + timedelta(days=day)):
                await customer.tick()
                await delete_due()
                planned.append(await reason(doomed.tenant.id))
        with clock.frozen(start + timedelta(days=119)):
            await customer.order()
            await delete_due()
            back = await reason(doomed.tenant.id)

    assert planned == [None, None, "cancelled"]
    assert back is None
    assert await schema_is_there(owner_urls, doomed.tenant) == (True, True)


async def test_what_a_backup_brings_back_is_deleted_again(
    doomed: World, owner_urls: dict[str, str], state: Path, new_tenant: Callable[[], Any]
):
    """The ledger outside of the database remembers; nobody else is touched."""
    gone, other = doomed.tenant, await new_tenant()
    await order_deletion(gone.slug, owner_urls)
    async with platform_transaction():  # as the backup had it
        await connection().execute("DELETE FROM tenant_deletion WHERE tenant_id = $1", gone.id)
        await connection().execute(
            "INSERT INTO tenant (id, slug, name, schema, database) VALUES ($1, $2, 'Doomed', $3, 'main')",
            gone.id, gone.slug, gone.schema,
        )  # fmt: skip
    async with owner_connection(owner_urls["main"]) as owner:
        await owner.execute(f'CREATE SCHEMA "{gone.schema}"; CREATE ROLE "{gone.schema}"')

    deleted = await repeat_deletions(owner_urls, state)

    assert [tenant.id for tenant in deleted] == [gone.id]
    assert await schema_is_there(owner_urls, gone) == (False, False)
    assert await schema_is_there(owner_urls, other) == (True, True)


async def test_who_works_while_it_is_deleted_is_refused_and_not_half_served(doomed: World, owner_urls: dict[str, str]):
    """A request that is under way fails; none finds half a schema."""
    replies, _ = await asyncio.gather(
        asyncio.gather(*(doomed.owner.send("GET", "/accounts") for _ in range(5)), return_exceptions=True),
        order_deletion(doomed.tenant.slug, owner_urls),
    )

    codes = {reply.status_code for reply in replies if not isinstance(reply, BaseException)}
    assert codes <= {200, 401, 500, 503}
    assert await schema_is_there(owner_urls, doomed.tenant) == (False, False)
