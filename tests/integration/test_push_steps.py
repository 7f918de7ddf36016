"""A push is decided step by step, and written meanwhile: what comes of it must not depend on where a step ends."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import asyncpg
import pytest

from server.db import TenantRef, connection, tenant_transaction
from server.sync import apply as apply_module
from server.sync.beside import Beside
from tests.integration.sync_oracle import assert_converged
from tests.integration.sync_world import WireDevice, World, create, delete, new_id


@pytest.fixture(params=[1, 2, 500])
def step(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply_module, "STEP", request.param)


@pytest.fixture
async def ann(world: World, step: None) -> AsyncIterator[WireDevice]:
    device = await world.device("ann")
    await device.pull()
    yield device
    await device.pull()
    await assert_converged(world, device)


async def test_a_row_that_is_made_and_changed_again_is_stored_as_the_last_change_says(world: World, ann: WireDevice):
    """Who makes a contact and corrects it twice, all offline, wants the corrected one, once."""
    contact, other = new_id(), new_id()
    batch = [
        create("contact", contact, account_id=world.shop, name="Aliya", language="kk"),
        create("contact", other, account_id=world.shop, name="Dana"),
        ann.edit_change("contact", contact, name="Aliya S.", language=None),
        ann.edit_change("contact", contact, language="ru"),
        delete("contact", other),
        ann.edit_change("contact", contact, language=None, job_title="Buyer"),
    ]

    outcomes = await ann.push(*map(ann.mutation, batch))

    assert [o["status"] for o in outcomes] == ["applied"] * 6
    stored = await world.fetch(
        "SELECT name, language, job_title FROM contact WHERE id = ANY ($1::uuid[]) AND deleted_at IS NULL",
        [contact, other],
    )
    assert stored == [{"name": "Aliya S.", "language": None, "job_title": "Buyer"}]


async def test_a_field_that_is_set_back_is_stored_as_it_was(world: World, ann: WireDevice):
    """Empty, filled, emptied: the last word counts, also where it is what the row had when the push came."""
    before = await world.fetch("SELECT language FROM contact WHERE id = $1", world.clerk)
    values = ["de", before[0]["language"], "fr", before[0]["language"]]

    await ann.push(*(ann.mutation(ann.edit_change("contact", world.clerk, language=value)) for value in values))

    assert await world.fetch("SELECT language FROM contact WHERE id = $1", world.clerk) == before


async def test_s8_poison_in_a_later_step_undoes_none_of_the_earlier_ones(
    world: World, ann: WireDevice, monkeypatch: pytest.MonkeyPatch
):
    """What was written ahead is undone with the step that fails, and written again without it."""
    write = apply_module.rows.write

    async def stumble(rows: Iterable[Any]) -> None:
        listed = list(rows)
        await write(listed)
        if any(row.values.get("name") == "Poison" for row in listed):
            raise asyncpg.DataError("cannot be stored")

    monkeypatch.setattr(apply_module.rows, "write", stumble)
    names = ["One", "Two", "Three", "Poison", "Five"]
    batch = [create("contact", new_id(), account_id=world.shop, name=name) for name in names]

    outcomes = await ann.push(*map(ann.mutation, batch))

    assert [o.get("code", o["status"]) for o in outcomes] == ["applied", "applied", "applied", "poison", "applied"]
    stored = await world.fetch("SELECT name FROM contact WHERE name = ANY ($1)", names)
    assert sorted(row["name"] for row in stored) == ["Five", "One", "Three", "Two"]


async def test_nothing_is_under_way_any_more_when_a_push_is_given_up(tenant: TenantRef):
    """A statement that still ran would meet the one that undoes its transaction."""
    ended = []

    async def slowly() -> None:
        await connection().execute("SELECT pg_sleep(0.2)")
        ended.append("slowly")

    async def give_up(error: type[BaseException]) -> None:
        async with tenant_transaction(tenant), Beside() as beside:
            await beside.begin(slowly())
            raise error

    for error in (ValueError, asyncio.CancelledError):
        with pytest.raises(error):
            await give_up(error)

    assert ended == ["slowly", "slowly"]


async def test_what_fails_beside_is_told_before_anything_else_begins(tenant: TenantRef):
    """Else the next statement would be sent into a transaction that has failed."""
    begun = []

    async def fail() -> None:
        await connection().execute("SELECT 1 / 0")

    async def begin() -> None:
        begun.append(1)

    async def work() -> None:
        async with tenant_transaction(tenant), Beside() as beside:
            await beside.begin(fail())
            await beside.begin(begin())

    with pytest.raises(asyncpg.DivisionByZeroError):
        await work()

    assert begun == []
