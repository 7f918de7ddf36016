"""Work of a revoked device: handed in once, looked at by a manager, and applied under its author's name, or refused."""

from typing import Any
from uuid import UUID

import httpx2
import pytest
from outrider_sdk import Replica
from outrider_sdk import quarantine as handing_in
from outrider_sdk.errors import DeviceRevoked
from outrider_sdk.protocol import HandInReply

from server.auth import devices
from server.auth.standings import forget_standings
from server.crm.erasure.commands import erase_person
from server.db import Actor, tenant_transaction
from server.sync import apply, quarantine, quarantine_commands
from server.sync.trials import Mark, set_mark
from tests.integration import live_server, quarantine_world
from tests.integration.live_server import on_device
from tests.integration.quarantine_world import hand_in, person, release, revoke
from tests.integration.sync_world import World

url = live_server.url
phone = quarantine_world.phone


async def test_s1_a_revoked_device_hands_in_once_and_a_manager_releases_it(world: World, phone: Replica):
    """The phone was reported lost, and found: the visit notes of the morning are not. Authorship stays Ann's."""
    told = await hand_in(world, phone)
    mia = await person(world, "mia", "manager")
    [waiting] = await mia.get("/quarantines")
    shown = await mia.get(f"/quarantines/{waiting['id']}")

    released = await mia.send("POST", f"/quarantines/{waiting['id']}/release")
    [contact] = await world.fetch("SELECT created_by FROM contact WHERE name = 'Zoe'")
    [account] = await world.fetch("SELECT name FROM account WHERE id = $1", UUID(world.shop))

    assert told.handed_in_through == 2
    assert "your manager looks at it" in str(told)
    assert phone.status().pending == 2
    assert (waiting["state"], waiting["complete"], waiting["mutations"]) == ("waiting", True, 2)
    assert shown["changes"] == {"contact.create": 1, "account.edit": 1}
    assert released.json() == {"applied": 2, "merged": 0, "refused": 0, "parked": 0}
    assert (contact["created_by"], account["name"]) == (UUID(world.ann), "Corner Shop 2")
    assert (await mia.refusal("POST", f"/quarantines/{waiting['id']}/discard"))[:2] == (409, "quarantine_decided")


async def test_s2_what_was_released_is_not_applied_again_when_the_device_is_enrolled_again(
    world: World, phone: Replica, url: str
):
    """The same phone with a new code hands the same in; the server knows it by its digests."""
    await hand_in(world, phone)
    mia = await person(world, "mia", "manager")
    [waiting] = await mia.get("/quarantines")
    await mia.send("POST", f"/quarantines/{waiting['id']}/release")
    async with tenant_transaction(world.tenant):
        drawn = await devices.draw_code(UUID(world.ann), by=UUID(world.ann), role="rep")

    await on_device(phone.enrol, server=url, tenant=world.tenant.slug, code=drawn.code, again=True)
    report = await on_device(phone.sync)

    assert (report.applied, report.refused, phone.status().pending) == (2, 0, 0)
    assert len(await world.fetch("SELECT id FROM contact WHERE name = 'Zoe'")) == 1


async def test_s12_what_was_discarded_is_refused_with_words_and_kept(world: World, phone: Replica, url: str):
    """Ann learns what became of it, and can do it again if she may."""
    await hand_in(world, phone)
    mia = await person(world, "mia", "manager")
    [waiting] = await mia.get("/quarantines")

    discarded = await mia.send("POST", f"/quarantines/{waiting['id']}/discard")
    async with tenant_transaction(world.tenant):
        drawn = await devices.draw_code(UUID(world.ann), by=UUID(world.ann), role="rep")
    await on_device(phone.enrol, server=url, tenant=world.tenant.slug, code=drawn.code, again=True)
    report = await on_device(phone.sync)

    assert discarded.json() == {"applied": 0, "merged": 0, "refused": 2, "parked": 0}
    assert await world.fetch("SELECT id FROM contact WHERE name = 'Zoe'") == []
    assert len(await world.fetch("SELECT number FROM refused_mutation WHERE code = 'quarantine_discarded'")) == 2
    assert report.refused == 2
    [item, _] = [each for each in report.needs_attention if each.code == "quarantine_discarded"]
    assert "your manager looked at" in item.explanation
    assert {c["code"] for c in item.choices} == {"edit", "discard"}


async def test_a_second_time_is_not_taken_and_a_repeated_one_is_the_same(
    world: World, phone: Replica, monkeypatch: pytest.MonkeyPatch
):
    """One push is a courtesy to the rep, not a door for the thief. A reply that was lost costs nothing."""
    await hand_in(world, phone)
    ask = handing_in._make_sure

    def not_listening(*args: Any) -> HandInReply | None:
        reply = ask(*args)
        return reply and {**reply, "closed": False}

    monkeypatch.setattr(handing_in, "_make_sure", not_listening)
    with pytest.raises(DeviceRevoked) as again:
        await on_device(phone.sync)
    phone.contacts.create(account_id=world.shop, name="Late")
    with pytest.raises(DeviceRevoked):
        await on_device(phone.sync)

    [kept] = await world.fetch("SELECT mutations, complete FROM quarantine")
    assert again.value.handed_in_through == 2
    assert (kept["mutations"], kept["complete"]) == (2, True)
    assert phone.status().pending == 3


async def test_s6_a_revoked_device_pulls_nothing(world: World, phone: Replica):
    """What the office changed since is not for whoever holds the phone."""
    await world.execute("UPDATE account SET name = 'Secret' WHERE id = $1", UUID(world.cafe))

    await hand_in(world, phone)

    assert phone.query("SELECT name FROM account WHERE name = 'Secret'") == []


def empty_body(phone: Replica) -> dict[str, Any]:
    """What a phone with nothing to hand in would send, by hand."""
    held = phone._credentials.load()
    assert held is not None
    return {
        "protocol": 1, "device_id": held.device_id, "incarnation": 1, "complete": True, "mutations": [],
        "proof": held.proof(f"quarantine/{held.device_id}//true"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"proof": "0" * 64}, 401, "token_invalid"),
        ({"device_id": "01920000-0000-7000-8000-0000000000d1"}, 401, "token_invalid"),
        ({"complete": False}, 401, "token_invalid"),
        ({"protocol": 2}, 426, "client_too_old"),
        ({"mutations": [{"number": 1}]}, 400, "invalid_input"),
    ],
)
async def test_without_the_secret_nothing_comes_in(
    world: World, phone: Replica, url: str, changed: dict[str, object], status: int, code: str
):
    """A stranger puts nothing under Ann's name, nor changes what she hands in."""
    await revoke(world, phone)
    body = empty_body(phone)

    async with httpx2.AsyncClient(base_url=url) as client:
        reply = await client.post(f"/t/{world.tenant.slug}/devices/quarantine", json=body | changed)
        elsewhere = await client.post("/t/nobody/devices/quarantine", json=body)

    assert (reply.status_code, reply.json()["code"]) == (status, code)
    assert elsewhere.json()["code"] == "token_invalid"
    assert await world.fetch("SELECT id FROM quarantine") == []


async def test_a_device_that_may_sync_is_told_to(world: World, phone: Replica, url: str):
    """Quarantine is no second door."""
    body = empty_body(phone)

    async with httpx2.AsyncClient(base_url=url) as client:
        reply = await client.post(f"/t/{world.tenant.slug}/devices/quarantine", json=body)

    assert (reply.status_code, reply.json()["code"]) == (409, "not_revoked")


async def test_who_does_not_look_after_the_member_decides_nothing(world: World, phone: Replica):
    """Ann sees that it waits, and cannot release it herself; Bob sees nothing; a manager reads no payload."""
    await hand_in(world, phone)
    ann, bob, mia = (
        await person(world, "ann", "rep"),
        await person(world, "bob", "rep"),
        await person(world, "mia", "manager"),
    )
    [waiting] = await ann.get("/quarantines")
    path = f"/quarantines/{waiting['id']}"

    assert await bob.get("/quarantines") == []
    assert (await bob.refusal("GET", path))[:2] == (404, "not_found")
    assert (await ann.refusal("POST", f"{path}/release"))[:2] == (404, "not_found")
    assert (await mia.refusal("GET", f"{path}/mutations"))[:2] == (403, "forbidden")
    await world.execute("UPDATE member SET role = 'owner' WHERE id = $1", UUID(world.mia))
    forget_standings()
    owner = await person(world, "mia", "owner")
    assert [m["number"] for m in (await owner.get(f"{path}/mutations"))["items"]] == [1, 2]
    assert [m["number"] for m in (await owner.get(f"{path}/mutations", after=1))["items"]] == [2]


async def test_an_erased_person_is_not_in_quarantine_either(world: World, phone: Replica):
    """Their name waits nowhere; the other work goes on."""
    await on_device(phone.contacts.edit, world.clerk, job_title="Head of Tea")
    await hand_in(world, phone)

    await erase_person(world.tenant, "contact", UUID(world.clerk), by=Actor(UUID(world.mia)))
    mia = await person(world, "mia", "manager")
    [waiting] = await mia.get("/quarantines")
    left = await world.fetch("SELECT payload FROM quarantined_mutation")
    released = await mia.send("POST", f"/quarantines/{waiting['id']}/release")

    assert b"Head of Tea" not in b"".join(row["payload"] for row in left)
    assert released.json()["refused"] == 0


async def test_s8_a_release_that_fails_by_a_fault_of_ours_passes_it_in_the_end(
    world: World, phone: Replica, monkeypatch: pytest.MonkeyPatch
):
    """The third time, as in a push: else the rest of the day's work waits for our next version."""
    decide = apply.decide_in_steps

    def stumble(mutations: Any, *rest: Any) -> Any:
        if "Zoe" in str(mutations):
            raise AssertionError("a fault of ours")
        return decide(mutations, *rest)

    monkeypatch.setattr(apply, "decide_in_steps", stumble)
    await hand_in(world, phone)

    for _ in range(3):
        with pytest.raises(AssertionError):
            await release(world)
    counts = await release(world)

    assert counts == {"applied": 1, "refused": 1}
    assert await world.fetch("SELECT code FROM refused_mutation") == [{"code": "poison"}]
    assert await world.fetch("SELECT trial_start FROM device WHERE trial_start IS NOT NULL") == []


async def test_s1_a_release_that_broke_off_goes_on_and_counts_all_of_it(
    world: World, phone: Replica, monkeypatch: pytest.MonkeyPatch
):
    """A server that was stopped in the middle: the manager clicks again, and is told of the whole."""
    monkeypatch.setattr(quarantine_commands, "PUSH_CHUNK", 1)
    await hand_in(world, phone)
    take, taken = quarantine_commands.push_released, []

    async def broken_off(mutations: Any, **options: Any) -> Any:
        if taken:
            raise OSError("stopped")
        taken.append(await take(mutations, **options))
        return taken[0]

    with monkeypatch.context() as patched:
        patched.setattr(quarantine_commands, "push_released", broken_off)
        with pytest.raises(OSError, match="stopped"):
            await release(world)

    assert await release(world) == {"applied": 2}
    assert len(await world.fetch("SELECT id FROM contact WHERE name = 'Zoe'")) == 1


async def test_s8_a_release_that_goes_on_still_knows_what_ended_the_process(
    world: World, phone: Replica, monkeypatch: pytest.MonkeyPatch
):
    """The mark is of what comes after the parts that were taken; those must not take it away."""
    monkeypatch.setattr(quarantine_commands, "PUSH_CHUNK", 1)
    await hand_in(world, phone)
    device = UUID(phone.status().device_id)
    take = quarantine_commands.push_released

    async def dead_at_the_second(mutations: Any, **options: Any) -> Any:
        if mutations[0]["number"] == 2:
            raise OSError("dead")
        return await take(mutations, **options)

    with monkeypatch.context() as patched:
        patched.setattr(quarantine_commands, "push_released", dead_at_the_second)
        with pytest.raises(OSError, match="dead"):
            await release(world)
    async with tenant_transaction(world.tenant):
        await set_mark(device, Mark(2, 2, 2))  # as two deaths have left it

    assert await release(world) == {"applied": 1, "refused": 1}
    assert await world.fetch("SELECT number, code FROM refused_mutation") == [{"number": 2, "code": "poison"}]


async def test_more_than_a_quarantine_takes_stays_on_the_phone(
    world: World, phone: Replica, monkeypatch: pytest.MonkeyPatch
):
    """Whoever has a stolen phone fills no disk, and a rep whose outbox is past all measure loses nothing."""
    monkeypatch.setattr(quarantine, "QUARANTINE_MUTATIONS_MAX", 1)

    told = await hand_in(world, phone)
    with pytest.raises(DeviceRevoked):
        await on_device(phone.sync)

    assert told.handed_in_through is None
    assert phone.status().pending == 2
    assert await world.fetch("SELECT 1 FROM quarantine") == []
