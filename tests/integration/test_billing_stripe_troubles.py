"""What goes wrong between us and the simulated Stripe: outages, cards, refunds, disputes, what is done by hand."""

from datetime import timedelta

import pytest

from tests.integration import stripe_world
from tests.integration.stripe_world import Shop
from tests.stripe import Policy

shop = stripe_world.shop


@pytest.mark.parametrize("fault", ["500", "429", "hang", "cut", "cut before"])
async def test_what_stripe_breaks_off_is_done_once(shop: Shop, fault: str):
    """Retried under the same key: whether it was done or not, one invoice is the result."""
    await shop.subscribe("team", seats=2)
    await shop.pass_time(timedelta(days=24))
    subscription = shop.stripe.world.kinds["subscription"][0]["id"]
    before, path = shop.charged(), f"POST /v1/subscriptions/{subscription}"
    match fault:
        case "500":
            shop.stripe.fail_next(path, status=500, times=2)
        case "429":
            shop.stripe.fail_next(path, status=429, times=2)
        case "hang":
            shop.stripe.hang_next(path, after_effect=True)
        case "cut":
            shop.stripe.cut_next(path, times=2, after_effect=True)
        case "cut before":
            shop.stripe.cut_next(path, times=2, after_effect=False)

    page = await shop.do("PUT", "/billing/seats", {"seats": 3})

    assert page["seats_bought"] == 3
    assert 0 < shop.charged() - before < 1_900
    assert len([i for i in shop.stripe.world.select("invoice") if i["billing_reason"] == "subscription_update"]) == 1


@pytest.mark.parametrize("after_effect", [False, True])
async def test_an_outage_in_the_middle_is_told_and_finished_by_itself(shop: Shop, after_effect: bool):
    """All tries failed; the user is told what happens, and it happens, once."""
    await shop.subscribe("team", seats=2)
    await shop.pass_time(timedelta(days=24))
    subscription = shop.stripe.world.kinds["subscription"][0]["id"]
    before = shop.charged()
    shop.stripe.cut_next(f"POST /v1/subscriptions/{subscription}", times=3, after_effect=after_effect)

    reply = await shop.send("PUT", "/billing/seats", {"seats": 3})
    await shop.sweep()
    page = await shop.do("GET", "/billing")

    assert (reply.status_code, reply.json()["code"]) == (503, "payment_service_unclear")
    assert (page["seats_bought"], page["change_under_way"]) == (3, False)
    assert 0 < shop.charged() - before < 1_900
    assert len([i for i in shop.stripe.world.select("invoice") if i["billing_reason"] == "subscription_update"]) == 1


async def test_with_stripe_away_everything_goes_on_but_buying(shop: Shop):
    """The last entitlements hold, and the page says how things stand."""
    await shop.subscribe("team", seats=2)

    with shop.stripe.outage():
        refused = await shop.send("PUT", "/billing/seats", {"seats": 3})
        page = await shop.do("GET", "/billing")

    assert (refused.status_code, refused.json()["code"]) == (503, "payment_service_down")
    assert (page["state"], page["change_under_way"]) == ("active", False)


async def test_a_card_that_fails_leads_down_day_by_day_and_a_payment_back_up(shop: Shop):
    """Past due, grace, restricted; then the customer enters another card and pays."""
    await shop.subscribe("team", seats=2)
    shop.stripe.card_fails(await shop.customer_id())
    await shop.pass_time(timedelta(days=14, hours=2))

    seen = [(await shop.held()).state]
    for days in (4, 4, 7):
        await shop.pass_time(timedelta(days=days), told=False)
        seen.append((await shop.held()).state)
    await shop.hear()
    still = (await shop.held()).state
    shop.stripe.card_works(await shop.customer_id())
    client = shop.stripe.client()
    for invoice in shop.stripe.world.select("invoice", status="open"):
        client.v1.invoices.pay(invoice["id"])
    await shop.hear()

    assert seen == ["past_due", "past_due", "grace", "restricted"]
    assert still == "restricted"
    assert (await shop.held()).state == "active"


async def test_disordered_doubled_and_lost_webhooks_end_in_the_same_rows(shop: Shop):
    """What comes last is not what is true."""
    shop.stripe.deliveries(Policy(copies=3, shuffle=True, lost=0.3, seed=7))
    await shop.subscribe("team", seats=2)
    await shop.pass_time(timedelta(days=24))
    await shop.do("PUT", "/billing/seats", {"seats": 5})
    await shop.do("PUT", "/billing/cancellation")

    await shop.hear()

    page = await shop.do("GET", "/billing")
    truth = shop.stripe.world.kinds["subscription"][0]
    assert page["seats_bought"] == 5
    assert page["subscription"]["cancel_at"] is not None
    assert truth["cancel_at_period_end"] or truth["cancel_at"]


async def test_a_customer_deleted_in_the_dashboard_is_found_out(shop: Shop):
    """By the webhook, or else by the reconciliation."""
    await shop.subscribe("team", seats=2)
    client = shop.stripe.client()

    client.v1.customers.delete(await shop.customer_id())
    await shop.hear()

    page = await shop.do("GET", "/billing")
    assert page["state"] == "cancelled"
    assert "deleted" in page["alert"]
    bought = await shop.subscribe("team", seats=1)
    assert (bought["state"], bought["alert"]) == ("active", None)


async def test_a_refund_is_mirrored_and_access_stays(shop: Shop):
    """Money given back is no debt."""
    await shop.subscribe("team", seats=2)
    await shop.pass_time(timedelta(days=14, hours=2))
    paid = (await shop.invoices())[-1]

    shop.stripe.client().v1.refunds.create({"charge": shop.stripe.charge_of(paid["id"]), "amount": 1_000})
    await shop.hear()

    assert (await shop.invoices())[-1]["refunded_minor"] == 1_000
    assert (await shop.held()).state == "active"


async def test_a_dispute_restricts_when_it_is_lost_and_not_before(shop: Shop):
    """The bank may still decide for us. Once lost, the next payment opens everything again."""
    await shop.subscribe("team", seats=2)
    await shop.pass_time(timedelta(days=14, hours=2))
    paid = (await shop.invoices())[-1]

    dispute = shop.stripe.dispute(shop.stripe.charge_of(paid["id"]))
    await shop.hear()
    during = (await shop.held()).state
    shop.stripe.close_dispute(dispute, won=False)
    await shop.hear()
    lost = await shop.do("GET", "/billing")
    await shop.pass_time(timedelta(days=31))

    assert during == "active"
    assert lost["state"] == "restricted"
    assert "taken back by the bank" in lost["banner"]
    assert (await shop.invoices())[-1]["status"] == "paid"
    assert (await shop.held()).state == "active"


async def test_a_dispute_that_is_won_leaves_everything_as_it_was(shop: Shop):
    """It was a mistake."""
    await shop.subscribe("team", seats=2)
    await shop.pass_time(timedelta(days=14, hours=2))
    dispute = shop.stripe.dispute(shop.stripe.charge_of((await shop.invoices())[-1]["id"]))

    shop.stripe.close_dispute(dispute, won=True)
    await shop.hear()

    assert (await shop.invoices())[-1]["dispute"] == "won"
    assert (await shop.held()).state == "active"


async def test_a_price_that_somebody_migrated_by_hand_keeps_the_plan_and_alerts(shop: Shop):
    """In the dashboard, to a price of their own."""
    await shop.subscribe("business", seats=5)
    client = shop.stripe.client()
    subscription = shop.stripe.world.kinds["subscription"][0]
    price = client.v1.prices.create(
        {"currency": "eur", "unit_amount": 1, "recurring": {"interval": "month"}, "product": "outrider_business"}
    )
    item = subscription["items"]["data"][0]["id"]

    client.v1.subscriptions.update(
        subscription["id"], {"items": [{"id": item, "price": price.id}], "proration_behavior": "none"}
    )
    await shop.hear()

    page = await shop.do("GET", "/billing")
    assert (page["state"], page["plan"], page["seats_bought"]) == ("active", "business", 5)
    assert price.id in page["alert"]


async def test_a_bank_that_wants_a_confirmation_declines_and_nothing_changes(shop: Shop):
    """The customer is told; the plan is as it was, and nothing is owed."""
    await shop.subscribe("team", seats=2)
    await shop.pass_time(timedelta(days=24))
    shop.stripe.card_fails(
        await shop.customer_id(), code="authentication_required", decline_code="authentication_required"
    )
    before = shop.charged()

    reply = await shop.send("PUT", "/billing/seats", {"seats": 3})

    assert (reply.status_code, reply.json()["code"]) == (402, "payment_declined")
    assert shop.charged() == before
    assert (await shop.do("POST", "/billing/refreshes"))["seats_bought"] == 2
