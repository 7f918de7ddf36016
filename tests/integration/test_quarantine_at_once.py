"""Who hands in and who decides, at the same time: they take turns, and nothing falls between them."""

import asyncio
from typing import Any

import pytest
from outrider_sdk import Replica
from outrider_sdk.errors import DeviceRevoked

from server.db import tenant_transaction
from server.sync import quarantine, quarantine_commands, trial_commands
from tests.integration import live_server, quarantine_world
from tests.integration.live_server import on_device
from tests.integration.quarantine_world import hand_in, part_of, person, release, revoke
from tests.integration.sync_world import World, until_somebody_waits_for_a_lock

url = live_server.url
phone = quarantine_world.phone


async def test_s7_who_hands_in_waits_for_who_decides(world: World, phone: Replica, monkeypatch: pytest.MonkeyPatch):
    """Each needs the device and what it handed in: two orders of locking would end one of them in a deadlock."""
    await revoke(world, phone)
    async with tenant_transaction(world.tenant):
        await quarantine.hand_in(part_of(phone, 1, complete=False))
    push, decides = quarantine_commands.push_released, asyncio.Event()

    async def while_the_rest_comes_in(*args: Any, **options: Any) -> Any:
        if not decides.is_set():
            decides.set()
            await until_somebody_waits_for_a_lock()
        return await push(*args, **options)

    async def hand_in_the_rest() -> None:
        await decides.wait()
        async with tenant_transaction(world.tenant):
            await quarantine.hand_in(part_of(phone, 2, complete=True))

    monkeypatch.setattr(quarantine_commands, "push_released", while_the_rest_comes_in)
    async with asyncio.TaskGroup() as tasks:
        handing_in = tasks.create_task(hand_in_the_rest())
        deciding = tasks.create_task(release(world))

    left = await world.fetch("SELECT number FROM quarantined_mutation")
    assert handing_in.exception() is None
    assert deciding.result()["applied"] + len(left) == 2


async def test_s1_what_comes_after_a_decision_waits_for_another_one(world: World, phone: Replica):
    """The phone went dark between two parts, and the manager was quick: the second part is not lost in what is done."""
    await revoke(world, phone)
    async with tenant_transaction(world.tenant):
        await quarantine.hand_in(part_of(phone, 1, complete=False))
    mia = await person(world, "mia", "manager")
    [waiting] = await mia.get("/quarantines")
    await mia.send("POST", f"/quarantines/{waiting['id']}/release")

    with pytest.raises(DeviceRevoked):
        await on_device(phone.sync)
    [again] = await mia.get("/quarantines")
    released = await mia.send("POST", f"/quarantines/{waiting['id']}/release")

    assert (again["state"], again["mutations"], again["complete"], again["decided_at"]) == ("waiting", 1, True, None)
    assert released.json() == {"applied": 1, "merged": 0, "refused": 0, "parked": 0}


async def test_s8_two_who_decide_at_once_take_turns(world: World, phone: Replica, monkeypatch: pytest.MonkeyPatch):
    """In two processes, within milliseconds: neither takes the other's mark for a death, and all counts once."""
    await hand_in(world, phone)
    push, begun, taken_apart = quarantine_commands.push_released, asyncio.Event(), []

    async def slow_at_first(*args: Any, **options: Any) -> Any:
        if not begun.is_set():
            begun.set()
            await until_somebody_waits_for_a_lock()
        return await push(*args, **options)

    async def release_next() -> dict[str, int]:
        await begun.wait()
        return await release(world)

    monkeypatch.setattr(quarantine_commands, "push_released", slow_at_first)
    monkeypatch.setattr(trial_commands, "split", lambda *args: taken_apart.append(args))
    first, second = await asyncio.gather(release(world), release_next(), return_exceptions=True)

    assert first == {"applied": 2}
    assert isinstance(second, quarantine.QuarantineDecided)
    assert taken_apart == []
