"""What we ask Stripe to do. Every request bears a key made of the act's, so that no repetition does it twice."""

from datetime import UTC, datetime
from typing import Any, Final

import stripe

from server.billing.gateway.client import Clients, StripeSettings, asked
from server.billing.gateway.state import fetch_customer_state, find_subscription_schedule
from server.billing.provider import (
    Checkout,
    CustomerDetails,
    CustomerState,
    Link,
    PaymentServiceRefused,
    PreviewLine,
    ProviderPreview,
    ProviderSubscription,
    Target,
)

PORTAL_NAME: Final = "Outrider"
"""Of the portal's configuration, made once."""


class StripeGateway:
    """The provider that is Stripe (`server.billing.provider.Provider`)."""

    def __init__(self, settings: StripeSettings) -> None:
        self._clients = Clients(settings)
        self._price_ids: dict[str, str] = {}
        self._portal_id: str | None = None

    @property
    def client(self) -> stripe.StripeClient:
        """The SDK's client, on the running loop."""
        return self._clients.here()

    async def close(self) -> None:
        """Close what was opened on the running loop."""
        await self._clients.close()

    async def fetch_customer_state(self, customer_id: str) -> CustomerState:
        """All that Stripe knows of a customer now."""
        return await fetch_customer_state(self.client, customer_id)

    async def create_customer(self, details: CustomerDetails, key: str) -> str:
        """Make a customer; answers its id."""
        params: Any = _customer_params(details) | {
            "metadata": {"tenant_id": str(details.tenant_id), "slug": details.slug},
            "tax_id_data": [{"type": kind, "value": value} for kind, value in details.tax_ids],
        }
        customer = await asked(self.client.v1.customers.create_async(params, _key(key)), acting=True)
        return customer.id

    async def update_customer(self, customer_id: str, details: CustomerDetails, key: str) -> None:
        """Have the customer's future invoices bear these details; tax ids become exactly these."""
        params: Any = _customer_params(details)
        await asked(self.client.v1.customers.update_async(customer_id, params, _key(key)), acting=True)
        found = await asked(self.client.v1.customers.tax_ids.list_async(customer_id, {"limit": 20}))
        there = {(each.type, each.value): each.id for each in found.data}
        for gone in there.keys() - set(details.tax_ids):
            call = self.client.v1.customers.tax_ids.delete_async(customer_id, there[gone])
            await asked(call, acting=True)
        for kind, value in [each for each in details.tax_ids if each not in there]:
            wanted: Any = {"type": kind, "value": value}
            call = self.client.v1.customers.tax_ids.create_async(customer_id, wanted, _key(key, kind, value))
            await asked(call, acting=True)

    async def create_checkout(self, order: Checkout, key: str) -> Link:
        """A page on which the customer subscribes and pays."""
        subscription: dict[str, Any] = {
            "billing_mode": {"type": "flexible"},
            "metadata": {"tenant_id": str(order.tenant_id)},
        }
        if order.free_until is not None:
            subscription["trial_end"] = round(order.free_until.timestamp())
        elif order.free_days is not None:
            subscription["trial_period_days"] = order.free_days
        params: Any = {
            "mode": "subscription",
            "customer": order.customer_id,
            "client_reference_id": str(order.tenant_id),
            "line_items": [{"price": await self._price_id(order.target.lookup_key), "quantity": order.target.seats}],
            "subscription_data": subscription,
            "payment_method_collection": "always",
            "billing_address_collection": "required",
            "tax_id_collection": {"enabled": True},
            "customer_update": {"name": "auto", "address": "auto"},
            "locale": order.language,
            "success_url": order.success_url,
            "cancel_url": order.cancel_url,
        }
        session = await asked(self.client.v1.checkout.sessions.create_async(params, _key(key)), acting=True)
        if session.url is None:
            raise PaymentServiceRefused("it gave no page to pay on.")
        return Link(session.id, session.url, datetime.fromtimestamp(session.expires_at, UTC))

    async def close_checkout(self, checkout_id: str, key: str) -> bool:
        """Close that page; True where the customer has completed it already, and so has subscribed."""
        sessions = self.client.v1.checkout.sessions
        session = await asked(sessions.retrieve_async(checkout_id))
        if session.status == "open":
            await asked(sessions.expire_async(checkout_id, {}, _key(key, "close", checkout_id)), acting=True)
        return session.status == "complete"

    async def open_portal(self, customer_id: str, return_url: str, language: str, key: str) -> Link:
        """A page for cards, tax ids, invoices and cancelling."""
        params: Any = {
            "customer": customer_id,
            "configuration": await self._portal(),
            "return_url": return_url,
            "locale": language,
        }
        session = await asked(self.client.v1.billing_portal.sessions.create_async(params, _key(key)), acting=True)
        return Link(session.id, session.url)

    async def preview_change(
        self, customer_id: str, subscription: ProviderSubscription, target: Target, at: datetime
    ) -> ProviderPreview:
        """What `change_now` at that moment would cost."""
        params: Any = {
            "customer": customer_id,
            "subscription": subscription.id,
            "subscription_details": {
                "items": [await self._item(subscription, target)],
                "proration_behavior": "always_invoice",
                "proration_date": round(at.timestamp()),
            },
        }
        invoice = await asked(self.client.v1.invoices.create_preview_async(params))
        return ProviderPreview(
            at,
            invoice.currency.upper(),
            tuple(PreviewLine(line.description or "", line.amount) for line in invoice.lines.data),
            invoice.subtotal,
            sum(tax.amount for tax in invoice.total_taxes or ()),
            invoice.amount_due,
        )

    async def change_now(
        self, subscription: ProviderSubscription, target: Target, at: datetime, *, invoice: bool, key: str
    ) -> None:
        """Change it at once; a payment that is declined changes nothing."""
        await self.withdraw_change(subscription, key)
        params: dict[str, Any] = {
            "items": [await self._item(subscription, target)],
            "proration_behavior": "always_invoice" if invoice else "create_prorations",
            "proration_date": round(at.timestamp()),
        }
        if not subscription.by_invoice:
            params["payment_behavior"] = "error_if_incomplete"
        await self._update(subscription, params, key)

    async def schedule_change(self, subscription: ProviderSubscription, target: Target, key: str) -> None:
        """Change it at the end of the period; in place of what was scheduled."""
        schedules = self.client.v1.subscription_schedules
        schedule_id = await find_subscription_schedule(self.client, subscription.id)
        if schedule_id is None:
            start: Any = {"from_subscription": subscription.id}
            schedule = await asked(schedules.create_async(start, _key(key, "create")), acting=True)
        else:
            schedule = await asked(schedules.retrieve_async(schedule_id))
        phase = _present_phase(schedule)
        present: dict[str, Any] = {
            "start_date": phase.start_date,
            "end_date": round(
                subscription.items[0].period_end.timestamp()
            ),  # its own may be a day before, after the 31st
            "items": [{"price": item.price_id, "quantity": item.quantity} for item in subscription.items],
        }
        if phase.trial_end:
            present["trial_end"] = phase.trial_end
        following = {
            "items": [{"price": await self._price_id(target.lookup_key), "quantity": target.seats}],
            "duration": {"interval": target.interval.value, "interval_count": 1},
        }
        params: Any = {
            "phases": [present, following],
            "end_behavior": "release",
            "proration_behavior": "none",
        }
        await asked(schedules.update_async(schedule.id, params, _key(key, "update")), acting=True)

    async def withdraw_change(self, subscription: ProviderSubscription, key: str) -> None:
        """Let the subscription go on as it is."""
        schedule_id = await find_subscription_schedule(self.client, subscription.id)
        if schedule_id is not None:
            call = self.client.v1.subscription_schedules.release_async(schedule_id, {}, _key(key, "release"))
            await asked(call, acting=True)

    async def cancel(self, subscription: ProviderSubscription, key: str) -> None:
        """End it with the period that is paid for."""
        await self.withdraw_change(subscription, key)
        await self._update(subscription, {"cancel_at_period_end": True}, key)

    async def resume(self, subscription: ProviderSubscription, key: str) -> None:
        """Take a cancellation back that has not come true."""
        now = await asked(self.client.v1.subscriptions.retrieve_async(subscription.id))
        by_period = now.cancel_at_period_end or now.cancel_at is None
        await self._update(subscription, {"cancel_at_period_end": False} if by_period else {"cancel_at": ""}, key)

    async def end_now(self, subscription: ProviderSubscription, key: str) -> None:
        """End it at once, without a final invoice."""
        call = self.client.v1.subscriptions.cancel_async(subscription.id, {}, _key(key))
        await asked(call, acting=True)

    async def _update(self, subscription: ProviderSubscription, params: Any, key: str) -> None:
        call = self.client.v1.subscriptions.update_async(subscription.id, params, _key(key))
        await asked(call, acting=True)

    async def _item(self, subscription: ProviderSubscription, target: Target) -> dict[str, Any]:
        price_id = await self._price_id(target.lookup_key)
        return {"id": subscription.items[0].id, "price": price_id, "quantity": target.seats}

    async def _price_id(self, lookup_key: str) -> str:
        """Prices never change, so what was read once holds for the life of the process."""
        if lookup_key not in self._price_ids:
            found = await asked(self.client.v1.prices.list_async({"lookup_keys": [lookup_key], "active": True}))
            if not found.data:
                raise PaymentServiceRefused(f"it has no price {lookup_key}: run `outrider billing publish`.")
            self._price_ids[lookup_key] = found.data[0].id
        return self._price_ids[lookup_key]

    async def _portal(self) -> str:
        """The portal's configuration: what we decide ourselves is switched off there."""
        if self._portal_id is None:
            configurations = self.client.v1.billing_portal.configurations
            found = await asked(configurations.list_async({"active": True, "limit": 100}))
            named = [each.id for each in found.data if each.name == PORTAL_NAME]
            self._portal_id = named[0] if named else (await asked(configurations.create_async(_portal_params()))).id
        return self._portal_id


def _portal_params() -> Any:
    return {
        "name": PORTAL_NAME,
        "features": {
            "customer_update": {"enabled": True, "allowed_updates": ["tax_id", "address", "name", "email"]},
            "invoice_history": {"enabled": True},
            "payment_method_update": {"enabled": True},
            "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
            "subscription_update": {"enabled": False},
        },
    }


def _customer_params(details: CustomerDetails) -> dict[str, Any]:
    fields = [
        {"name": name, "value": value[:140]}
        for name, value in (("Purchase order", details.purchase_order), ("Contract", details.contract_number))
        if value
    ]
    params: dict[str, Any] = {
        "email": details.email,
        "preferred_locales": [details.language],
        "invoice_settings": {"custom_fields": fields or ""},
    }
    if details.name:
        params["name"] = details.name
    if details.address:
        params["address"] = dict(details.address)
    return params


def _present_phase(schedule: stripe.SubscriptionSchedule) -> Any:
    present = schedule.current_phase
    for phase in schedule.phases:
        if present is None or phase.start_date == present.start_date:
            return phase
    return schedule.phases[0]


def _key(*parts: str) -> Any:
    """The options of a request that belongs to an act: the key of the act, and which of its requests this is."""
    return {"idempotency_key": ":".join(parts)[:255]}
