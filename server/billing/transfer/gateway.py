"""The provider that is ourselves (`server.billing.provider.Provider`).

Like any provider it is asked outside of transactions, and opens its own: what it knows is ours, and in the same
database, but it is nobody else's to write.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from outrider_sdk.protocol.ids import uuid7

from server import clock
from server.billing.provider import (
    Checkout,
    CustomerDetails,
    CustomerState,
    Item,
    Link,
    PaymentServiceRefused,
    PreviewLine,
    ProviderInvoice,
    ProviderPreview,
    ProviderSubscription,
    Scheduled,
    Target,
)
from server.billing.transfer import store
from server.billing.transfer.invoice import amounts_of, line_document
from server.billing.transfer.periods import period_of
from server.billing.transfer.proration import Line, Terms, change_lines, period_line, settle
from server.billing.transfer.seller import Seller
from server.billing.transfer.store import Planned, TransferSubscription
from server.db import platform_transaction


class TransferGateway:
    """Invoices by us, paid by bank transfer."""

    def __init__(self, seller: Seller) -> None:
        self.seller = seller

    async def fetch_customer_state(self, customer_id: str) -> CustomerState:
        """All that we know of a customer now."""
        tenant_id = store.tenant_of(customer_id)
        async with platform_transaction():
            _, details = await store.get_details(tenant_id)
            subscriptions = await store.list_subscriptions(tenant_id)
            invoices = await store.list_invoices(tenant_id)
        return CustomerState(
            customer_id, deleted=False,
            subscriptions=tuple(_as_provider(each) for each in subscriptions),
            invoices=tuple(_read_invoice(row) for row in invoices),
            name=details.legal_name, email=details.email, address=details.address, tax_ids=details.tax_ids,
        )  # fmt: skip

    async def create_customer(self, details: CustomerDetails, key: str) -> str:
        """Nothing to make: the account is the customer."""
        return store.customer_of(details.tenant_id)

    async def update_customer(self, customer_id: str, details: CustomerDetails, key: str) -> None:
        """Nothing to tell: invoices are written from the account as it is."""

    async def create_checkout(self, order: Checkout, key: str) -> Link:
        """Order: the subscription begins, and its first invoice is written, at once; there is nothing to pay online."""
        async with self._act(key) as is_new:
            if is_new:
                await self._begin(order)
        return Link(f"transfer:{key}", order.success_url)

    async def _begin(self, order: Checkout) -> None:
        if await store.find_live(order.tenant_id) is not None:
            raise PaymentServiceRefused("there is a subscription already: change that one.")
        now, target = clock.now(), order.target
        start = order.free_until or now + timedelta(days=order.free_days or 0)
        _, details = await store.get_details(order.tenant_id)
        terms = Terms(target.plan, target.interval, target.currency, target.seats)
        made = TransferSubscription(
            f"ts_{uuid7().hex}", order.tenant_id, terms, details.timezone,
            max(start, now), now,
        )  # fmt: skip
        await self.invoice_period(made)

    async def close_checkout(self, checkout_id: str, key: str) -> bool:
        """Nothing to close: an order of ours is complete at once."""
        return True

    async def open_portal(self, customer_id: str, return_url: str, language: str, key: str) -> Link:
        """There are no cards: all there is stands on our own pages."""
        return Link(f"transfer:{key}", return_url)

    async def preview_change(
        self, customer_id: str, subscription: ProviderSubscription, target: Target, at: datetime
    ) -> ProviderPreview:
        """What `change_now` at that moment would be invoiced with."""
        async with platform_transaction():
            found = (await store.find_unpaid_renewal(await store.get_locked(subscription.id))).without
            _, details = await store.get_details(found.tenant_id)
        lines, _ = settle([*found.waiting, *_change(found, target, at)[1]])
        amounts = amounts_of(lines, self.seller)
        told = [line_document(line, details.language, details.timezone) for line in lines]
        return ProviderPreview(
            at, target.currency, tuple(PreviewLine(each["text"], each["amount_minor"]) for each in told),
            amounts.subtotal_minor, amounts.tax_minor, amounts.total_minor,
        )  # fmt: skip

    async def change_now(
        self, subscription: ProviderSubscription, target: Target, at: datetime, *, invoice: bool, key: str
    ) -> None:
        """Change it at once; what it costs is invoiced, or waits for the next invoice."""
        async with self._act(key) as is_new:
            if not is_new:
                return
            found = await store.find_unpaid_renewal(await store.get_locked(subscription.id))
            changed, lines = _change(await store.take_back(found), target, at)
            lines = (*changed.waiting, *lines)
            if invoice and lines:
                invoiced, waiting = settle(lines)
                await store.issue_invoice(
                    changed, invoiced, period=changed.period_at(changed.period), seller=self.seller,
                    due_at=clock.now() + timedelta(days=self.seller.due_days),
                )  # fmt: skip
                lines = waiting
            await store.store(replace(changed, waiting=lines))

    async def schedule_change(self, subscription: ProviderSubscription, target: Target, key: str) -> None:
        """Change it after the last period that is paid, or to be; an unpaid invoice for the next one is taken back."""
        async with self._act(key) as is_new:
            if is_new:
                found = await self._without_renewal(subscription.id)
                terms = Terms(target.plan, target.interval, target.currency, target.seats)
                await store.store(replace(found, scheduled=Planned(terms, found.invoiced_periods)))

    async def withdraw_change(self, subscription: ProviderSubscription, key: str) -> None:
        """Let it go on as it is."""
        async with self._act(key) as is_new:
            if is_new:
                await store.store(replace(await store.get_locked(subscription.id), scheduled=None))

    async def cancel(self, subscription: ProviderSubscription, key: str) -> None:
        """End it with the last period that is invoiced; an unpaid invoice for the next one is taken back."""
        async with self._act(key) as is_new:
            if is_new:
                found = await self._without_renewal(subscription.id)
                await store.store(replace(found, scheduled=None, ends_after_period=found.invoiced_periods - 1))

    async def resume(self, subscription: ProviderSubscription, key: str) -> None:
        """Let it go on after all."""
        async with self._act(key) as is_new:
            if is_new:
                await store.store(replace(await store.get_locked(subscription.id), ends_after_period=None))

    async def end_now(self, subscription: ProviderSubscription, key: str) -> None:
        """End it at once. What is open stays owed."""
        async with self._act(key) as is_new:
            if is_new:
                found = await store.get_locked(subscription.id)
                await store.store(replace(found, ended_at=clock.now(), scheduled=None))

    async def _without_renewal(self, subscription_id: str) -> TransferSubscription:
        return await store.take_back(await store.find_unpaid_renewal(await store.get_locked(subscription_id)))

    @asynccontextmanager
    async def _act(self, key: str) -> AsyncIterator[bool]:
        """A transaction in which an act is done, unless it was: its key and its doing are committed together."""
        async with platform_transaction():
            yield await store.begin_act(key)

    async def invoice_period(self, subscription: TransferSubscription) -> TransferSubscription:
        """Write the invoice of the next period that has none, with what waits (in an open platform transaction)."""
        number = subscription.invoiced_periods
        period = subscription.period_at(number)
        lines, waiting = settle([*subscription.waiting, period_line(subscription.terms_of(number), period)])
        due_at = max(period.start, clock.now() + timedelta(days=self.seller.due_days))
        await store.store(subscription)
        await store.issue_invoice(subscription, lines, period=period, due_at=due_at, seller=self.seller)
        done = replace(subscription, invoiced_periods=number + 1, waiting=waiting)
        await store.store(done)
        return done


def _change(
    found: TransferSubscription, target: Target, at: datetime
) -> tuple[TransferSubscription, tuple[Line, ...]]:  # fmt: skip
    """The subscription after a change at a moment, and what it costs."""
    terms = Terms(target.plan, target.interval, target.currency, target.seats)
    lines = change_lines(found.invoiced, terms, at, period_of(at, terms.interval, found.timezone, 0))
    if terms.interval is not found.terms.interval:
        return replace(found, terms=terms, scheduled=None, anchor_at=at, period=0, invoiced_periods=1), lines
    kept = sum(before.interval is terms.interval for before, _ in found.invoiced)
    return replace(found, terms=terms, scheduled=None, invoiced_periods=found.period + kept), lines


def _as_provider(found: TransferSubscription) -> ProviderSubscription:
    period, key = found.period_at(found.period), store.key_of(found.terms)
    planned = found.scheduled
    scheduled = None
    if planned is not None:
        planned_key, at = store.key_of(planned.terms), found.period_at(planned.period).start
        scheduled = Scheduled(at, planned_key, planned_key, planned.terms.seats)
    return ProviderSubscription(
        found.id, "canceled" if found.ended_at else "active", found.terms.currency,
        (Item(f"{found.id}_item", key, key, found.terms.seats, period.start, period.end),),
        found.created_at, found.anchor_at, found.cancel_at if found.ended_at is None else None, found.ended_at,
        scheduled=scheduled, by_invoice=True,
    )  # fmt: skip


def _read_invoice(row: Any) -> ProviderInvoice:
    return ProviderInvoice(
        row["id"], row["status"], row["currency"], row["subscription_id"], row["subtotal_minor"], row["total_minor"],
        row["created_at"], row["number"], row["tax_minor"], row["paid_minor"], row["refunded_minor"],
        period_start=row["period_start"], period_end=row["period_end"], issued_at=row["issued_at"],
        due_at=row["due_at"], paid_at=row["paid_at"],
    )  # fmt: skip
