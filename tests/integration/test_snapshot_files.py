"""Files of snapshots: built once for all who share them, given to nobody else, and gone when they must be."""

import asyncio
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from server.auth.standings import forget_standings
from server.db import SYSTEM, connection, tenant_transaction, tenant_write
from server.sync import snapshot_build
from tests.integration import snapshot_world
from tests.integration.snapshot_world import PULL, Begin, ask, expected_rows, file_of, files_in, offer_to
from tests.integration.sync_world import World, make_world, new_id
from tests.integration.web_world import rows_of

every_snapshot_is_worth_it = snapshot_world.every_snapshot_is_worth_it
url, begin = snapshot_world.url, snapshot_world.begin


async def test_s6_every_range_is_authorised_anew(world: World, url: str):
    """Whoever loses a customer in the middle of a download does not get the rest of it."""
    device = await world.device("ann")
    path = f"/sync/snapshots/{(await offer_to(device, url))['snapshot']['id']}"
    first = await ask(device, url, "GET", path, headers={"Range": "bytes=0-99"})
    await world.execute("UPDATE assignment SET deleted_at = now() WHERE id = $1", world.ann_shop)

    rest = await ask(device, url, "GET", path, headers={"Range": "bytes=100-"})

    assert (first.status_code, len(first.content)) == (206, 100)
    assert (rest.status_code, rest.json()["code"]) == (410, "snapshot_gone")


async def test_s6_a_snapshot_is_nobody_elses(world: World, url: str):
    """Its id is no key: another rep, another view, or nobody's device do not get it."""
    ann, bob = await world.device("ann"), await world.device("bob")
    path = f"/sync/snapshots/{(await offer_to(ann, url))['snapshot']['id']}"
    await world.execute("UPDATE device SET revoked_at = now() WHERE id = $1", ann.id)
    forget_standings()

    others = await ask(bob, url, "GET", path)
    revoked = await ask(ann, url, "GET", path)
    unknown = await ask(bob, url, "GET", f"/sync/snapshots/{uuid4()}")

    assert [(r.status_code, r.json()["code"]) for r in (others, unknown)] == [(410, "snapshot_gone")] * 2
    assert (revoked.status_code, revoked.json()["code"]) == (401, "device_revoked")


async def test_s6_a_snapshot_of_another_tenant_is_none(world: World, url: str, new_tenant: Any):
    """The tenant is the token's; an id of elsewhere finds nothing."""
    path = f"/sync/snapshots/{(await offer_to(await world.device('ann'), url))['snapshot']['id']}"
    elsewhere = await make_world(await new_tenant())

    reply = await ask(await elsewhere.device("ann"), url, "GET", path)

    assert (reply.status_code, reply.json()["code"]) == (410, "snapshot_gone")


async def test_ten_devices_that_begin_at_once_have_one_snapshot_built(world: World, url: str, tmp_path: Path):
    """On Monday morning everybody unpacks the new phone."""
    devices = [await world.device("ann") for _ in range(10)]

    pages = await asyncio.gather(*(offer_to(device, url) for device in devices))

    assert len({page["snapshot"]["id"] for page in pages}) == 1
    assert len(await world.fetch("SELECT FROM snapshot")) == 1


async def test_a_snapshot_whose_file_is_lost_costs_only_time(world: World, url: str, begin: Begin, tmp_path: Path):
    """Whatever is wrong with it, pages do; nothing hangs on a snapshot."""
    await offer_to(await world.device("ann"), url)
    for file in files_in(tmp_path / "state"):
        file.unlink()

    replica = await begin(await world.device("ann"), tmp_path / "a.db")

    assert {entity: set(rows) for entity, rows in rows_of(replica).items()} == await expected_rows(world, "ann")


async def test_a_snapshot_is_built_anew_when_much_has_changed_since(
    world: World, url: str, monkeypatch: pytest.MonkeyPatch
):
    """A delta that is longer than the file helps nobody."""
    monkeypatch.setattr("server.sync.snapshots.DELTA_ROWS_MIN", 3)
    first = await offer_to(await world.device("ann"), url)
    async with tenant_write(world.tenant, by=SYSTEM):
        await connection().execute(
            "INSERT INTO product (id, sku, name, base_unit)"
            " SELECT gen_random_uuid(), 'P' || n, 'Product', 'piece' FROM generate_series(1, 30) n"
        )

    second = await offer_to(await world.device("ann"), url)

    assert first["snapshot"]["id"] != second["snapshot"]["id"]


async def test_an_erasure_takes_all_snapshots_off_the_list_and_the_sweep_their_files(
    world: World, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A person who is forgotten is forgotten in files too."""
    device = await world.device("ann")
    page = await offer_to(device, url)
    async with tenant_write(world.tenant, by=SYSTEM):
        await connection().execute("UPDATE contact SET name = '(erased)' WHERE id = $1", world.clerk)
        await connection().execute(
            "SELECT erase_record($1, NULL, ARRAY[13]::smallint[], ARRAY[$1]::uuid[])", world.clerk
        )

    refused = await ask(device, url, "GET", f"/sync/snapshots/{page['snapshot']['id']}")
    stale = await ask(device, url, "POST", "/sync/pull", json=PULL | {"position": page["position"]})
    monkeypatch.setattr(snapshot_build, "ORPHAN_LASTS", snapshot_build.ORPHAN_LASTS * 0)
    await snapshot_build.sweep(world.tenant)

    assert refused.json()["code"] == "snapshot_gone"
    assert stale.json()["code"] == "position_unknown"
    assert files_in(tmp_path / "state") == []
    assert b"Carla" not in await file_of(device, url)


async def test_the_sweep_keeps_what_is_used_and_removes_what_was_replaced_or_forgotten(world: World, url: str):
    """Files would fill the storage, one a role and day."""
    kept = (await offer_to(await world.device("ann"), url))["snapshot"]["id"]
    unused = (await offer_to(await world.device("bob"), url))["snapshot"]["id"]
    await world.execute("UPDATE snapshot SET used_at = now() - interval '8 days' WHERE id = $1", unused)
    await world.execute(
        "INSERT INTO snapshot (id, key, encoding, revision, scopes, sha256, size_bytes, file_bytes, rows)"
        " SELECT $2, key, encoding, revision - 1, scopes, sha256, size_bytes, file_bytes, rows"
        " FROM snapshot WHERE id = $1", kept, new_id(),
    )  # fmt: skip
    await world.execute("UPDATE snapshot SET built_at = now() - interval '2 hours' WHERE id = $1", kept)

    await snapshot_build.sweep(world.tenant)

    assert [str(r["id"]) for r in await world.fetch("SELECT id FROM snapshot")] == [kept]


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=-5", "items=0-1", "bytes=7-3"])
async def test_a_range_that_is_none_is_refused(world: World, url: str, asked: str):
    """Never a body that is something else than was asked for."""
    device = await world.device("ann")
    path = f"/sync/snapshots/{(await offer_to(device, url))['snapshot']['id']}"

    reply = await ask(device, url, "GET", path, headers={"Range": asked})

    assert (reply.status_code, reply.json()["code"]) == (416, "range_unsatisfiable")


async def test_a_build_that_fails_leaves_pages(world: World, url: str, monkeypatch: pytest.MonkeyPatch):
    """A full disk on the server delays a bootstrap, and stops nobody."""

    def fail(*_: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(snapshot_build, "pack", fail)

    page = await offer_to(await world.device("ann"), url)

    assert "snapshot" not in page
    assert page["complete"]
    assert json.loads(json.dumps(page["puts"]))["product"]["id"]
    async with tenant_transaction(world.tenant) as conn:
        assert await conn.fetchval("SELECT count(*) FROM snapshot") == 0
