"""A customer's present state, fetched whole and in our words."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import stripe
from stripe import StripeClient

from server.billing.gateway.client import asked
from server.billing.provider import (
    CustomerState,
    Item,
    ProviderInvoice,
    ProviderSubscription,
    Scheduled,
)

PAGE: Final = 100
"""The most that Stripe gives at once."""
ROWS_MAX: Final = 500
"""So many of each kind are looked at, the newest first: a customer of forty years, billed monthly."""

Payments = Mapping[str, tuple[str, int, str | None, datetime | None]]
"""Payment intent → (its charge, refunded, how its dispute stands, since when)."""


async def fetch_customer_state(client: StripeClient, customer_id: str) -> CustomerState:
    """All that Stripe knows of a customer now."""
    customer = await asked(client.v1.customers.retrieve_async(customer_id, {"expand": ["tax_ids"]}))
    if getattr(customer, "deleted", False):
        return CustomerState(customer_id, deleted=True)
    subscriptions, invoices, charges = await asyncio.gather(
        _list_all(
            client.v1.subscriptions.list_async(
                {"customer": customer_id, "status": "all", "limit": PAGE, "expand": ["data.schedule"]}
            )
        ),
        _list_all(client.v1.invoices.list_async({"customer": customer_id, "limit": PAGE, "expand": ["data.payments"]})),
        _list_all(client.v1.charges.list_async({"customer": customer_id, "limit": PAGE})),
    )
    payments = {str(_id_of(c.payment_intent)): await _payment_of(client, c) for c in charges if c.paid}
    return CustomerState(
        customer_id,
        deleted=False,
        subscriptions=tuple([await _read_subscription(client, each) for each in subscriptions]),
        invoices=tuple(_read_invoice(each, payments) for each in invoices),
        name=customer.name,
        email=customer.email,
        address=_read_address(customer.address),
        tax_ids=tuple((t.type, t.value) for t in (customer.tax_ids.data if customer.tax_ids else ())),
    )


def _read_address(address: stripe.Customer.Address | None) -> dict[str, str]:
    return {} if address is None else {k: v for k, v in address.to_dict().items() if isinstance(v, str)}


async def _list_all(call: Any) -> list[Any]:
    page = await asked(call)
    found: list[Any] = []
    async for each in page.auto_paging_iter():
        found.append(each)
        if len(found) >= ROWS_MAX:
            break
    return found


async def _payment_of(client: StripeClient, charge: stripe.Charge) -> tuple[str, int, str | None, datetime | None]:
    if not charge.disputed:
        return charge.id, charge.amount_refunded, None, None
    disputes = await asked(client.v1.disputes.list_async({"charge": charge.id, "limit": 1}))
    for dispute in disputes.data:
        return charge.id, charge.amount_refunded, dispute.status, _at(dispute.created)
    return charge.id, charge.amount_refunded, None, None


async def _read_subscription(client: StripeClient, found: stripe.Subscription) -> ProviderSubscription:
    period_ends = [item.current_period_end for item in found["items"].data]
    cancel_at = found.cancel_at or (max(period_ends) if found.cancel_at_period_end and period_ends else None)
    schedule = found.schedule if isinstance(found.schedule, stripe.SubscriptionSchedule) else None
    return ProviderSubscription(
        id=found.id,
        status=found.status,
        currency=found.currency.upper(),
        items=tuple(_read_item(item) for item in found["items"].data),
        created_at=_time(found.created),
        started_at=_time(found.start_date),
        cancel_at=_at(cancel_at),
        ended_at=_at(found.ended_at),
        trial_ends_at=_at(found.trial_end),
        schedule_id=schedule.id if schedule else _id_of(found.schedule),
        scheduled=await _read_schedule(client, schedule) if schedule else None,
        by_invoice=found.collection_method == "send_invoice",
    )


def _read_item(item: stripe.SubscriptionItem) -> Item:
    return Item(
        item.id, item.price.id, item.price.lookup_key, item.quantity or 0, _time(item.current_period_start),
        _time(item.current_period_end),
    )  # fmt: skip


async def _read_schedule(client: StripeClient, schedule: stripe.SubscriptionSchedule) -> Scheduled | None:
    """What comes after the present phase."""
    if schedule.status not in ("active", "not_started") or schedule.current_phase is None:
        return None
    for phase in schedule.phases:
        if phase.start_date >= schedule.current_phase.end_date and phase["items"]:
            item = phase["items"][0]
            price_id = str(_id_of(item.price))
            return Scheduled(_time(phase.start_date), price_id, await _lookup_key(client, price_id), item.quantity or 0)
    return None


_lookup_keys: dict[str, str | None] = {}
"""Prices never change, so what was read once holds for the life of the process."""


async def _lookup_key(client: StripeClient, price_id: str) -> str | None:
    if price_id not in _lookup_keys:
        _lookup_keys[price_id] = (await asked(client.v1.prices.retrieve_async(price_id))).lookup_key
    return _lookup_keys[price_id]


async def find_subscription_schedule(client: StripeClient, subscription_id: str) -> str | None:
    """The schedule that a subscription has at this moment."""
    found = await asked(client.v1.subscriptions.retrieve_async(subscription_id))
    return _id_of(found.schedule)


def _read_invoice(found: stripe.Invoice, payments: Payments) -> ProviderInvoice:
    intents = [p for p in _payment_intents(found) if p in payments]
    paid_by = [payments[intent] for intent in intents]
    disputes = sorted(((how, at) for _, _, how, at in paid_by if how), key=lambda dispute: dispute[0] != "lost")
    details = found.parent.subscription_details if found.parent else None
    moments = found.status_transitions
    period_start, period_end = _period(found)
    return ProviderInvoice(
        id=str(found.id),
        status=found.status or "draft",
        currency=found.currency.upper(),
        subscription_id=_id_of(details.subscription) if details else None,
        subtotal_minor=found.subtotal,
        total_minor=found.total,
        created_at=_time(found.created),
        number=found.number,
        tax_minor=sum(tax.amount for tax in found.total_taxes or ()),
        paid_minor=found.amount_paid,
        refunded_minor=sum(refunded for _, refunded, _, _ in paid_by),
        dispute=disputes[0][0] if disputes else None,
        disputed_at=disputes[0][1] if disputes else None,
        attempted=found.attempted,
        period_start=period_start,
        period_end=period_end,
        issued_at=_at(moments.finalized_at),
        due_at=_at(found.due_date),
        paid_at=_at(moments.paid_at),
        hosted_url=found.hosted_invoice_url,
        pdf_url=found.invoice_pdf,
        payment_ids=(*intents, *(charge for charge, _, _, _ in paid_by)),
    )


def _payment_intents(found: stripe.Invoice) -> list[str]:
    """Those that paid for it."""
    payments = found.payments.data if found.payments else ()
    return [str(_id_of(p.payment.payment_intent)) for p in payments if p.payment.payment_intent]


def _period(found: stripe.Invoice) -> tuple[datetime, datetime]:
    """What the invoice is for: its own period is that of the time before it."""
    lines = [line.period for line in found.lines.data] if found.lines else []
    starts, ends = [line.start for line in lines], [line.end for line in lines]
    return _time(min(starts, default=found.period_start)), _time(max(ends, default=found.period_end))


def _id_of(found: Any) -> str | None:
    """Of a thing that Stripe gives by id, or whole."""
    return found if found is None or isinstance(found, str) else found.id


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _at(seconds: int | None) -> datetime | None:
    return None if seconds is None else _time(seconds)
