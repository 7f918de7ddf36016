"""What billing asks of whoever collects the money, and the words in which it is answered.

Two satisfy it: Stripe (`server.billing.gateway`) and *transfer*, where we write the invoice ourselves. A provider is
asked for a customer's present state whole, and for single acts that each bear a key: the same key is the same act,
however often it is sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

from server.billing.plans import Interval, Plan
from server.errors import AppError, Busy

ENDED: Final = frozenset({"canceled", "incomplete_expired"})
"""Statuses of subscriptions that nothing revives."""
NEVER_BEGAN: Final = frozenset({"incomplete", "incomplete_expired"})
"""Of those whose first payment has not come: they entitle to nothing."""


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a subscription. Periods are its own."""

    id: str
    price_id: str
    lookup_key: str | None
    """None: a price that has none, so not one of ours."""
    quantity: int
    period_start: datetime
    period_end: datetime


@dataclass(frozen=True, slots=True)
class Scheduled:
    """What a subscription will be from a moment on."""

    at: datetime
    price_id: str
    lookup_key: str | None
    quantity: int


@dataclass(frozen=True, slots=True)
class ProviderSubscription:
    """A subscription as the provider has it now."""

    id: str
    status: str
    currency: str
    items: tuple[Item, ...]
    created_at: datetime
    started_at: datetime
    cancel_at: datetime | None = None
    ended_at: datetime | None = None
    trial_ends_at: datetime | None = None
    schedule_id: str | None = None
    scheduled: Scheduled | None = None
    by_invoice: bool = False
    """The customer is sent invoices, with days to pay, rather than charged."""


@dataclass(frozen=True, slots=True)
class ProviderInvoice:
    """An invoice as the provider has it now. Amounts are in minor units."""

    id: str
    status: str
    currency: str
    subscription_id: str | None
    subtotal_minor: int
    total_minor: int
    created_at: datetime
    number: str | None = None
    tax_minor: int = 0
    paid_minor: int = 0
    refunded_minor: int = 0
    dispute: str | None = None
    """How a dispute over its payment stands, in the provider's word; `lost`: the bank took the money back."""
    disputed_at: datetime | None = None
    attempted: bool = False
    """A payment was tried."""
    period_start: datetime | None = None
    period_end: datetime | None = None
    issued_at: datetime | None = None
    due_at: datetime | None = None
    """None: at once."""
    paid_at: datetime | None = None
    hosted_url: str | None = None
    pdf_url: str | None = None
    payment_ids: tuple[str, ...] = ()
    """What paid for it, by the provider's ids."""


@dataclass(frozen=True, slots=True)
class CustomerState:
    """All that the provider knows of a customer, read at one time."""

    customer_id: str
    deleted: bool
    """Somebody deleted the customer with the provider; its subscriptions have ended by that."""
    subscriptions: tuple[ProviderSubscription, ...] = ()
    invoices: tuple[ProviderInvoice, ...] = ()
    name: str | None = None
    email: str | None = None
    address: Mapping[str, str] = field(default_factory=dict)
    tax_ids: tuple[tuple[str, str], ...] = ()
    """(type, value), such as ("eu_vat", "DE123456789")."""


@dataclass(frozen=True, slots=True)
class CustomerDetails:
    """What stands on a customer's invoices."""

    tenant_id: UUID
    slug: str
    email: str
    language: str
    name: str | None = None
    address: Mapping[str, str] = field(default_factory=dict)
    tax_ids: tuple[tuple[str, str], ...] = ()
    purchase_order: str | None = None
    contract_number: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """What a subscription is to become."""

    plan: Plan
    interval: Interval
    currency: str
    seats: int

    @property
    def lookup_key(self) -> str:
        """The price's."""
        return self.plan.lookup_key(self.interval, self.currency)


@dataclass(frozen=True, slots=True)
class Checkout:
    """An order that the customer completes on the provider's pages."""

    customer_id: str
    tenant_id: UUID
    target: Target
    free_until: datetime | None
    """The rest of the trial is not charged."""
    free_days: int | None
    """The same where the rest is too short for a moment: whole days."""
    success_url: str
    cancel_url: str
    language: str


@dataclass(frozen=True, slots=True)
class Link:
    """A page of the provider's, for the customer's browser."""

    id: str
    url: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PreviewLine:
    """One line of what a change would cost; credits are negative."""

    text: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class ProviderPreview:
    """What a change at that moment would be invoiced with."""

    at: datetime
    currency: str
    lines: tuple[PreviewLine, ...]
    subtotal_minor: int
    tax_minor: int
    due_minor: int


class Provider(Protocol):
    """Whoever collects the money. Every act raises the errors below, and no others.

    `key` names the act for ever. Repeated, it is answered as the first time, and nothing happens again.
    """

    async def fetch_customer_state(self, customer_id: str) -> CustomerState:
        """All that is known of a customer now."""

    async def create_customer(self, details: CustomerDetails, key: str) -> str:
        """Make a customer; answers its id."""

    async def update_customer(self, customer_id: str, details: CustomerDetails, key: str) -> None:
        """Have the customer's future invoices bear these details."""

    async def create_checkout(self, order: Checkout, key: str) -> Link:
        """A page on which the customer subscribes and pays."""

    async def close_checkout(self, checkout_id: str, key: str) -> bool:
        """Close that page; True where the customer has completed it already, and so has subscribed."""

    async def open_portal(self, customer_id: str, return_url: str, language: str, key: str) -> Link:
        """A page for cards, tax ids, invoices and cancelling. Plan and quantity stay as they are there."""

    async def preview_change(
        self, customer_id: str, subscription: ProviderSubscription, target: Target, at: datetime
    ) -> ProviderPreview:
        """What `change_now` at that moment would cost."""

    async def change_now(
        self, subscription: ProviderSubscription, target: Target, at: datetime, *, invoice: bool, key: str
    ) -> None:
        """Change plan, interval or seats at once, with the time left set off; what was scheduled is withdrawn.

        Args:
            subscription: as it is now.
            target: as it shall be.
            at: the moment from which the time left counts: that of the preview.
            invoice: charge it now; else it waits for the next invoice.
            key: names the act.

        Raises:
            PaymentDeclined: and nothing has changed.
        """

    async def schedule_change(self, subscription: ProviderSubscription, target: Target, key: str) -> None:
        """Change it at the end of the period; in place of what was scheduled."""

    async def withdraw_change(self, subscription: ProviderSubscription, key: str) -> None:
        """Let the subscription go on as it is."""

    async def cancel(self, subscription: ProviderSubscription, key: str) -> None:
        """End it with the period that is paid for."""

    async def resume(self, subscription: ProviderSubscription, key: str) -> None:
        """Take a cancellation back that has not come true."""

    async def end_now(self, subscription: ProviderSubscription, key: str) -> None:
        """End it at once: the tenant is deleted."""


class PaymentServiceDown(Busy):
    """The payment service does not answer, or not in time. Nothing is charged twice."""

    status = 503
    code = "payment_service_down"

    def __init__(
        self,
        message: str = "The payment service does not answer just now. Your work goes on; try again in a moment.",
        *,
        retry_after_s: int = 30,
    ) -> None:
        super().__init__(message, retry_after_s=retry_after_s)


class PaymentServiceUnclear(PaymentServiceDown):
    """The payment service broke off while it was at it. We find out what became of it, and finish it by ourselves."""

    code = "payment_service_unclear"

    def __init__(self) -> None:
        super().__init__(
            "The payment service broke off while it was at it. We ask again under the same number, so nothing is "
            "charged twice, and finish it by ourselves: look again in a minute.",
            retry_after_s=60,
        )


class PaymentDeclined(AppError):
    """The payment was declined; nothing has changed."""

    status = 402
    code = "payment_declined"

    def __init__(self, words: str, reason: str | None = None) -> None:
        extra: dict[str, Any] = {"reason": reason} if reason else {}
        super().__init__(
            f"The payment was declined: {words} Nothing has changed. Enter another card, or ask your bank.",
            **extra,
        )


class PaymentServiceRefused(AppError):
    """The payment service does not accept what it was asked; nothing has changed."""

    status = 409
    code = "payment_service_refused"

    def __init__(self, words: str) -> None:
        super().__init__(f"The payment service refused: {words} Nothing has changed; tell your operator.")


class PaymentsNotSetUp(AppError):
    """This installation takes no payments, or has the wrong key for it."""

    status = 503
    code = "payments_not_set_up"

    def __init__(self) -> None:
        super().__init__("Payments are not set up here. Everything else works; tell your operator.")


_providers: dict[str, Provider] = {}


def use(name: str, provider: Provider | None) -> None:
    """Make this the process's provider of that name (at start-up; None at shutdown)."""
    if provider is None:
        _providers.pop(name, None)
    else:
        _providers[name] = provider


def find_provider(name: str) -> Provider | None:
    """The provider of that name; None where the operator has not set it up."""
    return _providers.get(name)


def get_provider(name: str) -> Provider:
    """The provider of that name.

    Raises:
        PaymentsNotSetUp: the operator has not set it up.
    """
    provider = _providers.get(name)
    if provider is None:
        raise PaymentsNotSetUp
    return provider
