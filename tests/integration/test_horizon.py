"""Long absence (S9): behind the horizon a device pulls anew, keeps its unsent work, and ends as the server."""

from datetime import timedelta
from types import SimpleNamespace
from uuid import UUID

import asyncpg
import pytest

from server import clock
from server.sync.daily import begin_day
from server.sync.horizon import HORIZON_DAYS, move_horizon
from tests.integration import phones
from tests.integration.phones import Phone, assert_phones_converged
from tests.integration.sync_oracle import assert_converged
from tests.integration.sync_world import World, make_world

ann = phones.ann


def days_pass(monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    """What the horizon takes for now; all else stays today."""
    later = SimpleNamespace(now=lambda: clock.now() + timedelta(days=days))
    monkeypatch.setattr("server.sync.horizon.clock", later)


async def count(world: World, table: str, where: str = "true") -> int:
    return int((await world.fetch(f"SELECT count(*) AS n FROM {table} WHERE {where}"))[0]["n"])


async def test_s9_a_phone_away_for_years_ends_as_the_server_with_its_work(
    world: World, ann: Phone, monkeypatch: pytest.MonkeyPatch
):
    """What was removed meanwhile is forgotten by the server, and yet leaves the phone; what was typed arrives."""
    ann.crm.contacts.create(account_id=world.shop, name="typed long ago")
    ann.crm.contacts.edit(world.clerk, job_title="Buyer")
    await world.execute("DELETE FROM product WHERE id = $1", UUID(world.mug))
    await world.execute("UPDATE account SET name = 'The Shop' WHERE id = $1", UUID(world.shop))
    await world.execute("DELETE FROM assignment WHERE id = $1", UUID(world.bob_cafe))
    days_pass(monkeypatch, 3 * 365)
    await move_horizon(world.tenant)

    report = await ann.sync()

    assert (report.applied, report.refused) == (2, 0)
    assert await count(world, "scope_entry", "gone") == 0
    await assert_phones_converged(world, "ann", ann)


async def test_s9_a_phone_within_the_horizon_gets_only_what_is_new(
    world: World, ann: Phone, monkeypatch: pytest.MonkeyPatch
):
    """The daily job costs nobody a full pull who was here this half year."""
    days_pass(monkeypatch, HORIZON_DAYS - 1)
    await move_horizon(world.tenant)
    await world.execute("UPDATE account SET name = 'The Shop' WHERE id = $1", UUID(world.shop))

    report = await ann.sync()

    assert report.rows_put == 1


async def test_s9_a_pull_that_broke_off_before_the_horizon_moved_begins_again(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    """Its first pages may hold rows of whose end the next ones would no longer tell."""
    ann = await world.device("ann")
    moved: list[bool] = []

    async def move() -> None:
        if not moved:
            moved.append(True)
            await world.execute("DELETE FROM product")
            days_pass(monkeypatch, 365)
            await move_horizon(world.tenant)

    await ann.pull(page_rows=4, between=move)

    await assert_converged(world, ann)


async def test_s9_the_horizon_takes_nothing_that_a_device_has_not_acknowledged(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    """A reply that was lost a year ago is still repeated (S2); history and audit stay."""
    ann = await world.device("ann")
    await ann.pull()
    first = ann.mutation(ann.edit_change("contact", world.clerk, job_title="Buyer"))
    second = ann.mutation(ann.edit_change("contact", world.clerk, job_title="Chef"))
    await ann.push(first, second)
    await ann.push(acked_through=1)
    await world.execute("UPDATE account SET name = 'later'")
    audit = await count(world, "audit_entry")
    days_pass(monkeypatch, 365)

    await move_horizon(world.tenant)
    [again] = await ann.push(second)

    assert [r["number"] for r in await world.fetch("SELECT number FROM mutation_outcome")] == [2]
    assert again["status"] == "applied"
    assert await count(world, "audit_entry") == audit


@pytest.mark.parametrize(("setting", "days", "horizon"), [("400", 300, 0), ("1", 34, 0), ("1", 36, 1), (None, 181, 1)])
async def test_s9_the_tenants_setting_says_how_far_back_it_remembers(
    world: World, monkeypatch: pytest.MonkeyPatch, setting: str | None, days: int, horizon: int
):
    """Never less than 35 days: nobody's holiday costs a full pull."""
    before = (await world.fetch("SELECT horizon FROM revision_counter"))[0]["horizon"]
    if setting:
        await world.execute("INSERT INTO setting (key, value) VALUES ('horizon_days', $1::jsonb)", setting)
    days_pass(monkeypatch, days)

    await move_horizon(world.tenant)

    after = (await world.fetch("SELECT horizon FROM revision_counter"))[0]["horizon"]
    assert (after > before) == bool(horizon)


async def test_s9_the_day_begins_with_the_horizon_and_with_what_is_durable(
    world: World, ann: Phone, monkeypatch: pytest.MonkeyPatch
):
    """Nobody has to call it: the daily job does, and the phone then forgets what it kept for a disaster."""
    ann.crm.contacts.create(account_id=world.shop, name="a")
    await ann.sync()
    ann.crm.contacts.create(account_id=world.shop, name="b")
    await ann.sync()
    days_pass(monkeypatch, 31)

    await begin_day(world.tenant)
    await ann.sync()

    assert await count(world, "device", "durable_through = 2") == 1
    with ann.crm._store.read() as conn:
        assert conn.execute("SELECT number FROM sync_outbox").fetchall() == [(2,)]
    assert ann.crm.verify() == []


async def test_pruning_is_the_operators_and_the_jobs_alone_in_their_own_tenant(world: World, new_tenant: object):
    """A tenant's role reaches no other tenant's horizon."""
    other = await make_world(await new_tenant())  # type: ignore[operator]

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await world.execute(f'SELECT "{other.tenant.schema}".prune(1, 1)')
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await world.execute("SELECT begin_epoch()")
