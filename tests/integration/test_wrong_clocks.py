"""A phone whose clock stands in 1970 or 2100, against the real server: its work counts, and when it was really done."""

import asyncio
import time
from datetime import timedelta
from pathlib import Path

import pytest
from outrider_sdk import Replica

from server.clock import now
from tests.integration import live_server
from tests.integration.live_server import enrol, on_device
from tests.integration.sync_world import World

url = live_server.url


IN_1970, IN_2100 = 0, 4_102_444_800_000_000
BEYOND_SKEW_S = 1.0
"""Further apart than a device may be wrong about its distance from the server's clock."""
wrong_clocks = pytest.mark.parametrize("begun_at", [IN_1970, IN_2100], ids=["1970", "2100"])


async def phones(world: World, url: str, folder: Path, begun_at: int) -> tuple[Replica, Replica]:
    """Ann's phone, whose clock is wrong and goes, and Bob's, whose is right; both synced."""
    start = time.monotonic_ns() // 1_000

    def wrong() -> int:
        return begun_at + time.monotonic_ns() // 1_000 - start

    ann = await enrol(world, "ann", url, folder / "ann.db", clock=wrong)
    bob = await enrol(world, "bob", url, folder / "bob.db")
    for phone in (ann, bob):
        await on_device(phone.sync)
    return ann, bob


@wrong_clocks
async def test_an_order_of_a_phone_with_a_wrong_clock_is_taken_today(
    world: World, url: str, tmp_path: Path, begun_at: int
):
    """A battery that ran empty set the clock back: the customer gets the tea all the same, at the price of today."""
    ann, bob = await phones(world, url, tmp_path, begun_at)
    with ann, bob:
        outlet = ann.outlets.get(world.shop_outlet)
        with ann.transaction():
            order = ann.orders.create(outlet_id=outlet.id)
            ann.order_lines.create(order_id=order.id, product_id=world.tea, unit="box", quantity=2)
            ann.orders.submit(order.id)
        report = await on_device(ann.sync)
        problems = ann.status().problems
        await on_device(ann.sync)
        [row] = await world.fetch('SELECT status, captured_at, total_minor FROM "order" WHERE id = $1', order.id)
        shown = ann.orders.get(order.id)

    assert (report.applied, report.refused) == (1, 0)
    assert abs(row["captured_at"] - now()) < timedelta(minutes=5)
    assert (shown.status, shown.total_minor) == (row["status"], row["total_minor"])
    assert row["total_minor"] > 0
    assert any("clock" in problem for problem in problems)


@wrong_clocks
async def test_the_later_of_two_edits_counts_whatever_the_clocks_say(
    world: World, url: str, tmp_path: Path, begun_at: int
):
    """Nobody wins for years because their phone believes that it is 2100, and nobody loses for ever."""
    ann, bob = await phones(world, url, tmp_path, begun_at)
    with ann, bob:
        ann.contacts.edit(world.clerk, job_title="Ann, first")
        await asyncio.sleep(BEYOND_SKEW_S)
        bob.contacts.edit(world.clerk, job_title="Bob, later")
        await on_device(bob.sync)
        earlier = await on_device(ann.sync)
        await on_device(bob.sync)
        after_bob = [phone.contacts.get(world.clerk).job_title for phone in (ann, bob)]

        bob.contacts.edit(world.clerk, job_title="Bob, first")
        await asyncio.sleep(BEYOND_SKEW_S)
        ann.contacts.edit(world.clerk, job_title="Ann, later")
        await on_device(bob.sync)
        await on_device(ann.sync)
        await on_device(bob.sync)
        after_ann = [phone.contacts.get(world.clerk).job_title for phone in (ann, bob)]

    assert earlier.merged == 1
    assert after_bob == ["Bob, later"] * 2
    assert after_ann == ["Ann, later"] * 2
