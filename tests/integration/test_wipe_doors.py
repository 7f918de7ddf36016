"""What an order to wipe closes at once: every door of the server, but those by which the device hands in."""

import re
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from outrider_sdk.errors import ReplicaWiped
from outrider_sdk.protocol import PROTOCOL_VERSION
from outrider_sdk.protocol.entities import SCHEMA_VERSION
from outrider_sdk.protocol.ids import uuid7

from server.api_document import describe_api
from server.auth.devices import create_device
from server.auth.standings import forget_standings
from server.auth.tokens import keys
from server.db import tenant_transaction
from tests.integration.application import APP
from tests.integration.phones import Bridge, enrol_phone
from tests.integration.rest_world import Person
from tests.integration.sync_world import World

PATHS: dict[str, dict[str, Any]] = msgspec.json.decode(msgspec.json.encode(describe_api(APP)))["paths"]
OPEN = {
    ("POST", "/sync/push"),
    ("GET", "/attachments/{row_id}/upload"),
    ("PATCH", "/attachments/{row_id}/upload"),
    ("POST", "/devices/incarnations"),
}
"""By these a device hands in what it holds; a copied one needs a life of its own first."""
PUBLIC = {"/health", "/.well-known/jwks.json", "/billing/webhooks/stripe"}
DOORS = [("GET", "/sync/events")] + [
    (method.upper(), path)
    for path, methods in PATHS.items()
    for method in methods
    if path not in PUBLIC and "/t/{" not in path and not path.startswith("/sign-up")
]
PULL = {"protocol": PROTOCOL_VERSION, "schema": SCHEMA_VERSION, "cursor": 0}
PUSH = {"protocol": PROTOCOL_VERSION, "incarnation": 1, "acked_through": 0, "mutations": []}
CHECKSUM = {"protocol": PROTOCOL_VERSION, "schema": SCHEMA_VERSION, "cursor": 0, "view": "-", "sums": {}, "bucket": 0,
            "contents": {}}  # fmt: skip


@pytest.fixture
async def device(world: World) -> Person:
    """Ann's device, as whoever has its access token."""
    return await on_device(world, await enrolled(world))


async def enrolled(world: World) -> UUID:
    async with tenant_transaction(world.tenant):
        device = await create_device(UUID(world.ann), "phone", b"k" * 32)
    return device.id


async def on_device(world: World, device_id: UUID) -> Person:
    token = await keys.issue(tenant_id=world.tenant.id, member_id=UUID(world.ann), role="rep", device_id=device_id)
    return Person(APP, world.tenant, device_id, "rep", token)


async def ask(device: Person, method: str, path: str) -> tuple[int, str]:
    number = "1" if re.search(r"\{(number|run)\}", path) else str(uuid7())
    reply = await device.send(method, re.sub(r"\{[^}]*\}", number, path), None if method == "GET" else {})
    return reply.status_code, reply.json().get("code", "") if reply.status_code >= 400 else ""


async def order(world: World, device: Person, *, now: bool = False) -> None:
    await world.execute("UPDATE device SET wipe_ordered_at = now(), wipe_now = $2 WHERE id = $1", device.id, now)
    forget_standings()


async def test_s6_a_device_that_is_to_be_wiped_finds_all_doors_closed_but_those_for_handing_in(
    world: World, device: Person
):
    """Who found the phone has its token: the customers are not to be read by REST in place of the pull."""
    await order(world, device)

    answers = {door: await ask(device, *door) for door in DOORS}

    closed = {door for door, answer in answers.items() if answer == (403, "wipe_ordered")}
    assert set(DOORS) - closed == OPEN


async def test_s6_a_device_that_is_to_be_wiped_at_once_finds_no_door_open(world: World, device: Person):
    """What it has not sent is lost, by name: so nothing is asked of it."""
    await order(world, device, now=True)

    answers = {door: await ask(device, *door) for door in DOORS}
    told = (await device.send("POST", "/sync/push", PUSH)).json()

    assert {door: answer for door, answer in answers.items() if answer != (403, "wipe_ordered")} == {}
    assert (told["now"], "at once, without handing in" in told["detail"]) == (True, True)


async def test_s6_a_revoked_device_finds_no_door_open(world: World, device: Person):
    """Its last access token lives on for minutes."""
    await world.execute("UPDATE device SET revoked_at = now() WHERE id = $1", device.id)
    forget_standings()

    answers = {door: await ask(device, *door) for door in DOORS}

    assert {door: answer for door, answer in answers.items() if answer != (401, "device_revoked")} == {}


async def test_who_is_ordered_to_wipe_still_hands_in(world: World, device: Person):
    """S1: the order comes before the work is there."""
    await order(world, device)

    reply = await device.send("POST", "/sync/push", PUSH)

    assert reply.status_code == 200, reply.text


@pytest.mark.parametrize("column", ["wipe_ordered_at", "revoked_at"])
async def test_s6_another_process_that_heard_of_no_order_sends_the_device_no_rows(
    world: World, device: Person, column: str
):
    """What a process remembers of a token is half a minute old: pages, checksums and snapshots are asked for anew."""
    code = "wipe_ordered" if column == "wipe_ordered_at" else "device_revoked"
    assert (await device.send("GET", "/me")).status_code == 200
    await world.execute(f"UPDATE device SET {column} = now() WHERE id = $1", device.id)

    replies = [
        await device.send("POST", "/sync/pull", PULL),
        await device.send("POST", "/sync/checksum", CHECKSUM),
        await device.send("GET", f"/sync/snapshots/{uuid7()}"),
    ]

    assert [reply.json().get("code") for reply in replies] == [code] * 3


async def test_the_office_goes_on_with_its_browser(world: World, device: Person):
    """The order is for one phone, not for its person."""
    await order(world, device)
    token = await keys.issue(tenant_id=world.tenant.id, member_id=UUID(world.ann), role="rep")

    assert (await Person(APP, world.tenant, device.id, "rep", token).send("GET", "/accounts")).status_code == 200


async def test_s6_a_copy_of_a_device_that_is_to_be_wiped_is_wiped_in_its_next_life_too(world: World, tmp_path: Path):
    """Else a copied file would be the way around the order; what it holds is handed in first."""
    bridge = Bridge(APP)
    ann = await enrol_phone(world, "ann", bridge, tmp_path)
    await ann.sync()
    copy = ann.copy("copy.db", bridge)
    ann.crm.contacts.create(account_id=world.shop, name="from ann")
    copy.crm.contacts.create(account_id=world.shop, name="from the copy")
    await ann.sync()
    await world.execute("UPDATE device SET wipe_ordered_at = now()")
    forget_standings()

    with pytest.raises(ReplicaWiped):
        await copy.sync()

    devices = await world.fetch("SELECT incarnation, wipe_ordered_at FROM device ORDER BY 1")
    assert [(d["incarnation"], d["wipe_ordered_at"] is not None) for d in devices] == [(1, True), (2, True)]
    assert len(await world.fetch("SELECT FROM contact WHERE name = 'from the copy'")) == 1
    ann.crm.close()
    copy.crm.close()
