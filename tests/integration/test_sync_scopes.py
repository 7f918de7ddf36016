"""Sight is rights: what a member may not see never travels, and what they saw when they worked counts (S6, rule 3)."""

import json
from typing import Any

from server.clock import now, to_micros
from tests.integration.sync_oracle import assert_converged
from tests.integration.sync_world import WireDevice, World, cancel, create, delete, new_id, order_changes

MINUTE_US = 60_000_000


async def enrolled_long_ago(world: World, member: str) -> WireDevice:
    device = await world.device(member)
    await world.execute("UPDATE device SET enrolled_at = now() - interval '30 days' WHERE id = $1", device.id)
    await device.pull()
    return device


def everything(device: WireDevice) -> str:
    return json.dumps(device.rows)


async def test_s6_a_device_gets_what_its_member_may_see_and_nothing_else(world: World):
    """Ann has the shop, not the café; its account, terms, contacts and orders are not hers."""
    ann, bob, mia = [await world.device(name) for name in ("ann", "bob", "mia")]

    for device in (ann, bob, mia):
        await device.pull()

    assert world.cafe not in everything(ann)
    assert world.cafe_outlet not in everything(ann)
    assert world.cafe_outlet in bob.rows["outlet"]
    assert set(mia.rows["outlet"]) == {world.shop_outlet}
    await assert_converged(world, ann, bob, mia)


async def test_s6_every_role_sees_what_the_oracle_says(world: World):
    """Admins and owners everything; who does the billing, nothing; who was dismissed, nothing."""
    devices = []
    for role in ("admin", "owner", "billing", "rep", "manager"):
        member = new_id()
        await world.execute("INSERT INTO member (id, name, role) VALUES ($1, $2, $2)", member, role)
        world.ids[role] = member
        devices.append(await world.device(role))

    for device in devices:
        await device.pull()

    assert devices[2].rows == {}
    await assert_converged(world, *devices)


async def test_s6_refusals_for_hidden_rows_are_those_for_rows_that_never_were(world: World):
    """Byte for byte, apart from number and digest: no answer lets anybody probe."""
    ann = await enrolled_long_ago(world, "ann")
    hidden = {"account": world.cafe, "outlet": world.cafe_outlet, "agreement": world.cafe_terms, "order": new_id()}
    bob = await enrolled_long_ago(world, "bob")
    cafe_order = order_changes(world, hidden["order"], "1")
    cafe_order[0]["fields"] |= {"outlet_id": world.cafe_outlet, "agreement_id": world.cafe_terms}
    await bob.do(*cafe_order)

    def probes(ids: dict[str, str]) -> list[dict[str, Any]]:
        base = {"value": "x", "seen": None, "base": 0}
        line = {"unit": "box", "quantity": "1", "list_price": "1"}
        order = {"number": new_id(), "warehouse_id": world.depot, "agreement_id": world.shop_terms}
        return [
            {"op": "edit", "entity": "account", "id": ids["account"], "fields": {"name": base}},
            {"op": "edit", "entity": "account", "id": ids["account"], "fields": {"nonsense": base}},
            {"op": "edit", "entity": "account", "id": ids["account"], "fields": {"tax_id": base}},
            {"op": "edit", "entity": "outlet", "id": ids["outlet"], "fields": {"name": base}},
            {"op": "edit", "entity": "agreement", "id": ids["agreement"], "fields": {"discount_max": base}},
            {"op": "edit", "entity": "order", "id": ids["order"], "fields": {"note": base}},
            delete("account", ids["account"]),
            delete("contact", ids["account"]),
            create("outlet", new_id(), account_id=ids["account"], name="x"),
            create("contact", new_id(), account_id=ids["account"], name="x"),
            create("contact", new_id(), account_id=world.shop, outlet_id=ids["outlet"], name="x"),
            create("order", new_id(), **order, outlet_id=ids["outlet"]),
            create("order", new_id(), **order, outlet_id=world.shop_outlet),
            create("order_line", new_id(), order_id=ids["order"], product_id=world.tea, **line),
            {"op": "intent", "name": "order.submit", "id": ids["order"], "seen": {"total_minor": 1, "lines": []}},
            cancel(ids["order"]),
        ]  # fmt: skip

    answers = []
    for ids in (hidden, {name: new_id() for name in hidden}):
        outcomes = await ann.push(*(ann.mutation(p) for p in probes(ids)))
        answers.append([{k: v for k, v in o.items() if k not in ("number", "digest")} for o in outcomes])

    assert json.dumps(answers[0]) == json.dumps(answers[1])
    assert [a["status"] for a in answers[0]].count("applied") == 1  # the order for her own outlet


async def test_s6_an_id_of_another_entity_is_no_way_in(world: World):
    """A row is named by entity and id; a wrong pair is a row that never was."""
    ann = await enrolled_long_ago(world, "ann")

    for entity in ("contact", "outlet", "order", "order_line", "contact_channel"):
        outcome = await ann.do({"op": "edit", "entity": entity, "id": world.shop, "fields": {"name": {
            "value": "x", "seen": None, "base": 0}}})  # fmt: skip
        assert outcome["code"] == "not_found"


async def test_s6_reassignment_takes_the_rows_away_and_brings_them_back_whole(world: World):
    """At the next pull; what changed meanwhile is in what comes back."""
    ann, bob = await enrolled_long_ago(world, "ann"), await enrolled_long_ago(world, "bob")
    await bob.do(*order_changes(world, new_id(), "1"))
    await ann.pull()
    had = {entity: set(rows) for entity, rows in ann.rows.items()}

    await world.execute("DELETE FROM assignment WHERE id = $1", world.ann_shop)
    await ann.pull()

    assert world.shop not in everything(ann)
    await assert_converged(world, ann)

    await bob.edit("contact", world.clerk, job_title="Buyer")
    await world.execute("UPDATE assignment SET deleted_at = NULL WHERE id = $1", world.ann_shop)
    await ann.pull()
    await bob.pull()

    assert {entity: set(rows) for entity, rows in ann.rows.items()} == had
    assert ann.rows["contact"][world.clerk]["job_title"] == "Buyer"
    await assert_converged(world, ann, bob)


async def test_s6_a_new_device_hears_nothing_of_rows_it_never_had(world: World):
    """Ids tell when something was made: neither tombstones nor scopes lost long ago travel to a new replica."""
    await world.execute("DELETE FROM contact WHERE id = $1", world.clerk)
    await world.execute("DELETE FROM assignment WHERE id = $1", world.bob_cafe)
    bob = await world.device("bob")
    dropped: list[str] = []
    bob._take = lambda page: dropped.extend(i for ids in page["drops"].values() for i in ids)  # type: ignore[method-assign]

    await bob.pull(page_rows=3)

    assert dropped == []


async def test_s6_what_is_lost_in_the_middle_of_a_first_pull_is_dropped_in_it(world: World):
    """A page that was taken before the reassignment must not stay."""
    bob = await world.device("bob")
    steps = iter(
        [
            f"DELETE FROM assignment WHERE id = '{world.bob_shop}'",
            f"DELETE FROM product WHERE id = '{world.mug}'",
            f"UPDATE contact SET account_id = '{world.cafe}' WHERE id = '{world.clerk}'",
        ]
    )

    async def between() -> None:
        if sql := next(steps, None):
            await world.execute(sql)

    await bob.pull(page_rows=8, between=between)

    await assert_converged(world, bob)


async def test_rule_3_work_captured_before_a_reassignment_is_accepted(world: World):
    """An order taken at ten for an outlet reassigned at noon is an order."""
    ann = await enrolled_long_ago(world, "ann")
    taken_at = to_micros(now()) - 1
    await world.execute("DELETE FROM assignment WHERE id = $1", world.ann_shop)

    outcome = await ann.do(*order_changes(world, new_id(), "2"), captured_at=taken_at)

    assert outcome["status"] == "applied"
    assert outcome["verdicts"][0]["quantity_accepted"] == "2"


async def test_rule_3_holds_for_every_push_of_a_long_outbox(world: World):
    """The first push of a thousand, or a renewed token, is a contact; what was captured before it still was."""
    ann = await enrolled_long_ago(world, "ann")
    taken_at = to_micros(now()) - 1
    await world.execute("DELETE FROM assignment WHERE id = $1", world.ann_shop)
    await world.execute("UPDATE device SET last_seen_at = now() WHERE id = $1", ann.id)
    batch = [ann.mutation(*order_changes(world, new_id(), "1"), captured_at=taken_at) for _ in range(3)]

    outcomes = [(await ann.push(mutation))[0]["status"] for mutation in batch]

    assert outcomes == ["applied"] * 3


async def test_rule_3_work_captured_after_a_reassignment_is_refused(world: World):
    """The outlet is someone else's by then."""
    ann = await enrolled_long_ago(world, "ann")
    await world.execute("DELETE FROM assignment WHERE id = $1", world.ann_shop)

    outcomes = [
        await ann.do(*order_changes(world, new_id(), "2")),
        await ann.do(*order_changes(world, new_id(), "2"), captured_at=to_micros(now()) + 1_000 * MINUTE_US),
        (await ann.push(ann.mutation(ann.edit_change("outlet", world.shop_outlet, name="x"), skew=None)))[0],
    ]

    assert [o["status"] for o in outcomes] == ["refused"] * 3
    assert {o["code"] for o in outcomes} == {"parent_missing", "not_found"}


async def test_rule_3_a_clock_of_last_century_counts_from_the_enrolment(world: World):
    """Who enrolled after the reassignment can't have captured before it."""
    await world.execute("DELETE FROM assignment WHERE id = $1", world.ann_shop)
    ann = await world.device("ann")
    await ann.pull()

    outcome = await ann.do(*order_changes(world, new_id(), "2"), captured_at=0)

    assert outcome["status"] == "refused"


async def test_s6_late_work_is_merged_without_showing_what_came_after(world: World):
    """Ann's edit of ten loses to Bob's of eleven; she lost the outlet at noon: that Bob's value is not hers to see."""
    ann, bob = await enrolled_long_ago(world, "ann"), await enrolled_long_ago(world, "bob")
    typed_at = to_micros(now()) - MINUTE_US
    await bob.edit("outlet", world.shop_outlet, name="SECRET")
    await world.execute("DELETE FROM assignment WHERE id = $1", world.ann_shop)

    outcome = await ann.do(ann.edit_change("outlet", world.shop_outlet, name="Mine"), captured_at=typed_at)
    await ann.pull()

    assert (outcome["status"], outcome["conflicts"][0]["yours"]) == ("merged", "lost")
    assert "SECRET" not in json.dumps(outcome)
    assert "SECRET" not in everything(ann)
    assert json.loads(next(iter(ann.rows["conflict"].values()))["lost"]) == "Mine"


async def test_s6_the_status_of_an_order_that_was_lost_is_not_told(world: World):
    """A refusal explains itself with what its reader may see."""
    ann, bob = await enrolled_long_ago(world, "ann"), await enrolled_long_ago(world, "bob")
    order, typed_at = new_id(), to_micros(now())
    await ann.do(*order_changes(world, order, "2"))
    typed_at = to_micros(now())
    await world.execute("DELETE FROM assignment WHERE id = $1", world.ann_shop)
    await bob.pull()
    await bob.do(cancel(order))

    outcome = await ann.do(cancel(order), captured_at=typed_at)

    assert outcome["code"] == "transition_illegal"
    assert "status_found" not in outcome
    assert "is cancelled" not in outcome["explanation"]


async def test_an_outlet_made_on_a_device_stays_with_its_maker(world: World):
    """Who opens an outlet works it; the manager of nobody's territory does not see it, the admin does."""
    ann, mia = await enrolled_long_ago(world, "ann"), await enrolled_long_ago(world, "mia")
    account, outlet, order = new_id(), new_id(), new_id()

    outcome = await ann.do(
        create("account", account, name="Kiosk", tags='["new"]', tax_id="123"),
        create("outlet", outlet, account_id=account, name="Kiosk, Park Ave", address='{"city": "York"}'),
        create("contact", new_id(), account_id=account, outlet_id=outlet, name="Kim"),
    )
    await ann.pull()
    await mia.pull()

    assert outcome["status"] == "applied"
    assert ann.rows["outlet"][outlet]["address"] == '{"city": "York"}'
    assert [a["outlet_id"] for a in ann.rows["assignment"].values()].count(outlet) == 1
    await assert_converged(world, ann, mia)
    assert order not in everything(mia)


async def test_a_contact_that_moves_between_outlets_moves_between_devices(world: World):
    """With its phones and e-mails."""
    ann, bob = await enrolled_long_ago(world, "ann"), await enrolled_long_ago(world, "bob")
    assert world.mail in ann.rows["contact_channel"]

    moves = (
        ("account_id = $2, outlet_id = $3", world.cafe, world.cafe_outlet),
        ("account_id = $2, outlet_id = NULL, name = $3", world.shop, "Back again"),
        ("account_id = $2, outlet_id = $3", world.shop, world.shop_outlet),
    )
    for assignment, *values in moves:
        casts = assignment.replace("$2", "$2::uuid").replace("outlet_id = $3", "outlet_id = $3::uuid")
        await world.execute(f"UPDATE contact SET {casts} WHERE id = $1", world.clerk, *values)
        await ann.pull()
        await bob.pull()
        await assert_converged(world, ann, bob)
        assert (world.mail in ann.rows["contact_channel"]) == (values[0] == world.shop)


async def test_merging_two_accounts_moves_what_hangs_on_them(world: World):
    """All outlets and contacts of the café become the shop's; the empty account is nobody's."""
    ann, bob, mia = [await enrolled_long_ago(world, name) for name in ("ann", "bob", "mia")]

    await world.execute("UPDATE outlet SET account_id = $2 WHERE account_id = $1", world.cafe, world.shop)
    await world.execute("UPDATE agreement SET account_id = $2 WHERE account_id = $1", world.cafe, world.shop)
    await world.execute("DELETE FROM account WHERE id = $1", world.cafe)
    for device in (ann, bob, mia):
        await device.pull()

    assert world.cafe_terms in ann.rows["agreement"]
    await assert_converged(world, ann, bob, mia)


async def test_a_new_manager_of_a_territory_sees_its_branch_and_the_old_one_no_more(world: World):
    """Parents include children, however deep."""
    mia, zoe = await enrolled_long_ago(world, "mia"), new_id()
    world.ids["zoe"] = zoe
    await world.execute("INSERT INTO member (id, name, role) VALUES ($1, 'Zoe', 'manager')", zoe)
    phone = await enrolled_long_ago(world, "zoe")
    inner = new_id()

    for sql in (
        f"INSERT INTO territory (id, name, parent_id) VALUES ('{inner}', 'Inner', '{world.north}')",
        f"UPDATE outlet SET territory_id = '{inner}' WHERE id = '{world.cafe_outlet}'",
        f"UPDATE territory SET manager_id = '{zoe}' WHERE id = '{inner}'",
        f"UPDATE territory SET manager_id = '{zoe}' WHERE id = '{world.north}'",
        f"UPDATE territory SET parent_id = NULL WHERE id = '{inner}'",
        f"UPDATE member SET role = 'rep' WHERE id = '{zoe}'",
        f"DELETE FROM territory WHERE id = '{world.north}'",
    ):
        await world.execute(sql)
        await mia.pull()
        await phone.pull()
        await assert_converged(world, mia, phone)
