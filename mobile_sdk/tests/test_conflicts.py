"""Conflicts as a person sees and settles them on a device, and refused work taken up again."""

import json

import pytest
from outrider_sdk import InvalidValue
from sdk_fakes import DEVICE_ID, MEMBER_ID, fixed_id


@pytest.fixture
def put_conflict(server, crm, shop):
    """An open conflict about the shop's contact, as the server would record it; its id."""

    def put(field="name", kept='"Fred"', lost='"Freda"', entity="contact", row_id=None, **more):
        about = {"entity": entity, "row_id": row_id or shop["contact"], "field": field, "kept": kept, "lost": lost}
        by = {"lost_by": MEMBER_ID, "device_id": DEVICE_ID, "mutation_number": 9}
        told = {"rule": "latest", "status": "open", "explanation": "Two people."}
        conflict_id = server.put("conflict", **(about | by | told | more))
        crm.sync()
        return conflict_id

    return put


def labels(item):
    return {choice["code"]: choice["label"] for choice in item.choices}


def test_the_choices_are_the_values_in_a_persons_words(crm, put_conflict):
    """Who decides must not have to read a record."""
    put_conflict()

    (item,) = crm.attention()

    assert labels(item) == {"keep": "Keep “Fred”", "take": "Take “Freda”"}
    assert item.title == "Two versions of name of contact Fred"


@pytest.mark.parametrize(
    ("field", "kept", "lost", "expected"),
    [
        ("description", None, '"Chef"', {"keep": "Keep the empty one", "take": "Take “Chef”"}),
        ("*", None, None, {"keep": "Keep the contact", "delete": "Delete the contact"}),
    ],
)
def test_empty_values_and_whole_rows_have_words_too(crm, put_conflict, field, kept, lost, expected):
    """“None” is no choice."""
    put_conflict(field, kept, lost)

    assert labels(crm.attention()[0]) == expected


def test_documents_are_told_by_their_parts(crm, shop, put_conflict, server):
    """An address is read, not parsed."""
    server.put("outlet", id=shop["outlet"], address='{"street": "Main St 1", "city": "Riga"}')
    put_conflict("address", '{"street": "Main St 1", "city": "Riga"}', '{"city": "Tartu"}', "outlet", shop["outlet"])

    assert labels(crm.attention()[0]) == {"keep": "Keep “Main St 1, Riga”", "take": "Take “Tartu”"}


def test_taking_shows_at_once_and_is_asked_of_the_server(crm, shop, server, put_conflict):
    """The person sees what they decided, without a network; the server hears what they saw."""
    conflict_id = put_conflict()

    settled = crm.conflicts.settle(conflict_id, "take")

    assert (settled.status, settled.settlement, settled.settled_by) == ("settled", "take", MEMBER_ID)
    assert crm.contacts.get(shop["contact"]).name == "Freda"
    assert (crm.attention(), crm.verify()) == ([], [])
    (sent,) = json.loads(crm.query("SELECT changes FROM sync_outbox ORDER BY number DESC LIMIT 1")[0]["changes"])
    assert sent == {
        "op": "intent", "name": "conflict.settle", "id": conflict_id,
        "seen": {"choice": "take", "row_id": shop["contact"], "kept": '"Fred"', "lost": '"Freda"', "group": {}},
    }  # fmt: skip


def test_what_is_seen_is_the_row_as_it_stands(crm, shop, server, put_conflict):
    """After the row moved on, the choice names what stands now."""
    conflict_id = put_conflict()
    server.put("contact", id=shop["contact"], name="Fritz")
    crm.sync()

    assert labels(crm.attention()[0])["keep"] == "Keep “Fritz”"
    crm.resolve(crm.attention()[0], "keep")
    (sent,) = json.loads(crm.query("SELECT changes FROM sync_outbox ORDER BY number DESC LIMIT 1")[0]["changes"])
    assert sent["seen"]["kept"] == '"Fritz"'
    assert crm.conflicts.get(conflict_id).settlement == "keep"


def test_taking_back_an_unsent_settlement_restores_all(crm, shop, put_conflict):
    """Discarding is undoing."""
    conflict_id = put_conflict()
    crm.conflicts.settle(conflict_id, "take")

    crm.discard(crm.status().last_number)

    assert crm.contacts.get(shop["contact"]).name == "Fred"
    assert crm.conflicts.get(conflict_id).status == "open"
    assert crm.verify() == []


def test_deleting_settles_a_case(crm, shop, put_conflict):
    """Deleted there, changed here: gone after all."""
    conflict_id = put_conflict("*", None, None)

    crm.resolve(conflict_id, "delete")

    assert crm.contacts.find(shop["contact"]) is None
    assert crm.conflicts.get(conflict_id).settlement == "delete"
    assert crm.verify() == []


def test_parts_of_a_line_are_one_item_and_one_decision(crm, shop, server, put_conflict):
    """Quantity and price belong together; the total follows at once."""
    with crm.transaction():
        order = crm.orders.create(outlet_id=shop["outlet"])
        line = crm.order_lines.create(order_id=order.id, product_id=shop["tea"], quantity=2, list_price="18")
    crm.sync()
    about = {"entity": "order_line", "row_id": line.id}
    first = put_conflict("quantity", '"2"', '"5"', **about)
    second = put_conflict("list_price", '"18"', '"17"', **about)

    (item,) = crm.attention()
    crm.resolve(item, "take")

    assert labels(item)["take"] == "Take quantity “5”, list price “17”"
    assert {crm.conflicts.get(each).status for each in (first, second)} == {"settled"}
    assert crm.orders.get(order.id).total_minor == 8500
    assert crm.verify() == []


def test_a_second_choice_is_refused_on_the_device_already(crm, put_conflict):
    """And the same one changes nothing."""
    conflict_id = put_conflict()
    crm.conflicts.settle(conflict_id, "keep")
    number = crm.status().last_number

    crm.conflicts.settle(conflict_id, "keep")
    with pytest.raises(InvalidValue, match="settled before"):
        crm.conflicts.settle(conflict_id, "take")

    assert crm.status().last_number == number


def test_another_devices_numbers_name_nothing_here(crm, put_conflict):
    """Number 9 of a colleague's phone is not this phone's number 9."""
    conflict_id = put_conflict(device_id=fixed_id(77), kept_by=MEMBER_ID, lost_by=None)

    (item,) = crm.attention()

    assert item.number is None
    with pytest.raises(InvalidValue, match="nothing under"):
        crm.resolve(9, "keep")
    crm.resolve(conflict_id, "keep")
    assert crm.attention() == []


def test_several_under_one_number_are_told_apart_by_their_ids(crm, put_conflict):
    """No guess about what a person meant."""
    put_conflict()
    other = put_conflict("description", None, '"Chef"')

    with pytest.raises(InvalidValue, match=other):
        crm.resolve(9, "keep")


def test_a_conflict_of_a_row_that_is_gone_asks_nothing(crm, shop, server, put_conflict):
    """There is nothing left to decide about."""
    put_conflict()
    server.remove("contact", shop["contact"])
    crm.sync()

    assert crm.attention() == []


# Refused work taken up again


def refuse(server, number, code, *choices):
    server.refusing[number] = code
    server.choices[number] = [{"code": choice, "label": choice} for choice in choices]


def test_a_refused_change_is_made_anew_upon_the_rows_as_they_are(crm, shop, server):
    """What was typed once need not be typed twice; its base is today's."""
    refuse(server, 1, "value_invalid", "edit", "discard")
    crm.contacts.edit(shop["contact"], name="Freda", job_title="Chef")
    crm.sync()
    server.put("contact", id=shop["contact"], description="moved on")
    crm.sync()

    reopened = crm.reopen(1)

    assert (reopened.number, reopened.left) == (2, [])
    assert crm.contacts.get(shop["contact"]).job_title == "Chef"
    assert crm.attention() == []
    assert crm.sync().applied == 1
    assert server.rows["contact", shop["contact"]]["name"] == "Freda"


def test_new_rows_are_made_anew_with_what_hangs_on_them(crm, shop, server):
    """A contact and its phone come again, as one."""
    refuse(server, 1, "value_invalid", "edit", "discard")
    with crm.transaction():
        person = crm.contacts.create(account_id=shop["account"], name="Zoe")
        crm.contact_channels.create(contact_id=person.id, channel_kind="phone", value="+371")
    crm.sync()

    crm.reopen(1)

    (again,) = crm.contacts.list(where={"name": "Zoe"})
    assert crm.contact_channels.list(where={"contact_id": again.id})[0].value == "+371"
    assert again.id != person.id


def test_what_cannot_be_made_anew_is_told_and_kept(crm, shop, server):
    """Nothing is dropped silently, and what had no part left stays on the list."""
    refuse(server, 1, "value_invalid", "edit", "discard")
    crm.contacts.edit(shop["contact"], name="Freda")
    server.remove("contact", shop["contact"])
    crm.sync()

    reopened = crm.reopen(1)

    assert reopened.number is None
    assert [left.change["id"] for left in reopened.left] == [shop["contact"]]
    assert [item.number for item in crm.attention()] == [1]


def test_an_order_that_is_closed_is_revised_by_a_new_draft(crm, shop, server):
    """The rep's lines, and the change that came too late, as a draft that names the order."""
    with crm.transaction():
        order = crm.orders.create(outlet_id=shop["outlet"], note="ring twice")
        line = crm.order_lines.create(order_id=order.id, product_id=shop["tea"], quantity=2)
    crm.sync()
    refuse(server, 2, "transition_illegal", "discard", "revise")
    with crm.transaction():
        crm.order_lines.edit(line.id, quantity=7)
        crm.orders.submit(order.id)
    crm.sync()
    server.put("order", id=order.id, status="cancelled")
    crm.sync()

    reopened = crm.reopen(2)

    draft = crm.orders.get(reopened.order_id)
    assert (draft.status, draft.revises_order_id, draft.note) == ("draft", order.id, "ring twice")
    assert [str(each.quantity) for each in crm.order_lines.list(where={"order_id": draft.id})] == ["7"]
    assert crm.attention() == []


def test_only_what_can_be_taken_up_again_is(crm, shop, server):
    """A change that may not be made is not made twice."""
    refuse(server, 1, "not_found", "discard")
    crm.contacts.edit(shop["contact"], name="Freda")
    crm.sync()

    for number in (1, 5):
        with pytest.raises(InvalidValue, match="can be taken up again"):
            crm.reopen(number)


def test_a_request_is_taken_back_by_whom_it_is_of_and_decided_by_admins(crm, server, put_conflict):
    """The field is kept in another system: a rep's choice is to wait, or to think better of it."""
    server.put("member", id=MEMBER_ID, name="Ann", role="rep")
    request_id = put_conflict(rule="request", seen='"Fred"')

    (item,) = crm.attention()
    server.put("member", id=MEMBER_ID, name="Ann", role="admin")
    crm.sync()
    (to_admin,) = crm.attention()

    assert item.title.startswith("Another name of contact")
    assert labels(item) == {"keep": "Take my request back: keep “Fred”"}
    assert labels(to_admin) == {"keep": "Take my request back: keep “Fred”", "take": "Accept “Freda”"}
    crm.resolve(request_id, "keep")
    assert crm.conflicts.get(request_id).settlement == "keep"
