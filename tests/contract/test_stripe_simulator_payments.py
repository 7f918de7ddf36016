"""The simulated Stripe takes money, fails to, and gives it back as Stripe documents it: dunning, refunds, disputes."""

from datetime import UTC, datetime, timedelta

import pytest
import stripe as sdk

from tests.contract.subscribers import customer_of, invoices_of, price_of, status_of, subscribe
from tests.stripe import Settings, StripeSimulator


def test_the_life_of_a_card_that_fails(may: StripeSimulator):
    """Past due while it is tried again, unpaid when all tries failed, active when another card pays."""
    client = may.client()
    subscription = subscribe(may, price_of(may, 1000))
    may.card_fails(subscription.customer, decline_code="insufficient_funds")

    may.advance(datetime(2027, 6, 1, 2, tzinfo=UTC))
    story = [(status_of(may, subscription), invoices_of(may, subscription)[-1].attempt_count)]
    for days in (3, 2, 2):
        may.advance(timedelta(days=days))
        story.append((status_of(may, subscription), invoices_of(may, subscription)[-1].attempt_count))

    assert story == [("past_due", 1), ("past_due", 2), ("past_due", 3), ("unpaid", 4)]
    assert client.v1.customers.retrieve(subscription.customer).delinquent
    owed = invoices_of(may, subscription)[-1]
    with pytest.raises(sdk.CardError) as declined:
        client.v1.invoices.pay(owed.id)
    may.save_card(subscription.customer)
    paid = client.v1.invoices.pay(owed.id)
    assert declined.value.code == "card_declined"
    assert (paid.status, status_of(may, subscription)) == ("paid", "active")
    assert not client.v1.customers.retrieve(subscription.customer).delinquent


def test_after_the_last_try_the_owner_may_have_it_cancelled():
    """What follows is a setting of the account, and the product must bear all of them."""
    settings = Settings(retry_days=(1,), after_retries="canceled")
    with StripeSimulator.running(clock=datetime(2027, 5, 1, tzinfo=UTC), settings=settings) as sim:
        subscription = subscribe(sim, price_of(sim, 1000))
        sim.card_fails(subscription.customer)

        sim.advance(timedelta(days=33))

        ended = sim.client().v1.subscriptions.retrieve(subscription.id)
        assert (ended.status, ended.cancellation_details.reason) == ("canceled", "payment_failed")


@pytest.mark.parametrize("card", ["pm_card_chargeCustomerFail", "pm_card_authenticationRequired"])
def test_a_first_payment_that_fails_leaves_it_incomplete_for_23_hours(may: StripeSimulator, card: str):
    """Nobody is let in by a subscription that was never paid."""
    subscription = subscribe(may, price_of(may, 1000), customer=customer_of(may, card))
    assert subscription.status == "incomplete"

    may.advance(timedelta(hours=23))

    assert status_of(may, subscription) == "incomplete_expired"
    assert invoices_of(may, subscription)[0].status == "void"


def test_a_payment_that_the_bank_wants_confirmed_is_paid_when_it_is(may: StripeSimulator):
    """Strong customer authentication."""
    subscription = subscribe(may, price_of(may, 1000), customer=customer_of(may, "pm_card_authenticationRequired"))

    may.authenticate(subscription.latest_invoice)

    assert status_of(may, subscription) == "active"


@pytest.mark.parametrize(
    ("behaviour", "status", "quantity"),
    [("error_if_incomplete", "active", 1), ("pending_if_incomplete", "active", 1), ("allow_incomplete", "past_due", 5)],
)
def test_an_upgrade_that_is_not_paid(may: StripeSimulator, behaviour: str, status: str, quantity: int):
    """Refused, left pending until paid, or given on credit, as was asked."""
    client = may.client()
    subscription = subscribe(may, price_of(may, 1000))
    may.card_fails(subscription.customer)
    items = [{"id": subscription["items"].data[0].id, "quantity": 5}]
    update = {"items": items, "proration_behavior": "always_invoice", "payment_behavior": behaviour}

    if behaviour == "error_if_incomplete":
        with pytest.raises(sdk.CardError):
            client.v1.subscriptions.update(subscription.id, update)
    else:
        client.v1.subscriptions.update(subscription.id, update)

    now = client.v1.subscriptions.retrieve(subscription.id)
    assert (now.status, now["items"].data[0].quantity) == (status, quantity)
    if behaviour == "pending_if_incomplete":
        assert now.pending_update.subscription_items[0].quantity == 5
        may.save_card(subscription.customer)
        client.v1.invoices.pay(now.latest_invoice)
        now = client.v1.subscriptions.retrieve(subscription.id)
        assert (now.pending_update, now["items"].data[0].quantity) == (None, 5)


def test_an_invoice_that_is_sent_is_due_after_its_days_and_paid_outside_of_stripe(may: StripeSimulator):
    """Customers who pay by transfer."""
    client = may.client()
    subscription = subscribe(
        may, price_of(may, 1000), customer=customer_of(may, None), collection_method="send_invoice", days_until_due=14
    )  # fmt: skip
    may.advance(timedelta(hours=1))
    (sent,) = invoices_of(may, subscription)
    assert (sent.status, sent.due_date) == ("open", may.now + 14 * 86_400)

    may.advance(timedelta(days=14))
    late = status_of(may, subscription)
    paid = client.v1.invoices.pay(sent.id, {"paid_out_of_band": True})

    assert (late, status_of(may, subscription)) == ("past_due", "active")
    assert (paid.status, paid.amount_remaining) == ("paid", 0)


def test_a_refund_gives_back_no_more_than_was_paid(may: StripeSimulator):
    """Refunds are seen by the product; they do not change what was subscribed to."""
    client = may.client()
    subscription = subscribe(may, price_of(may, 1000))
    charge = may.charge_of(subscription.latest_invoice)

    client.v1.refunds.create({"charge": charge, "amount": 400})
    with pytest.raises(sdk.InvalidRequestError, match="greater than unrefunded amount"):
        client.v1.refunds.create({"charge": charge, "amount": 601})

    seen = client.v1.charges.retrieve(charge, {"expand": ["refunds"]})
    assert (seen.amount_refunded, seen.refunded, len(seen.refunds.data)) == (400, False, 1)


def test_a_dispute_is_opened_and_lost(may: StripeSimulator):
    """Lost disputes restrict the tenant; the product learns of them by event only."""
    subscription = subscribe(may, price_of(may, 1000))

    dispute = may.dispute(may.charge_of(subscription.latest_invoice))
    may.close_dispute(dispute, won=False)

    assert may.client().v1.disputes.retrieve(dispute).status == "lost"
    types = [
        each.type
        for each in may.client().v1.events.list({"types": ["charge.dispute.created", "charge.dispute.closed"]})
    ]
    assert types == ["charge.dispute.closed", "charge.dispute.created"]


def test_a_credit_note_lessens_an_open_invoice_and_credits_a_paid_one(may: StripeSimulator):
    """Corrections that the accountant can follow."""
    client = may.client()
    subscription = subscribe(may, price_of(may, 1000))

    note = client.v1.credit_notes.create({"invoice": subscription.latest_invoice, "amount": 300, "credit_amount": 300})

    assert (note.type, note.total) == ("post_payment", 300)
    assert client.v1.customers.retrieve(subscription.customer).balance == -300
