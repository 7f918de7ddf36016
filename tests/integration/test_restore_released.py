"""Released work of revoked phones that waits at a restored server: it is taken when its rows come (S1, S11).

A living phone sends what waits again with each push. For one that is revoked, and perhaps wiped, the server tries.
"""

from pathlib import Path
from uuid import UUID

import pytest
from outrider_sdk import DeviceRevoked, ReplicaWiped

from server.sync import released_jobs
from server.sync.released_jobs import take_released, take_released_everywhere
from tests.integration import installation, phones, waiting_work
from tests.integration.installation import Installation
from tests.integration.phones import Bridge, Phone, add, contacts, enrol_phone
from tests.integration.sync_world import World
from tests.integration.waiting_work import EMAIL, decide, emails, end_healing, look_at, revoke, run_jobs

world = installation.world
ann, bob = phones.ann, waiting_work.bob


async def hand_in_and_release(world: World, phone: Phone, *, name: str = "ann") -> dict[str, int]:
    """What the phone has is released, and it is wiped."""
    await phone_is_wiped(world, phone, name=name)
    return await decide(world, name=name)


async def phone_is_wiped(world: World, phone: Phone, *, name: str = "ann") -> None:
    await revoke(world, wipe=True, name=name)
    with pytest.raises(ReplicaWiped):
        await phone.sync()


async def revisions(world: World) -> int:
    [counter] = await world.fetch("SELECT revision FROM revision_counter")
    return int(counter["revision"])


async def test_s11_released_work_is_taken_when_its_rows_come_by_any_way(
    world: World, installation: Installation, ann: Phone, bob: Phone
):
    """An integration sends the contact again before Bob's phone is charged: nobody tells, and a look finds it."""
    await ann.sync()
    [clara] = [row for row in ann.rows()["contact_channel"].values() if row["value"] == EMAIL]
    released = await hand_in_and_release(world, ann)
    await world.execute(
        "INSERT INTO contact (id, account_id, name) VALUES ($1, $2, 'Clara')",
        UUID(clara["contact_id"]), UUID(world.shop),
    )  # fmt: skip

    await take_released_everywhere([world.tenant])

    assert (released, await emails(world)) == ({"parked": 1}, 1)
    assert await look_at(world) == ("released", 1, 0)
    assert await world.fetch("SELECT FROM quarantined_mutation") == []


async def test_s12_when_healing_is_over_released_work_that_misses_its_rows_is_refused(
    world: World, installation: Installation, ann: Phone, bob: Phone
):
    """Bob never came back: it does not wait for ever, and what it was stands on record with the reason."""
    await ann.sync()
    await hand_in_and_release(world, ann)
    too_early = await take_released(world.tenant)
    await end_healing(world, installation)

    assert (too_early, await take_released(world.tenant)) == ({"parked": 1}, {"refused": 1})
    [refused] = await world.fetch("SELECT code, payload::text AS payload FROM refused_mutation")
    assert (refused["code"], EMAIL in refused["payload"]) == ("parent_missing", True)
    assert await look_at(world) == ("released", 1, 0)


async def test_s11_released_work_that_waits_for_other_released_work_is_taken_after_it(
    world: World, installation: Installation, ann: Phone, bob: Phone
):
    """Both phones were stolen in the same van: what Bob made comes out of quarantine, and Ann's follows."""
    await ann.sync()
    await hand_in_and_release(world, ann)
    await bob_hands_in_again(world, bob)

    released = await decide(world, name="bob")
    ran = await run_jobs(world)

    assert (released["applied"], ran > 0, await emails(world)) == (1, True, 1)


async def bob_hands_in_again(world: World, bob: Phone) -> None:
    await revoke(world, wipe=False, name="bob")
    with pytest.raises(DeviceRevoked):
        await bob.sync()


async def test_s2_released_work_is_taken_once_however_often_it_is_tried(
    world: World, installation: Installation, ann: Phone, bob: Phone
):
    """Jobs come at least once, and the look comes on top of them; while nothing is written, nothing is tried."""
    await ann.sync()
    await hand_in_and_release(world, ann)
    first = await take_released(world.tenant)
    before = await revisions(world)
    nothing_new = await take_released(world.tenant)
    after = await revisions(world)
    await bob.sync()

    taken = await take_released(world.tenant)
    await run_jobs(world)

    assert (first, nothing_new, taken) == ({"parked": 1}, {}, {"applied": 1})
    assert (after - before, await emails(world)) == (0, 1)


async def test_s2_released_work_that_its_phone_brings_by_a_code_takes_effect_once(
    world: World, installation: Installation, ann: Phone, bob: Phone, bridge: Bridge, tmp_path: Path
):
    """The phone was found again: it pushes what waits, and the server has it released."""
    await ann.sync()
    await revoke(world, wipe=False)
    with pytest.raises(DeviceRevoked):
        await ann.sync()
    await decide(world)
    await enrol_phone(world, "ann", bridge, tmp_path, phone=ann)
    await bob.sync()
    await ann.sync()

    await run_jobs(world)

    assert (await emails(world), ann.crm.status().pending) == (1, 0)
    assert await look_at(world) == ("released", 1, 0)


async def test_s1_what_comes_after_a_release_waits_for_a_decision_of_its_own(
    world: World, installation: Installation, ann: Phone, bob: Phone
):
    """The first part was released and waits for Bob; the second one is discarded. The word on the first stands."""
    await ann.sync()
    await revoke(world, wipe=False)
    with pytest.raises(DeviceRevoked):
        await ann.sync()
    await decide(world)
    await world.execute("UPDATE quarantine SET complete = false")
    add(ann, world, "typed since")
    with pytest.raises(DeviceRevoked):
        await ann.sync()
    seen = await look_at(world)

    discarded = await decide(world, "discarded")
    await bob.sync()
    await run_jobs(world)

    assert (seen, discarded) == (("waiting", 1, 1), {"refused": 1})
    assert await look_at(world) == ("discarded", 1, 0)
    assert (await emails(world), "typed since" in await contacts(world)) == (1, False)


async def test_s7_one_tenants_fault_does_not_keep_the_others_waiting(
    world: World, installation: Installation, ann: Phone, bob: Phone, monkeypatch: pytest.MonkeyPatch
):
    """A look goes over all tenants; the first one's trouble is logged, and looked at again."""
    await ann.sync()
    await hand_in_and_release(world, ann)
    await bob.sync()
    take, calls = take_released, []

    async def fails_first(tenant: object) -> object:
        calls.append(tenant)
        if len(calls) == 1:
            raise RuntimeError("a fault of ours")
        return await take(tenant)  # type: ignore[arg-type]

    monkeypatch.setattr(released_jobs, "take_released", fails_first)
    await take_released_everywhere([world.tenant, world.tenant])

    assert (len(calls), await emails(world)) == (2, 1)
