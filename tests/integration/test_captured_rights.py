"""Captured work is judged by the rights of its hour (rule 3), whatever became of the role since."""

import json

import pytest

from server.clock import now, to_micros
from server.db import TenantRef
from tests.integration.sync_oracle import assert_converged
from tests.integration.sync_world import WireDevice, World, create, make_world, new_id, order_changes


@pytest.fixture
async def world(tenant: TenantRef) -> World:
    """Ann's role is one of the tenant's own, which departs from nothing yet."""
    world = await make_world(tenant)
    await world.execute(
        "INSERT INTO role (id, \"key\", name, base) VALUES ($1, 'van', 'Van', 'rep'), ($2, 'shy', 'Shy', 'rep')",
        new_id(), new_id(),
    )  # fmt: skip
    await change_role(world, "shy", permissions={"contact": {"create": "none", "edit": "none"}})
    await world.execute("UPDATE member SET role = 'van' WHERE id = $1", world.ann)
    return world


@pytest.fixture
async def ann(world: World) -> WireDevice:
    device = await world.device("ann")
    await world.execute("UPDATE device SET enrolled_at = now() - interval '30 days' WHERE id = $1", device.id)
    await device.pull()
    return device


async def change_role(world: World, key: str, *, permissions: object = None, fields: object = None) -> None:
    await world.execute(
        'UPDATE role SET permissions = $2, fields = $3 WHERE "key" = $1',
        key, json.dumps(permissions or {}), json.dumps(fields or {}),
    )  # fmt: skip


async def test_what_was_made_while_it_was_allowed_is_taken(world: World, ann: WireDevice):
    """The office takes the right away at noon: the contact noted at ten stands, the one of the afternoon does not."""
    at_ten, at_two = new_id(), new_id()
    early = ann.mutation(create("contact", at_ten, account_id=world.shop, name="Early"))
    await change_role(world, "van", permissions={"contact": {"create": "none"}})
    late = ann.mutation(create("contact", at_two, account_id=world.shop, name="Late"))

    outcomes = await ann.push(early, late)

    assert [o["status"] for o in outcomes] == ["applied", "refused"]
    assert outcomes[1]["code"] == "not_permitted"
    await ann.pull()
    await assert_converged(world, ann)


async def test_a_field_that_was_writable_then_is_written(world: World, ann: WireDevice):
    """Locked or hidden since: what was typed before counts, what is typed now is refused."""
    early = ann.mutation(ann.edit_change("contact", world.clerk, job_title="Buyer"))
    await change_role(world, "van", fields={"contact": {"job_title": "readonly", "description": "hidden"}})
    locked = ann.mutation(ann.edit_change("contact", world.clerk, job_title="Boss"))
    hidden = ann.mutation(ann.edit_change("contact", world.clerk, description="Tall"))

    outcomes = await ann.push(early, locked, hidden)

    assert [o.get("code") for o in outcomes] == [None, "field_not_writable", "field_unknown"]
    assert (await world.fetch("SELECT job_title FROM contact"))[0]["job_title"] == "Buyer"


async def test_what_was_not_allowed_then_is_not_by_being_allowed_now(world: World, ann: WireDevice):
    """Judged as of capture in both directions."""
    await change_role(world, "van", fields={"contact": {"job_title": "readonly"}})
    typed = ann.mutation(ann.edit_change("contact", world.clerk, job_title="Buyer"))
    await change_role(world, "van")

    assert (await ann.push(typed))[0]["code"] == "field_not_writable"


async def test_another_role_of_the_member_counts_from_its_hour_on(world: World, ann: WireDevice):
    """Of roles that changed hands and meaning meanwhile, the one of the hour, as it was then."""
    as_van = ann.mutation(create("contact", new_id(), account_id=world.shop, name="As van"))
    await world.execute("UPDATE member SET role = 'shy' WHERE id = $1", world.ann)
    as_shy = ann.mutation(create("contact", new_id(), account_id=world.shop, name="As shy"))
    await change_role(world, "shy")
    as_bold = ann.mutation(create("contact", new_id(), account_id=world.shop, name="As bold"))
    await world.execute("UPDATE member SET role = 'rep' WHERE id = $1", world.ann)
    await world.execute("DELETE FROM role WHERE \"key\" IN ('van', 'shy')")

    outcomes = await ann.push(as_van, as_shy, as_bold)

    assert [o["status"] for o in outcomes] == ["applied", "refused", "applied"]


async def test_rows_that_the_role_read_farther_then_may_still_be_worked(world: World, ann: WireDevice):
    """The role read all customers until noon: the order of ten stands, though the café is out of sight by now."""
    everything = {
        e: {"read": "all", "create": "all", "edit": "all"} for e in ("outlet", "account", "order", "agreement")
    }
    await change_role(world, "van", permissions=everything | {"order_line": {"read": "all", "create": "all"}})
    await ann.pull()
    changes = order_changes(world, new_id(), "1")
    changes[0]["fields"] |= {"outlet_id": world.cafe_outlet, "agreement_id": world.cafe_terms}
    early = ann.mutation(*changes)
    await change_role(world, "van")
    again = order_changes(world, new_id(), "1")
    again[0]["fields"] |= {"outlet_id": world.cafe_outlet, "agreement_id": world.cafe_terms}

    outcomes = await ann.push(early, ann.mutation(*again))

    assert [o["status"] for o in outcomes] == ["applied", "refused"]
    await ann.pull()
    assert world.cafe_outlet not in ann.rows["outlet"]
    await assert_converged(world, ann)


async def test_s6_what_is_hidden_by_now_is_told_in_no_conflict_about_then(world: World, ann: WireDevice):
    """Her old edit is judged, and stands against the office's: what the office wrote is not hers to read any more."""
    typed = ann.mutation(
        ann.edit_change("contact", world.clerk, job_title="Buyer"), captured_at=to_micros(now()) - 3_600_000_000
    )
    await world.execute("UPDATE contact SET job_title = 'Secret'")
    await change_role(world, "van", fields={"contact": {"job_title": "hidden"}})

    outcome = (await ann.push(typed))[0]

    assert outcome["status"] == "merged"
    assert "Secret" not in json.dumps(outcome)
    await ann.pull()
    assert "Secret" not in json.dumps(ann.rows)


async def test_s6_a_verdict_names_no_stock(world: World, ann: WireDevice):
    """Who reads no stock is told what they get, not what there is."""
    await change_role(world, "van", permissions={"stock": {"read": "none"}})
    await ann.pull()

    outcome = (await ann.push(ann.mutation(*order_changes(world, new_id(), "40", fulfilment="complete"))))[0]
    await ann.pull()

    assert outcome["verdicts"][0]["explanation"] == "Ordered 40, more than is in stock: nothing accepted yet"
    assert "39" not in "".join(v["verdict_reason"] for v in ann.rows["order_line"].values())
