"""Custom values that devices send: merged key by key, checked by their definitions."""

import json
from typing import Any

import pytest

from tests.integration.sync_world import WireDevice, World, new_id


async def define(world: World, key: str, field_type: str, **more: Any) -> str:
    row_id = new_id()
    await world.execute(
        "INSERT INTO custom_field (id, entity, key, label, field_type, choices, active)"
        " VALUES ($1, 'account', $2, $2, $3, $4, $5)",
        row_id, key, field_type, json.dumps(more.get("choices", [])), more.get("active", True),
    )  # fmt: skip
    return row_id


def custom_edit(world: World, device: WireDevice, value: dict[str, Any]) -> dict[str, Any]:
    return device.edit_change("account", world.shop, custom=json.dumps(value))


async def custom_of(world: World) -> dict[str, Any]:
    row = (await world.fetch("SELECT custom::text FROM account WHERE id = $1", world.shop))[0]
    return dict(json.loads(row["custom"]))


async def test_custom_values_merge_key_by_key(world: World, ann: WireDevice, bob: WireDevice):
    """Two people fill in two fields, neither wipes out the other's; on one field the later wins, with a record."""
    await define(world, "shelf", "decimal")
    await define(world, "mood", "choice", choices=["good", "bad"])
    seen = ann.edit_change("account", world.shop, custom='{"shelf": "1.5"}')
    await ann.push(ann.mutation(seen))

    other = await bob.push(bob.mutation(custom_edit(world, bob, {"mood": "good"})))
    assert await custom_of(world) == {"shelf": "1.5", "mood": "good"}
    contested = await bob.push(bob.mutation(custom_edit(world, bob, {"shelf": "2"})))
    await ann.pull()
    await ann.push(ann.mutation(custom_edit(world, ann, {"shelf": "2"})))

    assert other[0]["status"] == "applied"
    assert contested[0]["status"] == "merged"
    assert [(c["field"], c["kept"], c["lost"]) for c in contested[0]["conflicts"]] == [("custom.shelf", '"2"', '"1.5"')]
    assert await custom_of(world) == {"shelf": "2"}


async def test_a_custom_value_that_was_not_kept_can_be_taken(world: World, ann: WireDevice, bob: WireDevice):
    """Settled per key, as it was merged; the other keys stay."""
    await define(world, "shelf", "decimal")
    await define(world, "rank", "integer")
    await ann.push(ann.mutation(custom_edit(world, ann, {"shelf": "1", "rank": 5})))
    lost = (await bob.push(bob.mutation(custom_edit(world, bob, {"shelf": "2"}), captured_at=1)))[0]
    seen = {"choice": "take", "kept": '"1"', "lost": '"2"'}

    settled = await bob.do({"op": "intent", "name": "conflict.settle", "id": lost["conflicts"][0]["id"], "seen": seen})

    assert settled["status"] == "applied", settled
    assert await custom_of(world) == {"shelf": "2", "rank": 5}


async def test_an_edit_in_the_office_counts_per_key_as_well(world: World, ann: WireDevice):
    """The triggers stamp each key: plain SQL and devices merge by the same rule."""
    await define(world, "shelf", "decimal")
    await define(world, "rank", "integer")
    await world.execute("UPDATE account SET custom = '{\"rank\": 1}' WHERE id = $1", world.shop)

    free = await ann.push(ann.mutation(custom_edit(world, ann, {"shelf": "3"})))
    late = await ann.push(ann.mutation(custom_edit(world, ann, {"rank": 9}), captured_at=1))

    assert free[0]["status"] == "applied"
    assert (late[0]["status"], late[0]["conflicts"][0]["yours"]) == ("merged", "lost")
    assert await custom_of(world) == {"rank": 1, "shelf": "3"}


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({"shelf": "wide"}, "value_invalid"),
        ({"shelf": 1.5}, "value_invalid"),
        ({"mood": "ugly"}, "value_invalid"),
        ({"nobodys": 1}, "field_unknown"),
        ([1], "value_invalid"),
    ],
)
async def test_a_custom_value_that_is_none_is_refused(world: World, ann: WireDevice, value: Any, code: str):
    """By REST's rules, and with its key."""
    await define(world, "shelf", "decimal")
    await define(world, "mood", "choice", choices=["good", "bad"])

    outcome = (await ann.push(ann.mutation(custom_edit(world, ann, value))))[0]

    assert (outcome["status"], outcome["code"], outcome["field"]) == ("refused", code, "custom")


async def test_a_custom_field_that_was_deleted_keeps_its_values(world: World, ann: WireDevice):
    """What was typed for it offline is on record, and the rest of the work is not held up."""
    row_id = await define(world, "shelf", "decimal")
    await ann.push(ann.mutation(custom_edit(world, ann, {"shelf": "1"})))
    await ann.pull()
    await world.execute("DELETE FROM custom_field WHERE id = $1", row_id)

    outcome = (
        await ann.push(
            ann.mutation(custom_edit(world, ann, {"shelf": "2"}), ann.edit_change("account", world.shop, name="New"))
        )
    )[0]

    assert (outcome["status"], outcome["conflicts"][0]["yours"]) == ("merged", "lost")
    assert await custom_of(world) == {"shelf": "1"}
    assert await world.fetch("SELECT name FROM account WHERE id = $1", world.shop) == [{"name": "New"}]
