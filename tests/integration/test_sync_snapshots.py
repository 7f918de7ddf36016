"""Snapshots over real HTTP: what begins with a file ends as what was pulled in pages, and holds nothing else."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from backports import zstd
from outrider_sdk import Replica

from server import storage
from server.auth.standings import forget_standings
from server.db import SYSTEM, TenantRef, connection, tenant_transaction, tenant_write
from server.sync import snapshot_build, snapshot_plan
from tests.integration.live_server import live
from tests.integration.organisations import found_organisation
from tests.integration.sync_oracle import Oracle
from tests.integration.sync_world import WireDevice, World, make_world, new_id
from tests.integration.web_world import open_replica, rows_of, token_of

Begin = Callable[[WireDevice, Path], Awaitable[Replica]]
PULL = {"protocol": 1, "schema": 1, "cursor": 0, "position": None, "snapshots": ["zstd", "gzip"]}


@pytest.fixture(autouse=True)
def every_snapshot_is_worth_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The company of these tests is too small for them otherwise."""
    monkeypatch.setattr(snapshot_plan, "WHOLE_ROWS_MIN", 1)
    monkeypatch.setattr(snapshot_plan, "CATALOGUE_ROWS_MIN", 1)
    storage.use(tmp_path / "state")


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with live() as address:
        yield address


@pytest.fixture
def begin(url: str) -> Iterator[Begin]:
    """Makes a replica of a device, and has it sync once."""
    opened = []

    async def make(device: WireDevice, path: Path) -> Replica:
        replica = await open_replica(device, url, path)
        opened.append(replica)
        await asyncio.to_thread(replica.sync)
        return replica

    yield make
    for replica in opened:
        replica.close()


def files_in(state: Path) -> list[Path]:
    """The snapshots in the storage."""
    return list(state.rglob("snapshots/*/*"))


def beside(path: Path) -> list[str]:
    """What a snapshot may have left beside a replica."""
    return [file.name for file in path.parent.iterdir() if "snapshot" in file.name]


async def ask(device: WireDevice, url: str, method: str, path: str, **options: Any) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {await token_of(device)}", **options.pop("headers", {})}
    async with httpx2.AsyncClient(base_url=url) as client:
        return await client.request(method, path, headers=headers, **options)


async def offer_to(device: WireDevice, url: str, **changed: Any) -> dict[str, Any]:
    reply = await ask(device, url, "POST", "/sync/pull", json=PULL | changed)
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


async def file_of(device: WireDevice, url: str, **changed: Any) -> bytes:
    """The SQLite file that a device is offered, decompressed."""
    page = await offer_to(device, url, **changed)
    reply = await ask(device, url, "GET", f"/sync/snapshots/{page['snapshot']['id']}")
    assert reply.status_code == 206
    return zstd.decompress(reply.content)


async def expected_rows(world: World, member: str) -> dict[str, set[str]]:
    seen = (await Oracle.look(world)).rows_of(world.ids[member])
    return {entity: {row_id.replace("-", "") for row_id in rows} for entity, rows in seen.items() if rows}


async def test_s3_a_device_that_begins_with_a_snapshot_equals_one_that_pulled_pages(
    world: World, begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The file is a short cut, not another truth: each value, of each entity."""
    begun = await begin(await world.device("ann"), tmp_path / "a.db")
    monkeypatch.setattr("outrider_sdk.pull.encodings", lambda store, transport: [])
    paged = await begin(await world.device("ann"), tmp_path / "b.db")

    assert rows_of(begun) == rows_of(paged)
    assert {entity: set(rows) for entity, rows in rows_of(begun).items()} == await expected_rows(world, "ann")
    assert len(await world.fetch("SELECT FROM snapshot")) == 1
    assert begun.verify() == []


async def test_s3_what_changed_since_the_snapshot_was_built_comes_with_the_pages_after_it(
    world: World, begin: Begin, tmp_path: Path
):
    """The file is of yesterday; the replica must be of today, also in what was deleted, moved and regained."""
    await begin(await world.device("ann"), tmp_path / "a.db")
    async with tenant_write(world.tenant, by=SYSTEM):
        await connection().execute("UPDATE contact SET name = 'Carla Renamed' WHERE id = $1", world.clerk)
        await connection().execute("DELETE FROM contact_channel WHERE id = $1", world.mail)
        await connection().execute("DELETE FROM product WHERE id = $1", world.mug)
        for account in (world.shop, world.cafe):
            await connection().execute(
                "INSERT INTO contact (id, account_id, name) VALUES (gen_random_uuid(), $1, 'New')", account
            )
        await connection().execute("DELETE FROM assignment WHERE id = $1", world.bob_shop)

    late = await begin(await world.device("ann"), tmp_path / "b.db")

    assert {entity: set(rows) for entity, rows in rows_of(late).items()} == await expected_rows(world, "ann")
    assert late.contacts.get(world.clerk).name == "Carla Renamed"
    assert len(await world.fetch("SELECT FROM snapshot")) == 1


@pytest.mark.parametrize("seed", range(4))
async def test_s3_every_role_of_random_organisations_begins_with_what_it_may_see(
    tenant: TenantRef, begin: Begin, tmp_path: Path, seed: int
):
    """Shared files, levels, hidden fields, members who came later: compared with the plain oracle, member by member."""
    organisation = await found_organisation(tenant, seed)
    world = World(tenant, {})
    for turn in range(2):
        members = await world.fetch("SELECT id FROM member WHERE active AND deleted_at IS NULL")
        for number, member in enumerate(members):
            world.ids["x"] = str(member["id"])
            replica = await begin(await world.device("x"), tmp_path / f"{turn}-{number}.db")
            seen = {entity: set(rows) for entity, rows in rows_of(replica).items()}
            assert seen == await expected_rows(world, "x"), (turn, number)
        await organisation.happen()


async def test_s6_a_snapshot_holds_nothing_that_its_members_may_not_see_in_no_byte(world: World, url: str):
    """Free pages of a patched file would tell what was deleted, hidden, or another's."""
    await world.execute("UPDATE contact SET name = 'Deleted Dagobert', deleted_at = now() WHERE id = $1", world.clerk)
    cafe_clerk = new_id()
    await world.execute(
        "INSERT INTO contact (id, account_id, name) VALUES ($1, $2, 'Foreign Fritz')", cafe_clerk, world.cafe
    )
    await world.execute("UPDATE product SET description = 'Hidden Hint', name = 'Renamed' WHERE id = $1", world.mug)
    await world.execute("UPDATE product SET name = 'Mug' WHERE id = $1", world.mug)
    await world.execute("""UPDATE role SET fields = '{"product": {"description": "hidden"}}' WHERE key = 'rep'""")
    forget_standings()

    raw = await file_of(await world.device("ann"), url)

    assert b"Corner Shop" in raw
    for secret in (b"Dagobert", b"Fritz", b"Hidden Hint", b"Renamed", UUID(cafe_clerk).bytes, UUID(world.cafe).bytes):
        assert secret not in raw


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


async def test_s6_a_changed_view_brings_another_snapshot(world: World, begin: Begin, tmp_path: Path):
    """A field hidden this noon is not in the file that was built this morning."""
    await world.execute("UPDATE contact SET description = 'Owes us money' WHERE id = $1", world.clerk)
    replica = await begin(await world.device("ann"), tmp_path / "a.db")
    await world.execute("""UPDATE role SET fields = '{"contact": {"description": "hidden"}}' WHERE key = 'rep'""")
    forget_standings()

    report = await asyncio.to_thread(replica.sync)

    assert replica.contacts.get(world.clerk).description is None
    assert report.rows_put > 10
    assert len(await world.fetch("SELECT DISTINCT key FROM snapshot")) == 2
    assert {entity: set(rows) for entity, rows in rows_of(replica).items()} == await expected_rows(world, "ann")


async def test_members_who_hold_the_same_share_one_snapshot_also_those_who_came_later(
    world: World, url: str, begin: Begin, tmp_path: Path
):
    """A hundred phones of one team begin with one file; the new colleague's too, though granted after it was built."""
    await begin(await world.device("ann"), tmp_path / "a.db")
    world.ids["eve"] = new_id()
    async with tenant_write(world.tenant, by=SYSTEM):
        await connection().execute(
            "INSERT INTO member (id, name, role, active) VALUES ($1, 'Eve', 'rep', true)", world.eve
        )
        await connection().execute(
            "INSERT INTO assignment (id, member_id, outlet_id) VALUES ($1, $2, $3)",
            new_id(),
            world.eve,
            world.shop_outlet,
        )

    page = await offer_to(await world.device("eve"), url)
    eve = await begin(await world.device("eve"), tmp_path / "b.db")

    assert page["snapshot"]["rows"] > 10
    assert len(await world.fetch("SELECT FROM snapshot")) == 1
    assert {entity: set(rows) for entity, rows in rows_of(eve).items()} == await expected_rows(world, "eve")


async def test_a_small_territory_begins_with_the_catalogue_and_pulls_the_rest(
    world: World, url: str, begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """What everybody shares is built once; twenty outlets of one rep are pulled as fast as they would be built."""
    monkeypatch.setattr(snapshot_plan, "WHOLE_ROWS_MIN", 10_000)

    ann = await begin(await world.device("ann"), tmp_path / "a.db")
    bob = await begin(await world.device("bob"), tmp_path / "b.db")

    assert len(await world.fetch("SELECT FROM snapshot")) == 1
    for name, replica in (("ann", ann), ("bob", bob)):
        assert {entity: set(rows) for entity, rows in rows_of(replica).items()} == await expected_rows(world, name)
    raw = await file_of(await world.device("ann"), url)
    assert b"TEA" in raw
    assert b"Corner Shop" not in raw


async def test_s9_a_replica_that_begins_anew_keeps_its_unsent_work(world: World, begin: Begin, tmp_path: Path):
    """Rows are copied in under the overlay, in one step; what the rep typed meanwhile is still shown, and goes out."""
    replica = await begin(await world.device("ann"), tmp_path / "a.db")
    await world.execute("""UPDATE role SET fields = '{"product": {"description": "hidden"}}' WHERE key = 'rep'""")
    forget_standings()
    with replica.transaction():
        replica.contacts.edit(world.clerk, name="Carla Captured")
        made = replica.contacts.create(account_id=world.shop, name="Made offline")
    await asyncio.to_thread(replica.sync)

    assert replica.contacts.get(world.clerk).name == "Carla Captured"
    assert replica.contacts.get(made.id).name == "Made offline"
    assert replica.status().pending == 0
    assert replica.verify() == []
    assert {entity: set(rows) for entity, rows in rows_of(replica).items()} == await expected_rows(world, "ann")


async def test_a_client_without_zstd_gets_gzip_and_one_that_knows_neither_gets_pages(
    world: World, url: str, begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """No wheel of zstd exists for phones."""
    monkeypatch.setattr("outrider_sdk.pull.encodings", lambda store, transport: ["gzip"])
    replica = await begin(await world.device("ann"), tmp_path / "a.db")
    pages = await offer_to(await world.device("ann"), url, snapshots=["lzma"])

    assert [r["encoding"] for r in await world.fetch("SELECT encoding FROM snapshot")] == ["gzip"]
    assert {entity: set(rows) for entity, rows in rows_of(replica).items()} == await expected_rows(world, "ann")
    assert "snapshot" not in pages
    assert pages["complete"]


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


async def test_a_snapshot_that_fails_its_hash_is_not_used(world: World, url: str, begin: Begin, tmp_path: Path):
    """A disk that forgets a bit must not change a price."""
    await offer_to(await world.device("ann"), url)
    (file,) = files_in(tmp_path / "state")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)

    replica = await begin(await world.device("ann"), tmp_path / "a.db")

    assert {entity: set(rows) for entity, rows in rows_of(replica).items()} == await expected_rows(world, "ann")
    assert not beside(tmp_path / "a.db")


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
