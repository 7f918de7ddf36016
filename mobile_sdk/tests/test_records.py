"""What a rep records beside orders, offline: what is filled in, what is sent, what is not allowed."""

from datetime import date
from decimal import Decimal

import pytest
from outrider_sdk import IllegalStatus, InvalidValue
from sdk_fakes import mutations


def test_a_payment_needs_an_outlet_an_amount_and_a_method(crm, shop):
    """Company and currency are the agreement's; the receipt's number is this device's own, and never comes twice."""
    first = crm.payments.create(outlet_id=shop["outlet"], amount_minor=1200, method="cash")
    second = crm.payments.create(outlet_id=shop["outlet"], amount_minor=300, method="card")

    assert (first.currency, first.allocated_minor, first.account_id) == ("EUR", 0, shop["account"])
    assert first.receipt_number == "W7-P00001"
    assert first.receipt_number != second.receipt_number
    assert "allocated_minor" not in mutations(crm)[0]["changes"][0]["fields"]


def test_a_payment_is_taken_back_by_a_reversal(crm, shop):
    """Append-only: nothing is changed or removed."""
    paid = crm.payments.create(outlet_id=shop["outlet"], amount_minor=1200, method="cash")

    back = crm.payments.reverse(paid.id, note="Wrong shop")

    assert (back.reversal_of_id, back.amount_minor, back.receipt_number) == (paid.id, 1200, paid.receipt_number)
    with pytest.raises(InvalidValue, match="set once"):
        crm.payments.edit(paid.id, amount_minor=1)
    with pytest.raises(InvalidValue, match="cannot be removed"):
        crm.payments.delete(paid.id)


def test_a_visit_is_checked_in_and_out_once(crm, shop):
    """Without GPS, the reason stands in its place."""
    visit = crm.visits.create(outlet_id=shop["outlet"])
    assert (visit.position_absence, visit.checked_out_at) == ("unavailable", None)

    done = crm.visits.check_out(visit.id, outcome="order", note="Closed on Mondays")

    assert done.checked_out_at >= done.checked_in_at
    assert done.outcome == "order"
    with pytest.raises(InvalidValue, match="recorded already"):
        crm.visits.edit(visit.id, outcome="none")
    with pytest.raises(InvalidValue, match="set once"):
        crm.visits.edit(visit.id, checked_in_at=done.checked_out_at)


def test_a_return_is_drafted_and_submitted(crm, shop):
    """Its line costs what it is worth; after it is handed in, nothing changes."""
    draft = crm.return_orders.create(outlet_id=shop["outlet"])
    with pytest.raises(InvalidValue, match="no lines"):
        crm.return_orders.submit(draft.id)
    line = crm.return_lines.create(
        return_order_id=draft.id, product_id=shop["tea"], quantity=2, price="2.50", reason="damaged"
    )
    assert (line.unit, line.amount_minor) == ("pc", 500)
    assert crm.return_lines.edit(line.id, quantity=3).amount_minor == 750

    assert crm.return_orders.submit(draft.id).status == "submitted"

    with pytest.raises(IllegalStatus):
        crm.return_lines.edit(line.id, quantity=4)
    assert crm.return_orders.cancel(draft.id).status == "cancelled"
    assert crm.verify() == []


def test_a_consent_follows_the_last_one_that_this_device_knows(crm, shop):
    """So that the server can tell a change of mind from two people who did not know of each other."""
    contact = crm.contacts.create(account_id=shop["account"], name="Ann")
    said = {"contact_id": contact.id, "purpose": "marketing"}
    assert crm.consents.state(contact.id, "marketing") is None

    first = crm.consents.create(state="granted", **said)
    second = crm.consents.create(state="withdrawn", evidence="By phone", **said)

    assert (first.follows_id, second.follows_id) == (None, first.id)
    assert crm.consents.state(contact.id, "marketing") == "withdrawn"
    assert crm.consents.state(contact.id, "orders") is None


def test_a_movement_may_be_negative_and_nothing_else(crm, shop):
    """What is sold from the van goes out of it."""
    moved = crm.stock_movements.create(
        warehouse_id=shop["depot"], product_id=shop["tea"], movement_kind="sale", quantity="-2.5"
    )
    counted = crm.stock_movements.create(
        warehouse_id=shop["depot"], product_id=shop["tea"], movement_kind="count", counted=7
    )

    assert (moved.quantity, counted.counted) == (Decimal("-2.5"), Decimal(7))
    with pytest.raises(InvalidValue, match="exact decimal from 0 on"):
        crm.stock_movements.create(
            warehouse_id=shop["depot"], product_id=shop["tea"], movement_kind="count", counted="-1"
        )


def test_custom_values_change_key_by_key(crm, shop):
    """An app that knows three fields wipes out no fourth."""
    account = crm.accounts.create(name="Shop", custom={"shelf": "1.5", "mood": "good"})

    changed = crm.accounts.edit(account.id, custom={"mood": None, "rank": 3})

    assert changed.custom == {"shelf": "1.5", "rank": 3}


def test_comments_stand_on_any_record(crm, shop):
    """And stay as they were written."""
    comment = crm.comments.create(entity="outlet", row_id=shop["outlet"], body="Ring twice")

    assert comment.visibility == "internal"
    with pytest.raises(InvalidValue, match="set once"):
        crm.comments.edit(comment.id, body="Ring once")


def test_stops_are_put_in_another_order_and_none_is_made(crm, server, shop):
    """The plan is the office's, the way through the day the rep's."""
    route = server.put("route", member_id=shop["outlet"], day=date(2026, 1, 1).isoformat())
    stop = server.put("route_stop", route_id=route, outlet_id=shop["outlet"], position=1)
    crm.sync()

    assert crm.route_stops.edit(stop, position=4).position == 4
    with pytest.raises(InvalidValue, match="server alone"):
        crm.route_stops.create(route_id=route, outlet_id=shop["outlet"], position=2)
