"""Customers who pay by transfer: our invoices, our numbers, the same rule of access."""

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from server import clock
from server.billing.plans import Interval, get_plan
from server.billing.provider import Target
from server.billing.refresh import refresh_now
from server.billing.transfer import commands
from server.billing.transfer.gateway import TransferGateway
from server.db import TenantRef, connection, platform_transaction
from server.errors import Conflict
from tests.integration import transfer_world
from tests.integration.application import APP
from tests.integration.rest_world import make_world
from tests.integration.transfer_world import START, Customer, days_later

pytestmark = pytest.mark.usefixtures("no_ledger")
gateway = transfer_world.gateway
trial_customer = transfer_world.trial_customer
customer = transfer_world.customer


async def test_an_order_is_invoiced_at_once_and_may_be_used_at_once(customer: Customer):
    """A company pays when its books get to it; its reps work meanwhile."""
    number = await customer.order(seats=3)

    [invoice] = await customer.invoices()
    assert (invoice["number"], invoice["status"], invoice["currency"]) == (number, "open", "EUR")
    assert re.fullmatch(r"OR-2026-\d{5}", number)
    assert (invoice["subtotal_minor"], invoice["tax_minor"], invoice["total_minor"]) == (5_700, 684, 6_384)
    assert invoice["due_at"] == START + timedelta(days=14)
    assert (invoice["period_start"], invoice["period_end"]) == (START, datetime(2026, 4, 1, 9, tzinfo=UTC))
    held = await customer.access()
    assert (held.state, held.plan, held.seats_max) == ("active", "team", 3)


async def test_an_unpaid_invoice_restricts_by_the_same_rule_and_its_payment_opens_again(customer: Customer):
    """Fourteen days to pay, seven with a banner, seven of grace; nothing needs a job to have run."""
    number = await customer.order()
    due = START + timedelta(days=14)

    states = [(await customer.access(due + timedelta(days=days))).state for days in (-1, 1, 8, 15)]
    async with days_later(40) as now:
        payment = await commands.mark_paid(number, on=now)

    assert states == ["active", "past_due", "grace", "restricted"]
    assert (payment.open_minor, (await customer.invoices())[0]["status"]) == (0, "paid")
    assert (await customer.access(START + timedelta(days=41))).state == "active"


async def test_the_rest_of_a_trial_is_not_charged(tenant: TenantRef, gateway: TransferGateway):
    """The period begins when the trial ends."""
    customer = Customer(tenant, gateway)
    with clock.frozen(START):
        await customer.enrol()
        await customer.order()

        [invoice] = await customer.invoices()
        assert invoice["period_start"] == START + timedelta(days=14) == invoice["due_at"]


async def test_renewals_are_written_ahead_once_and_the_period_moves_on(customer: Customer):
    """Two weeks before, however often the job runs; after the period's end the next one is the present one."""
    await commands.mark_paid(await customer.order())

    async with days_later(16):  # 17 March: 15 days to go
        early = await customer.tick()
    async with days_later(17):
        ahead = [await customer.tick() for _ in range(3)]
    async with days_later(32):
        await customer.tick()
        present = await customer.subscription()

    first, second = await customer.invoices()
    assert (early, ahead) == (0, [1, 0, 0])
    assert (second["period_start"], second["due_at"]) == (first["period_end"], first["period_end"])
    assert present.items[0].period_start == first["period_end"]
    assert second["subtotal_minor"] == first["subtotal_minor"]


async def test_a_worker_that_slept_for_months_writes_what_it_missed(customer: Customer):
    """One invoice a period, none twice."""
    await customer.order()

    async with days_later(100):  # 9 June
        await customer.tick()
        await customer.tick()

    starts = [invoice["period_start"].strftime("%m-%d") for invoice in await customer.invoices()]
    assert starts == ["03-01", "04-01", "05-01", "06-01"]


async def test_an_upgrade_is_invoiced_by_exact_shares_and_once_by_its_key(customer: Customer):
    """More seats and a better tier in the middle of the month."""
    await commands.mark_paid(await customer.order(seats=2))

    async with days_later(15.5) as at:  # exactly half of March
        target = Target(get_plan("business"), Interval.MONTH, "EUR", 4)
        preview = await customer.gateway.preview_change(customer.customer_id, await customer.subscription(), target, at)
        for _ in range(2):
            await customer.change("up", plan="business", seats=4, at=at)
        held = await customer.access()

    _, upgrade = await customer.invoices()
    lines = [line["amount_minor"] for line in json.loads(upgrade["details"])["lines"]]
    assert lines == [-1_900, 7_800]
    assert [line.amount_minor for line in preview.lines] == lines
    assert (upgrade["total_minor"], preview.due_minor) == (5_900 + 708, 5_900 + 708)
    assert (held.plan, held.seats_max) == ("business", 4)


async def test_what_was_invoiced_ahead_and_not_paid_is_written_anew_after_a_change(customer: Customer):
    """Nobody pays for two seats and then for the third of the same month."""
    await commands.mark_paid(await customer.order(seats=2))
    async with days_later(20):
        await customer.tick()
        await customer.change("up", seats=3, at=START + timedelta(days=20))
        await customer.tick()

    invoices = await customer.invoices()
    assert [(i["status"], i["subtotal_minor"]) for i in invoices] == [
        ("paid", 3_800), ("void", 3_800), ("open", 675), ("open", 5_700),
    ]  # fmt: skip
    assert len({i["number"] for i in invoices}) == 4


async def test_seats_bought_one_by_one_wait_for_the_next_invoice(customer: Customer):
    """With the same shares."""
    await commands.mark_paid(await customer.order(seats=2))
    async with days_later(15.5) as at:
        await customer.change("seat", seats=3, at=at, invoice=False)
        held = await customer.access()
    async with days_later(20):
        await customer.tick()

    _, renewal = await customer.invoices()
    assert held.seats_max == 3
    assert renewal["subtotal_minor"] == 950 + 3 * 1_900


async def test_a_credit_is_set_off_against_the_next_invoices(customer: Customer):
    """From a year that is paid to months: the rest of the year pays them, and no invoice is below zero."""
    await commands.mark_paid(await customer.order(interval=Interval.YEAR, seats=2))
    async with days_later(1):
        await customer.change("to months", interval=Interval.MONTH, seats=2)
    async with days_later(20):
        await customer.tick()

    _, change, renewal = await customer.invoices()
    credit = 38_000 - round(38_000 / 365) - 3_800
    assert [(i["status"], i["total_minor"]) for i in (change, renewal)] == [("paid", 0), ("paid", 0)]
    kinds = {line["line"]["kind"]: line["amount_minor"] for line in json.loads(renewal["details"])["lines"]}
    assert kinds == {"credit": -credit, "period": 3_800, "carried": credit - 3_800}


async def test_a_downgrade_waits_for_the_end_of_the_period_and_can_be_withdrawn(customer: Customer):
    """Nothing is lost of what is paid."""
    await commands.mark_paid(await customer.order("business", seats=4))
    target = Target(get_plan("team"), Interval.MONTH, "EUR", 2)
    gateway = customer.gateway
    async with days_later(5):
        await gateway.schedule_change(await customer.subscription(), target, "down")
        await gateway.withdraw_change(await customer.subscription(), "stay")
        withdrawn = (await customer.subscription()).scheduled
        await gateway.schedule_change(await customer.subscription(), target, "down again")
        planned = (await customer.subscription()).scheduled
    async with days_later(20):
        await customer.tick()
        before = await customer.access()
    async with days_later(32):
        await customer.tick()
        after = await customer.access()

    assert withdrawn is None
    assert planned is not None
    assert (planned.at, planned.quantity) == (datetime(2026, 4, 1, 9, tzinfo=UTC), 2)
    assert [(each.plan, each.seats_max) for each in (before, after)] == [("business", 4), ("team", 2)]
    assert [i["subtotal_minor"] for i in await customer.invoices()] == [15_600, 3_800]


async def test_a_planned_change_of_the_interval_counts_from_where_it_begins(customer: Customer):
    """From months to years at the month's end."""
    await commands.mark_paid(await customer.order(seats=2))
    target = Target(get_plan("team"), Interval.YEAR, "EUR", 2)
    await customer.gateway.schedule_change(await customer.subscription(), target, "yearly")
    async with days_later(20):
        await customer.tick()
        present = await customer.subscription()
    async with days_later(40):
        await customer.tick()
        later = await customer.subscription()

    _, yearly = await customer.invoices()
    assert (yearly["subtotal_minor"], yearly["period_end"]) == (38_000, datetime(2027, 4, 1, 9, tzinfo=UTC))
    assert present.items[0].lookup_key == "outrider_team_v1_month_eur"
    assert later.items[0].lookup_key == "outrider_team_v1_year_eur"
    assert later.items[0].period_end == datetime(2027, 4, 1, 9, tzinfo=UTC)


async def test_a_cancellation_ends_it_with_the_period_and_can_be_taken_back(customer: Customer):
    """The invoice for what nobody wants any more is taken back."""
    await commands.mark_paid(await customer.order())
    gateway = customer.gateway
    async with days_later(20):
        await customer.tick()
        await gateway.cancel(await customer.subscription(), "cancel")
        await gateway.resume(await customer.subscription(), "resume")
        resumed = (await customer.subscription()).cancel_at
        await gateway.cancel(await customer.subscription(), "cancel again")
        await customer.tick()
        held = await customer.access()
    async with days_later(32):
        await customer.tick()
        ended = await customer.access()

    assert resumed is None
    assert (held.state, held.ends_at) == ("active", datetime(2026, 4, 1, 9, tzinfo=UTC))
    assert ended.state == "cancelled"
    assert [i["status"] for i in await customer.invoices()] == ["paid", "void"]
    async with days_later(33):
        await customer.order(seats=1)
        assert (await customer.access()).state == "active"


async def test_the_same_state_is_mirrored_however_often_it_is_fetched(customer: Customer):
    """A refetch of what we wrote ourselves changes nothing of it."""
    await customer.order()
    before = await customer.invoices()

    again = [await refresh_now(customer.tenant.id) for _ in range(2)]

    assert await customer.invoices() == before
    assert [refreshed and refreshed.changes for refreshed in again] == [(), ()]


async def test_a_payment_noted_during_a_refetch_is_not_lost(customer: Customer, monkeypatch: pytest.MonkeyPatch):
    """What was read before it is older than what was written: the invoice stays paid, and access follows."""
    number = await customer.order()
    fetch = customer.gateway.fetch_customer_state

    async def fetch_slowly(customer_id: str) -> Any:
        state = await fetch(customer_id)
        monkeypatch.undo()
        async with platform_transaction():  # an operator and the customer are faster
            await connection().execute(
                "UPDATE billing_invoice SET status = 'paid', paid_minor = total_minor, paid_at = $2 WHERE number = $1",
                number, clock.now(),
            )  # fmt: skip
            await connection().execute(
                """UPDATE billing_account SET tax_ids = '[{"type": "eu_vat", "value": "DE136695976"}]'
                WHERE tenant_id = $1""",
                customer.tenant.id,
            )
        return state

    monkeypatch.setattr(customer.gateway, "fetch_customer_state", fetch_slowly)
    await refresh_now(customer.tenant.id)
    await refresh_now(customer.tenant.id)

    [invoice] = await customer.invoices()
    assert (invoice["status"], invoice["paid_minor"]) == ("paid", invoice["total_minor"])
    assert (await customer.access(START + timedelta(days=29))).state == "active"
    async with platform_transaction():
        tax_ids = await connection().fetchval(
            "SELECT tax_ids::text FROM billing_account WHERE tenant_id = $1", customer.tenant.id
        )
    assert "DE136695976" in tax_ids


async def test_who_pays_by_transfer_changes_and_cancels_over_rest_like_anybody(
    tenant: TenantRef, gateway: TransferGateway
):
    """More seats are invoiced by us; less waits; the end can be taken back."""
    customer, world = Customer(tenant, gateway), await make_world(APP, tenant)
    await customer.enrol()
    await customer.after_trial()
    await commands.mark_paid(await customer.order(seats=7))

    more = await world.billing.send("PUT", "/billing/seats", {"seats": 9})
    preview = await world.owner.send("POST", "/billing/previews", {"plan": "business"})
    fewer = await world.owner.send("PUT", "/billing/seats", {"seats": 8})
    ended = await world.owner.send("PUT", "/billing/cancellation")
    resumed = await world.owner.send("DELETE", "/billing/cancellation")

    assert [reply.status_code for reply in (more, preview, fewer, ended, resumed)] == [200] * 5, more.text
    _, seats = await customer.invoices()
    assert (seats["status"], seats["subtotal_minor"]) == ("open", 2 * 1_900)
    assert (await customer.access()).seats_max == 9
    assert (await customer.subscription()).cancel_at is None


async def test_paying_ahead_and_changing_at_once_do_not_stand_in_each_others_way(customer: Customer):
    """Whoever is first, the sums are right: the renewal is paid and set off, or taken back and not paid."""
    await commands.mark_paid(await customer.order(seats=2))
    async with days_later(20) as now:
        await customer.tick()
        renewal = (await customer.invoices())[-1]["number"]
        paid, changed = await asyncio.gather(
            commands.mark_paid(renewal), customer.change("at once", seats=3, at=now), return_exceptions=True
        )
        await customer.tick()

    assert changed is None
    assert paid is None or isinstance(paid, commands.Payment | Conflict)
    invoices = await customer.invoices()
    had = 3_800 + 675 + 5_700  # two seats of March, a third for the rest of it, three in April
    assert sum(each["subtotal_minor"] for each in invoices if each["status"] != "void") == had
