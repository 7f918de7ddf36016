"""Pages that are kept for others: made once for all who may see the same, and never given to who may not."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from outrider_sdk.protocol import encoding

from server.auth.devices import DeviceRevoked
from server.db import tenant_transaction
from server.sync.page_cache import Made, PageCache, pages
from server.sync.position import Position
from server.sync.pull import pull
from tests.integration.sync_oracle import assert_converged
from tests.integration.sync_requests import encoded, pull_body, send
from tests.integration.sync_world import WireDevice, World, new_id


@pytest.fixture(autouse=True)
def _no_pages() -> Iterator[None]:
    pages.clear()
    yield
    pages.clear()


async def colleagues(world: World, count: int) -> list[WireDevice]:
    """Devices of as many reps, all of whom work the shop, up to date."""
    devices = []
    for number in range(count):
        world.ids[f"rep {number}"] = new_id()
        await world.execute("INSERT INTO member (id, name, role) VALUES ($1, 'Rep', 'rep')", world.ids[f"rep {number}"])
        await world.execute(
            "INSERT INTO assignment (id, member_id, outlet_id) VALUES ($1, $2, $3)",
            new_id(), world.ids[f"rep {number}"], world.shop_outlet,
        )  # fmt: skip
        devices.append(await world.device(f"rep {number}"))
    for device in devices:
        await device.pull()
    return devices


async def rename_clerk(world: World, name: str) -> None:
    await world.execute("UPDATE contact SET name = $2 WHERE id = $1", world.clerk, name)


async def test_devices_that_see_the_same_cost_one_page(world: World):
    """Fifty phones wake up at one poke: one asks the database, the others get what it got."""
    devices = await colleagues(world, 6)
    await rename_clerk(world, "Clara")
    before = pages.made

    await asyncio.gather(*(device.pull() for device in devices))

    assert pages.made == before + 1
    assert {device.rows["contact"][world.clerk]["name"] for device in devices} == {"Clara"}
    await assert_converged(world, *devices)


async def test_a_page_is_made_anew_when_a_row_of_it_changed(world: World):
    """S4: nobody is told yesterday's name because somebody asked yesterday."""
    ann, bob = await colleagues(world, 2)
    await rename_clerk(world, "Clara")
    await ann.pull()
    await rename_clerk(world, "Clarissa")

    await bob.pull()

    assert bob.rows["contact"][world.clerk]["name"] == "Clarissa"


async def test_what_others_write_elsewhere_costs_a_device_no_page(world: World):
    """Nothing new, though the tenant's revision moved: answered by the heads of its scopes alone."""
    (ann,) = await colleagues(world, 1)
    before = pages.made
    await world.execute("INSERT INTO account (id, name) VALUES ($1, 'Elsewhere')", new_id())
    cursor = ann.cursor

    await ann.pull()

    assert (pages.made, ann.cursor) == (before, cursor + 1)


async def test_s6_who_lost_the_rows_is_not_given_a_page_that_was_made_for_others(world: World):
    """The page lies ready, for this very cursor; the grants of who asks are looked at first."""
    ann, bob = await colleagues(world, 2)
    await rename_clerk(world, "Clara")
    await ann.pull()
    await world.execute("DELETE FROM assignment WHERE member_id = $1", bob.member_id)

    await bob.pull()

    assert bob.rows.get("contact", {}) == {}
    await ann.pull()
    await assert_converged(world, ann, bob)


async def test_s6_a_dismissed_member_is_not_given_a_page(world: World):
    """Nor is a revoked device."""
    ann, bob = await colleagues(world, 2)
    await rename_clerk(world, "Clara")
    await ann.pull()
    await world.execute("UPDATE device SET revoked_at = now() WHERE id = $1", bob.id)

    with pytest.raises(DeviceRevoked):
        await bob.pull()


async def test_s6_who_reads_less_of_the_same_rows_is_not_given_a_page_with_all(world: World):
    """Job titles are hidden from Bob's role: equal scopes, another view."""
    ann, bob = await colleagues(world, 2)
    await world.execute(
        "INSERT INTO role (id, key, name, base, permissions, fields)"
        """ VALUES ($1, 'narrow', 'Narrow', 'rep', '{}', '{"contact": {"job_title": "hidden"}}')""",
        new_id(),
    )
    await world.execute("UPDATE member SET role = 'narrow' WHERE id = $1", bob.member_id)
    await bob.pull()
    await ann.pull()
    assert ann.cursor == bob.cursor
    await world.execute("UPDATE contact SET job_title = 'Secret' WHERE id = $1", world.clerk)

    await ann.pull()
    await bob.pull()

    assert ann.rows["contact"][world.clerk]["job_title"] == "Secret"
    assert "job_title" not in bob.rows["contact"][world.clerk]


async def test_s6_a_row_that_left_one_scope_is_told_to_each_as_they_see_it(world: World):
    """The clerk moves to the café, which Bob works, too. Both asked from the same cursor, of the same scope."""
    ann, bob = await colleagues(world, 2)
    await world.execute(
        "INSERT INTO assignment (id, member_id, outlet_id) VALUES ($1, $2, $3)",
        new_id(), bob.member_id, world.cafe_outlet,
    )  # fmt: skip
    for device in (ann, bob):
        await device.pull()
    await world.execute("UPDATE contact SET account_id = $2 WHERE id = $1", world.clerk, world.cafe)

    await ann.pull()
    await bob.pull()

    assert world.clerk not in ann.rows["contact"]
    assert world.clerk in bob.rows["contact"]


async def test_what_concerns_the_device_itself_is_never_anothers(world: World):
    """Numbers and outcomes stand beside the rows, not among them."""
    ann, bob = await colleagues(world, 2)
    await ann.edit("contact", world.clerk, job_title="Buyer")

    async def page_of(device: WireDevice) -> dict[str, Any]:
        async with tenant_transaction(world.tenant, snapshot=True):
            return await pull(device.cursor, Position(), actor=device.actor, view=device.view)

    hers, his = await page_of(ann), await page_of(bob)

    assert hers["puts"] == his["puts"]
    assert (hers["applied_through"], his["applied_through"]) == (1, 0)
    assert ([o["number"] for o in hers["outcomes"]], his["outcomes"]) == ([1], [])


@pytest.mark.parametrize("coding", ["gzip", "zstd", "identity"])
@pytest.mark.parametrize("media_type", [encoding.JSON, encoding.PACKED_JSON, encoding.PACKED_MSGPACK])
async def test_a_kept_page_is_whole_in_every_form(world: World, media_type: str, coding: str):
    """It is put together from a compressed part that is kept and one of the moment: a decoder sees one message."""
    ann, bob = await colleagues(world, 2)
    await world.execute(
        "INSERT INTO contact (id, account_id, name, description)"
        " SELECT gen_random_uuid(), $1, 'Contact ' || n, repeat('x', n) FROM generate_series(1, 200) n",
        world.shop,
    )
    headers = {"Accept": media_type, "Accept-Encoding": coding}

    replies = [
        await send(device, "/sync/pull", encoded(pull_body(cursor=device.cursor, view=device.view)), **headers)
        for device in (ann, bob, ann)
    ]

    for reply in replies:
        raw = reply.content
        if coding == "zstd" and raw.startswith(b"(\xb5/\xfd"):
            raw = encoding.decompress(raw, "zstd", 10_000_000)
        page = encoding.loads(raw, media_type)
        assert page["complete"]
        assert {"puts", "drops", "cursor", "outcomes", "server_time"} <= page.keys()
    assert pages.size_bytes > 0


MADE = Made(b"rows", None, 100, shared=True)


async def test_of_many_who_ask_at_once_one_makes_the_page():
    """Single flight."""
    cache, started = PageCache(), 0

    async def make() -> Made:
        nonlocal started
        started += 1
        await asyncio.sleep(0)
        return MADE

    got = await asyncio.gather(*(cache.get(("key",), make) for _ in range(20)))

    assert started == 1
    assert got == [MADE] * 20


@pytest.mark.parametrize("how", ["fails", "is cancelled"])
async def test_others_are_not_drawn_into_the_failure_of_who_makes_the_page(how: str):
    """S7: one device's broken connection is not fifty devices' error."""
    cache, go_on = PageCache(), asyncio.Event()

    async def fail() -> Made:
        await go_on.wait()
        raise RuntimeError("made up")

    async def make() -> Made:
        return MADE

    first = asyncio.create_task(cache.get(("key",), fail))
    await asyncio.sleep(0)
    others = [asyncio.create_task(cache.get(("key",), make)) for _ in range(3)]
    await asyncio.sleep(0)
    if how == "is cancelled":
        first.cancel()
    go_on.set()

    assert await asyncio.gather(*others) == [MADE] * 3
    with pytest.raises((RuntimeError, asyncio.CancelledError)):
        await first


async def test_the_cache_stays_within_its_bytes_and_forgets_what_is_old():
    """A server process has 250 MB for everything."""
    cache = PageCache(bytes_max=350)

    async def make() -> Made:
        return MADE

    for number in range(10):
        await cache.get((number,), make)
    assert cache.size_bytes == 300
    made = cache.made
    await cache.get((9,), make)
    assert cache.made == made

    aged = PageCache(age_max_s=-1)
    await aged.get((1,), make)
    await aged.get((1,), make)
    assert aged.made == 2
