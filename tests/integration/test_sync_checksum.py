"""Checksums over real HTTP: equal for every role, a difference is found whatever it is, and tells nothing."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from outrider_sdk import Replica, checksum

from server.auth.standings import forget_standings
from server.clock import now, to_micros
from server.db import TenantRef
from tests.integration.live_server import live
from tests.integration.organisations import found_organisation
from tests.integration.sync_world import World, make_world
from tests.integration.web_world import open_replica


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with live() as address:
        yield address


async def synced(world: World, member: str, url: str, path: Path) -> Replica:
    replica = await open_replica(await world.device(member), url, path)
    await asyncio.to_thread(replica.sync)
    return replica


async def compare(replica: Replica, *, day: int = 0, **changed: Any) -> dict[str, Any]:
    request = checksum.request_of(replica._store, to_micros(now()) + day * checksum.DAY_US)
    return dict(await asyncio.to_thread(replica._transport.checksum, request | changed))  # type: ignore[union-attr]


@pytest.mark.parametrize("seed", range(4, 7))
async def test_s3_replicas_of_every_role_of_random_organisations_equal_the_server(
    tenant: TenantRef, url: str, tmp_path: Path, seed: int
):
    """A false alarm would have every phone pull everything each day."""
    organisation = await found_organisation(tenant, seed)
    world = World(tenant, {})
    for turn in range(2):
        for number, member in enumerate(await world.fetch("SELECT id FROM member WHERE active AND deleted_at IS NULL")):
            world.ids["x"] = str(member["id"])
            replica = await synced(world, "x", url, tmp_path / f"{turn}-{number}.db")
            replies = [await compare(replica, day=day) for day in range(0, 32, 5)]
            replica.close()
            assert all(reply["compared"] and reply["differing"] == [] for reply in replies), (turn, number, replies)
        await organisation.happen()


async def test_s3_a_difference_is_found_put_on_record_and_repaired(world: World, url: str, tmp_path: Path):
    """Found by the device, healed by itself, and an operator can see that it was."""
    replica = await synced(world, "ann", url, tmp_path / "a.db")
    replica._store._conn.execute("DELETE FROM product WHERE sku = 'TEA'")  # type: ignore[union-attr]
    replica._clock = lambda: to_micros(now()) + checksum.DAY_US
    with replica._store.write():
        replica._store.set_meta(compared_at=to_micros(now()) - checksum.DAY_US)

    report = await asyncio.to_thread(replica.sync)

    assert (report.repaired, report.differing) == (["product"], [])
    assert replica.products.count(where={"sku": "TEA"}) == 1
    noted = await world.fetch("SELECT entities, view FROM replica_difference")
    assert [(r["entities"], r["view"]) for r in noted] == [(["product"], replica._store.meta("view"))]
    assert (await compare(replica))["differing"] == []
    replica.close()


async def test_s3_changed_content_of_the_days_bucket_is_found(world: World, url: str, tmp_path: Path):
    """A flipped bit leaves the revision as it was."""
    replica = await synced(world, "ann", url, tmp_path / "a.db")
    replica._store._conn.execute("UPDATE product SET name = 'Tee' WHERE sku = 'TEA'")  # type: ignore[union-attr]

    found = [(await compare(replica, day=day))["differing"] for day in range(32)]

    assert sorted(found) == [[]] * 31 + [["product"]]
    replica.close()


async def test_a_comparison_waits_for_what_is_new(world: World, url: str, tmp_path: Path):
    """A row on its way is no difference; one that does not concern the member holds nothing up."""
    replica = await synced(world, "ann", url, tmp_path / "a.db")
    await world.execute("UPDATE contact SET name = name WHERE account_id = $1", world.cafe)
    other = await compare(replica)
    await world.execute("UPDATE contact SET name = 'Carla C.' WHERE id = $1", world.clerk)

    news = await compare(replica)
    beyond = await compare(replica, cursor=10**9)

    assert (other["compared"], other["differing"]) == (True, [])
    assert [(r["compared"], r["differing"]) for r in (news, beyond)] == [(False, [])] * 2
    replica.close()


async def test_s6_another_view_is_not_compared(world: World, url: str, tmp_path: Path):
    """What a role hides since then must not be guessed by sums."""
    replica = await synced(world, "ann", url, tmp_path / "a.db")
    await world.execute("""UPDATE role SET fields = '{"product": {"description": "hidden"}}' WHERE key = 'rep'""")
    forget_standings()

    assert (await compare(replica))["compared"] is False
    replica.close()


async def test_s6_hidden_fields_are_null_on_both_sides(world: World, url: str, tmp_path: Path):
    """The server leaves out what it did not send."""
    await world.execute("""UPDATE role SET fields = '{"product": {"name": "hidden"}}' WHERE key = 'rep'""")
    forget_standings()
    replica = await synced(world, "ann", url, tmp_path / "a.db")

    found = [(await compare(replica, day=day))["differing"] for day in range(32)]

    assert found == [[]] * 32
    replica.close()


async def test_the_sums_of_a_device_of_another_tenant_are_compared_with_its_own(
    world: World, url: str, tmp_path: Path, new_tenant: Any
):
    """The tenant is the token's."""
    elsewhere = await make_world(await new_tenant())
    ours = await synced(world, "ann", url, tmp_path / "a.db")
    theirs = await synced(elsewhere, "ann", url, tmp_path / "b.db")
    request = checksum.request_of(ours._store, to_micros(now()))

    reply = await compare(theirs, sums=request["sums"], contents=request["contents"])

    assert "product" in reply["differing"]
    assert await world.fetch("SELECT FROM replica_difference") == []
    ours.close()
    theirs.close()
