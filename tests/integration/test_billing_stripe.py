"""The whole way, from the API to the simulated Stripe and back, in good days and bad ones (issue 5).

Each request is checked against the SDK's own types by the simulator.
"""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from server.billing import provider
from server.billing.gateway import StripeGateway
from server.billing.gateway.catalogue import find_drift, publish
from server.db import TenantRef
from tests.integration.stripe_world import Shop, open_shop
from tests.stripe import Policy, StripeSimulator


@pytest.fixture
async def shop(tenant: TenantRef, stripe: StripeSimulator) -> AsyncIterator[Shop]:
    async with open_shop(tenant, stripe) as found:
        yield found


async def test_a_trial_becomes_a_subscription_that_is_charged_when_the_trial_would_have_ended(shop: Shop):
    """Whoever subscribes on the first day pays from the fifteenth, and works on all the time."""
    bought = await shop.subscribe("team", seats=3)
    at_once = shop.charged()
    await shop.pass_time(timedelta(days=14, hours=2))

    assert (bought["state"], bought["plan"], bought["seats_bought"]) == ("active", "team", 3)
    assert at_once == 0
    assert shop.charged() == 3 * 1_900
    assert [(row["status"], row["total_minor"]) for row in await shop.invoices()][-1] == ("paid", 5_700)
    assert (await shop.held()).state == "active"


async def test_publishing_twice_makes_nothing_new_and_drift_is_told(shop: Shop):
    """Prices are never changed: what somebody changed by hand is reported."""
    gateway = provider.get_provider("stripe")
    assert isinstance(gateway, StripeGateway)

    found, made = await publish(gateway)
    before = await find_drift(gateway)
    price = shop.stripe.world.get("price", found[0].price_id)
    price["unit_amount"], price["active"] = 1, False

    assert made == []
    assert len(found) == 30
    assert before == []
    assert [line.partition(":")[0] for line in await find_drift(gateway)] == [found[0].lookup_key] * 2
    price["unit_amount"], price["active"] = found[0].unit_amount_minor, True


async def test_an_upgrade_costs_what_the_preview_said(shop: Shop):
    """To the cent, though minutes pass between the two."""
    await shop.subscribe("team", seats=4)
    await shop.pass_time(timedelta(days=24))
    before = shop.charged()

    preview = await shop.do("POST", "/billing/previews", {"plan": "business"})
    await shop.pass_time(timedelta(minutes=20))
    after = await shop.do("POST", "/billing/changes", {"plan": "business", "at": preview["cost"]["at"]})

    assert preview["mode"] == "now"
    assert preview["cost"]["due_minor"] > 0
    assert shop.charged() - before == preview["cost"]["due_minor"]
    assert (after["plan"], after["seats_bought"]) == ("business", 4)
    assert (await shop.held()).plan == "business"


async def test_an_upgrade_with_a_declined_card_changes_nothing(shop: Shop):
    """Nor does it cost anything; the bank's words are passed on."""
    await shop.subscribe("team", seats=4)
    await shop.pass_time(timedelta(days=24))
    shop.stripe.card_fails(await shop.customer_id(), decline_code="insufficient_funds")
    before = shop.charged()

    reply = await shop.send("POST", "/billing/changes", {"plan": "business"})

    assert (reply.status_code, reply.json()["code"]) == (402, "payment_declined")
    assert reply.json()["reason"] == "insufficient_funds"
    assert shop.charged() == before
    page = await shop.do("POST", "/billing/refreshes")
    assert (page["plan"], page["state"], page["change_under_way"]) == ("team", "active", False)


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


async def test_cancelled_it_runs_to_the_end_of_what_is_paid(shop: Shop):
    """And resumed, it renews."""
    await shop.subscribe("team", seats=2)
    await shop.pass_time(timedelta(days=20))

    cancelled = await shop.do("PUT", "/billing/cancellation")
    resumed = await shop.do("DELETE", "/billing/cancellation")
    again = await shop.do("PUT", "/billing/cancellation")
    await shop.pass_time(timedelta(days=31), told=False)

    assert cancelled["subscription"]["cancel_at"] == cancelled["subscription"]["period_end"]
    assert resumed["subscription"]["cancel_at"] is None
    assert again["state"] == "active"
    assert (await shop.held()).state == "cancelled"
    await shop.hear()
    assert (await shop.held()).state == "cancelled"
    assert shop.charged() == 2 * 1_900


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


async def test_the_portal_has_no_plans_and_no_quantities(shop: Shop):
    """There they would change behind our preflight's back."""
    await shop.subscribe("team", seats=2)

    await shop.do("POST", "/billing/portal-sessions")
    await shop.do("POST", "/billing/portal-sessions")

    [configuration] = shop.stripe.world.select("billing_portal.configuration", name="Outrider")
    features = configuration["features"]
    assert features["subscription_update"]["enabled"] is False
    assert features["subscription_cancel"]["enabled"] is True
    assert features["payment_method_update"]["enabled"] is True
    assert features["invoice_history"]["enabled"] is True
    assert "tax_id" in features["customer_update"]["allowed_updates"]


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


async def test_a_tax_id_entered_at_the_checkout_is_ours_too(shop: Shop):
    """It stands on the invoices; the account has to know."""
    entered = {"type": "eu_vat", "value": "DE123456789"}
    await shop.subscribe("team", seats=1, tax_id=entered, name="Acme GmbH")

    account = await shop.do("GET", "/billing/account")

    assert entered in account["tax_ids"]
