"""A member who leaves, comes back and leaves again: their phone hands in once after each time, and nothing twice."""

from typing import Any
from uuid import UUID

import asyncpg
import pytest
from outrider_sdk import Replica
from outrider_sdk.errors import DeviceRevoked

from server.auth.standings import forget_standings
from tests.integration import live_server, provisioned, quarantine_world
from tests.integration.live_server import on_device
from tests.integration.quarantine_world import hand_in, person, release
from tests.integration.sync_world import World

url = live_server.url
owner, phone = provisioned.owner, quarantine_world.phone


async def leave(world: World, phone: Replica, owner: asyncpg.Connection) -> DeviceRevoked:
    """The office deactivates Ann by plain SQL, which orders no wipe; a day later her phone makes contact.

    Whatever was typed was typed before: clocks are known to milliseconds only.
    """
    await set_active(world, active=False)
    await owner.execute(f"UPDATE \"{world.tenant.schema}\".scope_grant SET at = at + interval '1 day' WHERE gone")
    with pytest.raises(DeviceRevoked) as told:
        await on_device(phone.sync)
    return told.value


async def set_active(world: World, *, active: bool) -> None:
    await world.execute("UPDATE member SET active = $2 WHERE id = $1", UUID(world.ann), active)
    forget_standings()


async def look(world: World) -> dict[str, Any]:
    mia = await person(world, "mia", "manager")
    [found] = await mia.get("/quarantines")
    shown: dict[str, Any] = await mia.get(f"/quarantines/{found['id']}")
    return shown


async def names(world: World) -> list[str]:
    found = await world.fetch("SELECT name FROM contact WHERE name IN ('Zoe', 'Late') ORDER BY name DESC")
    return [row["name"] for row in found]


async def test_s1_who_leaves_a_second_time_hands_in_what_is_new(
    world: World, phone: Replica, owner: asyncpg.Connection
):
    """Ann was back for a day without a network: that day's work is not lost with her second leave."""
    await leave(world, phone, owner)
    await release(world)
    await set_active(world, active=True)
    phone.contacts.create(account_id=world.shop, name="Late")

    told = await leave(world, phone, owner)
    waiting = await look(world)
    released = await release(world)

    assert told.handed_in_through == 3
    assert (waiting["state"], waiting["complete"], waiting["mutations"]) == ("waiting", True, 1)
    assert waiting["changes"] == {"contact.create": 1}
    assert (released, await names(world)) == ({"applied": 1}, ["Zoe", "Late"])


async def test_s2_what_was_pushed_between_two_leaves_takes_effect_once(
    world: World, phone: Replica, owner: asyncpg.Connection
):
    """Nobody had decided on the first part when she came back, and her phone pushed it: the release finds it done."""
    await leave(world, phone, owner)
    await set_active(world, active=True)
    report = await on_device(phone.sync)
    phone.contacts.create(account_id=world.shop, name="Late")

    await leave(world, phone, owner)
    waiting = await look(world)
    released = await release(world)

    assert (report.applied, waiting["mutations"], released) == (2, 3, {"applied": 3})
    assert await names(world) == ["Zoe", "Late"]


async def test_s2_a_second_leave_without_new_work_hands_in_nothing_again(
    world: World, phone: Replica, owner: asyncpg.Connection
):
    """The phone sends what has no answer yet; the server has it, and the manager is not asked twice."""
    await leave(world, phone, owner)
    await release(world)
    await set_active(world, active=True)

    await leave(world, phone, owner)

    assert (await look(world))["state"] == "released"
    assert await names(world) == ["Zoe"]
    [kept] = await world.fetch("SELECT complete FROM quarantine")
    assert kept["complete"]


async def test_s1_what_was_discarded_stays_so_when_more_comes_after_a_second_leave(
    world: World, phone: Replica, owner: asyncpg.Connection
):
    """Each part has its decision: the word on the first one is not undone by the second."""
    await leave(world, phone, owner)
    mia = await person(world, "mia", "manager")
    await mia.send("POST", f"/quarantines/{(await look(world))['id']}/discard")
    await set_active(world, active=True)
    phone.contacts.create(account_id=world.shop, name="Late")

    await leave(world, phone, owner)
    released = await release(world)

    assert (released, await names(world)) == ({"applied": 1}, ["Late"])


async def test_a_device_that_was_revoked_itself_is_not_trusted_again_with_its_member(world: World, phone: Replica):
    """The phone was stolen; that Ann goes and comes back gives the thief no second push."""
    await hand_in(world, phone)
    await set_active(world, active=False)
    await set_active(world, active=True)
    phone.contacts.create(account_id=world.shop, name="Late")

    with pytest.raises(DeviceRevoked) as told:
        await on_device(phone.sync)

    assert told.value.handed_in_through == 2
    [kept] = await world.fetch("SELECT mutations, complete FROM quarantine")
    assert (kept["mutations"], kept["complete"]) == (2, True)
    assert phone.status().pending == 3
