"""Devices and merges: old ids in what they hand in land on the winner, and they learn by what id a row goes on."""

import json
from typing import Any
from uuid import UUID

import pytest

from server.auth.access import access_of
from server.crm.merge.service import merge_rows
from server.crm.merge.undo import undo_merge
from server.crm.rights import Viewer
from server.db import SYSTEM, TenantRef, tenant_write
from tests.integration.sync_oracle import assert_converged
from tests.integration.sync_world import WireDevice, World, create, delete, make_world, new_id


@pytest.fixture
async def world(tenant: TenantRef) -> World:
    world = await make_world(tenant)
    world.ids["boss"], world.ids["twin"] = new_id(), new_id()
    await world.execute("INSERT INTO member (id, name, role) VALUES ($1, 'Boss', 'admin')", world.boss)
    twin = "INSERT INTO contact (id, account_id, name, job_title) VALUES ($1, $2, 'Carla C.', 'Chef')"
    await world.execute(twin, world.twin, world.shop)
    return world


async def merge(world: World, entity: str, winner: str, loser: str) -> UUID:
    async with tenant_write(world.tenant, by=SYSTEM) as revision:
        viewer = Viewer(UUID(world.boss), access_of("admin"))
        made = await merge_rows(entity, UUID(winner), UUID(loser), {}, viewer=viewer, revision=revision)
    return made["id"]


async def undo(world: World, merge_id: UUID) -> None:
    async with tenant_write(world.tenant, by=SYSTEM) as revision:
        await undo_merge(merge_id, viewer=Viewer(UUID(world.boss), access_of("admin")), revision=revision)


async def contact(world: World, row_id: str) -> dict[str, Any]:
    (row,) = await world.fetch("SELECT * FROM contact WHERE id = $1", row_id)
    return row


async def test_s3_devices_learn_of_a_merge_and_of_its_undoing(world: World, ann: WireDevice, bob: WireDevice):
    """What moved moves on the device as well; the old id says where it went."""
    made = await merge(world, "account", world.shop, world.cafe)
    await ann.pull()
    await bob.pull()

    assert bob.rows["outlet"][world.cafe_outlet]["account_id"] == world.shop
    assert world.cafe not in bob.rows["account"]
    (told,) = bob.rows["merge"].values()
    assert (told["winner_id"], told["loser_id"], told["undone_at"]) == (world.shop, world.cafe, None)
    await assert_converged(world, ann, bob)

    await undo(world, made)
    await ann.pull()
    await bob.pull()

    assert bob.rows["outlet"][world.cafe_outlet]["account_id"] == world.cafe
    assert bob.rows["merge"][told["id"]]["undone_at"] is not None
    await assert_converged(world, ann, bob)


async def test_work_for_the_loser_lands_on_the_winner(world: World, bob: WireDevice):
    """A device that was offline makes a person, an outlet and an order for an account that is another one by now."""
    person, outlet, order = new_id(), new_id(), new_id()
    await merge(world, "account", world.shop, world.cafe)

    outcome = await bob.do(
        create("contact", person, account_id=world.cafe, name="Zoe"),
        create("outlet", outlet, account_id=world.cafe, name="Second"),
        create("order", order, number="T-1", outlet_id=world.cafe_outlet, agreement_id=world.cafe_terms,
               warehouse_id=world.depot, fulfilment="partial"),
    )  # fmt: skip
    await bob.pull()

    assert outcome["status"] == "applied", outcome
    shown = (bob.rows["contact"][person], bob.rows["outlet"][outlet], bob.rows["order"][order])
    assert {row["account_id"] for row in shown} == {world.shop}
    await assert_converged(world, bob)


async def test_an_edit_of_the_loser_is_an_edit_of_the_winner(world: World, ann: WireDevice):
    """Where the winner holds what the person saw, or nothing, there is nothing to decide."""
    await world.execute("UPDATE contact SET name = 'Carla Clerk' WHERE id = $1", world.twin)
    await ann.pull()
    await merge(world, "contact", world.clerk, world.twin)

    outcome = await ann.edit("contact", world.twin, name="Carla Clark", description="prefers tea")

    assert outcome["status"] == "applied"
    merged = await contact(world, world.clerk)
    assert (merged["name"], merged["description"]) == ("Carla Clark", "prefers tea")
    assert (await contact(world, world.twin))["deleted_at"] is not None


async def test_s1_what_the_winner_held_and_nobody_saw_is_kept_on_record(world: World, ann: WireDevice):
    """The person edited another row; the winner's own value must not vanish without a word."""
    await merge(world, "contact", world.clerk, world.twin)

    outcome = await ann.edit("contact", world.twin, job_title="Head chef")
    await ann.pull()

    (conflict,) = outcome["conflicts"]
    assert (conflict["row_id"], json.loads(conflict["kept"]), json.loads(conflict["lost"])) == (
        world.clerk, "Head chef", "Clerk",
    )  # fmt: skip
    assert ann.rows["contact"][world.clerk]["job_title"] == "Head chef"
    await assert_converged(world, ann)


async def test_a_delete_of_the_loser_takes_nothing_with_it(world: World, ann: WireDevice):
    """What goes on under another id was not what the person looked at."""
    base = ann.rows["contact"][world.twin]["revision"]
    await merge(world, "contact", world.clerk, world.twin)

    outcome = await ann.do(delete("contact", world.twin, base))

    assert outcome["status"] == "applied"
    assert (await contact(world, world.clerk))["deleted_at"] is None


async def test_after_the_undoing_an_old_id_is_its_own_again(world: World, ann: WireDevice):
    """Nothing is redirected for ever."""
    await undo(world, await merge(world, "contact", world.clerk, world.twin))

    await ann.edit("contact", world.twin, job_title="Head chef")

    assert (await contact(world, world.clerk))["job_title"] == "Clerk"
    assert (await contact(world, world.twin))["job_title"] == "Head chef"


async def test_s6_an_old_id_that_was_never_seen_opens_no_door(world: World, ann: WireDevice):
    """Ann sees neither of Bob's customers: guessing an id that was merged away tells and changes nothing."""
    hidden = [new_id(), new_id()]
    for row_id in hidden:
        await world.execute("INSERT INTO contact (id, account_id, name) VALUES ($1, $2, 'X')", row_id, world.cafe)
    await merge(world, "contact", *hidden)

    guess = await ann.edit("contact", hidden[1], name="Mine")
    nobody = await ann.edit("contact", new_id(), name="Mine")
    child = await ann.do(create("contact_channel", new_id(), contact_id=hidden[1], channel_kind="phone", value="1"))

    assert (guess["code"], guess["explanation"]) == (nobody["code"], nobody["explanation"])
    assert child["code"] == "parent_missing"
    assert (await contact(world, hidden[0]))["name"] == "X"


async def test_s6_who_saw_the_loser_alone_is_taken_at_their_word_and_told_nothing(world: World, ann: WireDevice):
    """Their work is not lost, and the winner's values are not theirs to read."""
    secret = new_id()
    await world.execute(
        "INSERT INTO contact (id, account_id, name, job_title) VALUES ($1, $2, 'SECRET', 'SECRET')", secret, world.cafe
    )
    await merge(world, "contact", secret, world.twin)

    outcome = await ann.edit("contact", world.twin, job_title="Head chef")
    await ann.pull()

    assert outcome["status"] == "merged"
    assert "SECRET" not in json.dumps(outcome) + json.dumps(ann.rows)
    assert (await contact(world, secret))["job_title"] == "Head chef"


# Duplicates in outcomes


async def test_a_new_row_that_is_there_already_is_flagged_and_never_refused(world: World, ann: WireDevice):
    """Two reps met the same person; both notes are kept, and somebody is told."""
    person = new_id()

    outcome = await ann.do(
        create("contact", person, account_id=world.shop, name="CLERK, Carla"),
        create("contact_channel", new_id(), contact_id=person, channel_kind="email", value="Carla@Shop.example"),
    )

    assert outcome["status"] == "applied"
    told = {tuple(d["kinds"]): (d["entity"], d["row_id"], d["duplicate_id"]) for d in outcome["duplicates"]}
    assert told == {("name",): ("contact", person, world.clerk), ("channel",): ("contact", person, world.clerk)}
    (case,) = await world.fetch("SELECT row_id::text, other_id::text, status FROM duplicate_case")
    assert case == {"row_id": min(person, world.clerk), "other_id": max(person, world.clerk), "status": "open"}


async def test_s6_a_duplicate_out_of_sight_opens_a_case_and_is_not_told(world: World, ann: WireDevice):
    """The office decides; the rep does not learn whose customer it is."""
    await world.execute("UPDATE account SET tax_id = 'NL 0044.95.445-B01' WHERE id = $1", world.cafe)

    outcome = await ann.do(create("account", new_id(), name="Brand New", tax_id="NL004495445B01"))

    assert (outcome["status"], "duplicates" in outcome) == ("merged", False)
    assert world.cafe not in json.dumps(outcome)
    assert len(await world.fetch("SELECT 1 FROM duplicate_case WHERE kinds = '{tax_id}'")) == 1
