"""The reckoning of `make chaos` sees what it must see: each breach is one that somebody plants here."""

from collections.abc import Callable
from uuid import UUID

import psycopg
import pytest

from tests.chaos.ledger import Ledger
from tests.integration.sync_world import WireDevice, World, create, new_id, order_changes, statuses

Judge = Callable[[Ledger], list[str]]


@pytest.fixture
def judge(world: World, owner_urls: dict[str, str]) -> Judge:
    """What the ledger says of the world's tenant."""

    def breaches(ledger: Ledger) -> list[str]:
        with psycopg.connect(owner_urls["main"], autocommit=True) as conn:
            return list(ledger.judge(conn, world.tenant.schema))

    return breaches


async def test_what_was_done_is_found(world: World, ann: WireDevice, judge: Judge):
    """Created, edited, refused: each is somewhere, once."""
    contact, outcomes = new_id(), []
    outcomes.append(await ann.do(create("contact", contact, account_id=world.shop, name="chaos.a.0")))
    outcomes.append(await ann.do(ann.edit_change("contact", contact, description="chaos.a.1")))
    outcomes.append(await ann.do(create("contact", new_id(), account_id=world.cafe, name="chaos.a.2")))
    ledger = Ledger()
    for number, kind in enumerate(("create", "edit", "create")):
        ledger.note("ann", kind, f"chaos.a.{number}", contact)

    assert statuses(outcomes) == ["applied", "applied", "refused"]
    assert judge(ledger) == []


async def test_s1_what_was_acknowledged_and_is_nowhere_is_a_breach(world: World, judge: Judge):
    """Unless the phone went on from an older copy, which knew nothing of it."""
    ledger = Ledger()
    for number, kind in enumerate(("create", "edit", "edit", "comment", "order")):
        ledger.note("ann", kind, f"chaos.a.{number}", "row")

    lost = judge(ledger)
    ledger.excuse_since("ann", 3)

    assert [line.split()[:3] for line in lost] == [
        ["S1:", "create", "chaos.a.0"],
        ["S1:", "edit", "chaos.a.2"],
        ["S1:", "comment", "chaos.a.3"],
        ["S1:", "order", "chaos.a.4"],
    ]
    assert judge(ledger) == lost[:2]


async def test_s2_what_was_done_twice_is_a_breach(world: World, ann: WireDevice, judge: Judge):
    """A reply that was lost must not make a second one."""
    for _ in range(2):
        await ann.do(create("contact", new_id(), account_id=world.shop, name="chaos.a.0"))
    ledger = Ledger()
    ledger.note("ann", "create", "chaos.a.0", "row")

    assert judge(ledger) == ["S2: what ann did once (create chaos.a.0) was done 2 times"]


async def test_s4_an_order_without_its_lines_is_a_breach(world: World, ann: WireDevice, judge: Judge):
    """Whole or not at all: phones put three lines into each."""
    order = new_id()
    await ann.do(*order_changes(world, order, "1"))
    await world.execute('UPDATE "order" SET note = $1 WHERE id = $2', "chaos.a.0", UUID(order))

    assert judge(Ledger()) == ["S4: order chaos.a.0 has 1 lines on the server"]
