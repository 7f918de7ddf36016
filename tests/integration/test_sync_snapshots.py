"""Snapshots over real HTTP: what begins with a file ends as what was pulled in pages, and holds nothing else."""

import asyncio
from pathlib import Path
from uuid import UUID

import pytest

from server.auth.standings import forget_standings
from server.db import SYSTEM, TenantRef, connection, tenant_write
from server.sync import snapshot_plan
from tests.integration import snapshot_world
from tests.integration.organisations import found_organisation
from tests.integration.snapshot_world import Begin, expected_rows, file_of, files_in, offer_to
from tests.integration.sync_world import World, new_id
from tests.integration.web_world import rows_of

every_snapshot_is_worth_it = snapshot_world.every_snapshot_is_worth_it
url, begin = snapshot_world.url, snapshot_world.begin


def beside(path: Path) -> list[str]:
    """What a snapshot may have left beside a replica."""
    return [file.name for file in path.parent.iterdir() if "snapshot" in file.name]


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
