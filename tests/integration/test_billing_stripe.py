"""The whole way, from the API to the simulated Stripe and back, in good days and bad ones (issue 5).

Each request is checked against the SDK's own types by the simulator.
"""

from datetime import UTC, datetime, timedelta

import pytest

from server.billing import provider
from server.billing.deletion.commands import end_subscriptions
from server.billing.gateway import StripeGateway
from server.billing.gateway.catalogue import find_drift, publish
from server.db import TenantRef
from tests.integration import stripe_world
from tests.integration.stripe_world import Shop, open_shop
from tests.stripe import StripeSimulator

shop = stripe_world.shop


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


async def test_a_tax_id_entered_at_the_checkout_is_ours_too(shop: Shop):
    """It stands on the invoices; the account has to know."""
    entered = {"type": "eu_vat", "value": "DE123456789"}
    await shop.subscribe("team", seats=1, tax_id=entered, name="Acme GmbH")

    account = await shop.do("GET", "/billing/account")

    assert entered in account["tax_ids"]


async def test_a_downgrade_comes_with_the_next_period_and_costs_nothing_now(shop: Shop):
    """What is paid for is had to its end; then the smaller plan is billed."""
    await shop.subscribe("business", seats=5)
    await shop.pass_time(timedelta(days=20))
    before = shop.charged()

    preview = await shop.do("POST", "/billing/previews", {"plan": "team"})
    plan = await shop.do("POST", "/billing/changes", {"plan": "team"})
    both = await shop.do("PUT", "/billing/seats", {"seats": 3})
    until_then = (await shop.held()).plan
    await shop.pass_time(timedelta(days=26))
    page = await shop.do("GET", "/billing")

    assert (preview["mode"], preview["cost"]) == ("scheduled", None)
    assert plan["subscription"]["scheduled"] == {"plan": "team", "interval": "month", "seats": 5, "at": preview["at"]}
    assert both["subscription"]["scheduled"] == {"plan": "team", "interval": "month", "seats": 3, "at": preview["at"]}
    assert until_then == "business"
    assert (page["plan"], page["seats_bought"], page["subscription"]["scheduled"]) == ("team", 3, None)
    assert shop.charged() - before == 3 * 1_900


async def test_a_scheduled_downgrade_can_be_withdrawn(shop: Shop):
    """And then everything renews as it was."""
    await shop.subscribe("business", seats=5)
    await shop.pass_time(timedelta(days=20))
    before = shop.charged()

    await shop.do("POST", "/billing/changes", {"plan": "team"})
    page = await shop.do("DELETE", "/billing/changes/scheduled")
    await shop.pass_time(timedelta(days=26))

    assert page["subscription"]["scheduled"] is None
    assert (await shop.held()).plan == "business"
    assert shop.charged() - before == 5 * 3_900


async def test_more_seats_now_and_cancelling_put_what_was_scheduled_aside(shop: Shop):
    """A subscription under a schedule cannot be changed past it."""
    await shop.subscribe("business", seats=5)
    await shop.pass_time(timedelta(days=20))
    await shop.do("PUT", "/billing/seats", {"seats": 3})

    more = await shop.do("PUT", "/billing/seats", {"seats": 6})
    await shop.do("PUT", "/billing/seats", {"seats": 2})
    cancelled = await shop.do("PUT", "/billing/cancellation")

    assert (more["seats_bought"], more["subscription"]["scheduled"]) == (6, None)
    assert cancelled["subscription"]["scheduled"] is None
    assert cancelled["subscription"]["cancel_at"] == cancelled["subscription"]["period_end"]


async def test_a_month_becomes_a_year_at_once_and_a_year_a_month_at_its_end(shop: Shop):
    """The longer interval begins anew, with the rest of the month set off."""
    await shop.subscribe("team", seats=2)
    await shop.pass_time(timedelta(days=24))
    before = shop.charged()

    preview = await shop.do("POST", "/billing/previews", {"interval": "year"})
    year = await shop.do("POST", "/billing/changes", {"interval": "year", "at": preview["cost"]["at"]})
    month = await shop.do("POST", "/billing/changes", {"interval": "month"})

    assert shop.charged() - before == preview["cost"]["due_minor"]
    assert 2 * 19_000 - 2 * 1_900 < preview["cost"]["due_minor"] < 2 * 19_000
    assert year["subscription"]["interval"] == "year"
    assert month["subscription"]["scheduled"]["interval"] == "month"
    assert month["subscription"]["scheduled"]["at"] == month["subscription"]["period_end"]


async def test_thin_events_do_as_well(tenant: TenantRef, stripe: StripeSimulator):
    """They carry no payload, which nobody here believes anyway."""
    async with open_shop(tenant, stripe, thin=True) as shop:
        await shop.subscribe("team", seats=2)
        await shop.hear()
        await shop.pass_time(timedelta(days=24))
        client = shop.stripe.client()
        subscription = shop.stripe.world.kinds["subscription"][0]
        item = subscription["items"]["data"][0]["id"]

        client.v1.subscriptions.update(subscription["id"], {"items": [{"id": item, "quantity": 4}]})
        came = await shop.hear()

        assert came > 0
        assert (await shop.held()).seats_max == 4


@pytest.mark.parametrize(("hours", "days"), [(30, 2), (5, 1), (-1, 0)])
async def test_a_short_rest_of_a_trial_becomes_whole_days(
    tenant: TenantRef, stripe: StripeSimulator, hours: int, days: int
):
    """Stripe's checkout takes no end that is nearer than two days; nobody loses hours by it."""
    async with open_shop(tenant, stripe, trial=timedelta(hours=hours)) as shop:
        await shop.subscribe("team", seats=1)

        [subscription] = shop.stripe.world.kinds["subscription"]
        free = (subscription["trial_end"] or shop.stripe.now) - shop.stripe.now
        assert free == days * 86_400
        assert shop.charged() == (0 if days else 1_900)


async def test_a_tenant_that_is_deleted_is_charged_no_more(shop: Shop):
    """Cancelled there first; the books stay."""
    await shop.subscribe("team", seats=2)

    ended = await end_subscriptions(shop.tenant.id)
    await shop.pass_time(timedelta(days=60))

    assert ended == 1
    assert shop.charged() == 0
    assert (await shop.held()).state == "cancelled"


async def test_an_invoice_by_mail_has_days_to_be_paid(shop: Shop):
    """Customers whose subscription an operator set to be sent invoices fall behind from the due date on."""
    await shop.subscribe("team", seats=2)
    subscription = shop.stripe.world.kinds["subscription"][0]["id"]
    shop.stripe.client().v1.subscriptions.update(
        subscription, {"collection_method": "send_invoice", "days_until_due": 10}
    )
    await shop.pass_time(timedelta(days=14, hours=2))

    seen = []
    for days in (0, 9, 2):
        await shop.pass_time(timedelta(days=days))
        seen.append((await shop.held()).state)

    assert seen == ["active", "active", "past_due"]


async def test_a_period_that_ends_with_a_short_month_ends_when_stripe_says(tenant: TenantRef):
    """From the 31st to the 28th, in UTC; the day after, it renews."""
    with StripeSimulator.running(clock=datetime(2027, 1, 31, 23, 59, 50, tzinfo=UTC)) as stripe:
        async with open_shop(tenant, stripe, trial=timedelta(0)) as shop:
            page = await shop.subscribe("team", seats=1)
            cancelled = await shop.do("PUT", "/billing/cancellation")
            await shop.pass_time(timedelta(days=27, hours=23, minutes=59, seconds=59), told=False)
            before = (await shop.held()).state
            await shop.pass_time(timedelta(seconds=1), told=False)

            assert page["subscription"]["period_end"] == "2027-02-28T23:59:50Z"
            assert cancelled["subscription"]["cancel_at"] == "2027-02-28T23:59:50Z"
            assert (before, (await shop.held()).state) == ("active", "cancelled")


async def test_somebody_who_clicks_for_every_seat_gets_them_all(shop: Shop):
    """Stripe makes ten invoices a minute for a subscription, and refuses the eleventh: more wait for the next one."""
    await shop.subscribe("team", seats=2)
    await shop.pass_time(timedelta(days=24))

    for seats in range(3, 18):
        page = await shop.do("PUT", "/billing/seats", {"seats": seats})
        await shop.pass_time(timedelta(seconds=2))

    assert page["seats_bought"] == 17
    made = [i for i in shop.stripe.world.select("invoice") if i["billing_reason"] == "subscription_update"]
    assert len(made) == 3


async def test_a_second_order_closes_the_page_of_the_first(shop: Shop):
    """Two open pages are two subscriptions."""
    first = await shop.do("POST", "/billing/checkouts", {"plan": "team", "seats": 2})
    same = await shop.do("POST", "/billing/checkouts", {"plan": "team", "seats": 2})
    other = await shop.do("POST", "/billing/checkouts", {"plan": "business", "seats": 2})

    assert same["url"] == first["url"] != other["url"]
    assert sorted(s["status"] for s in shop.stripe.world.select("checkout.session")) == ["expired", "open"]
