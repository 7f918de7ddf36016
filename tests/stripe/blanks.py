"""Whole objects: each field that the SDK's class describes is there, null or empty where nothing was given.

So the simulator's modules say only what they decide, and a new field of a new API version appears by itself.
"""

from functools import cache
from typing import Any, Literal, get_args, get_origin

import msgspec

import stripe
from stripe import ListObject, StripeObject
from tests.stripe.annotations import resolve
from tests.stripe.responses import Check, fields_of, is_optional, object_of

# Fields that Stripe leaves out rather than null: only given on `expand`, or only for the kind at hand.
ABSENT = {
    "deleted", "sources", "subscriptions", "tax_ids", "cash_balance", "line_items", "refunds", "tiers", "currency_options",
    "payments", "authorization_code", "customer_account", "current_trial", "presentment_details", "managed_payments",
    "client_secret", "quantity_decimal", "invoice_credit_balance", "payment_record", "tax",
}  # fmt: skip

CLASSES: dict[str, type[StripeObject]] = {
    "billing.meter": stripe.billing.Meter,
    "billing.meter_event": stripe.billing.MeterEvent,
    "billing.meter_event_summary": stripe.billing.MeterEventSummary,
    "billing_portal.configuration": stripe.billing_portal.Configuration,
    "billing_portal.session": stripe.billing_portal.Session,
    "charge": stripe.Charge,
    "checkout.session": stripe.checkout.Session,
    "credit_note": stripe.CreditNote,
    "credit_note_line_item": stripe.CreditNoteLineItem,
    "customer": stripe.Customer,
    "customer_balance_transaction": stripe.CustomerBalanceTransaction,
    "dispute": stripe.Dispute,
    "event": stripe.Event,
    "invoice": stripe.Invoice,
    "invoice_payment": stripe.InvoicePayment,
    "invoiceitem": stripe.InvoiceItem,
    "item": stripe.LineItem,
    "line_item": stripe.InvoiceLineItem,
    "payment_intent": stripe.PaymentIntent,
    "payment_method": stripe.PaymentMethod,
    "plan": stripe.Plan,
    "price": stripe.Price,
    "product": stripe.Product,
    "refund": stripe.Refund,
    "setup_intent": stripe.SetupIntent,
    "subscription": stripe.Subscription,
    "subscription_item": stripe.SubscriptionItem,
    "subscription_schedule": stripe.SubscriptionSchedule,
    "tax_id": stripe.TaxId,
    "test_helpers.test_clock": stripe.test_helpers.TestClock,
    "webhook_endpoint": stripe.WebhookEndpoint,
}


def check_of(kind: str) -> Check:
    """The check of an object by its `object`."""
    return object_of(CLASSES[kind])


def blank(kind: str, **values: Any) -> dict[str, Any]:
    """An object of the kind with these values, and nothing where nothing is given."""
    return msgspec.msgpack.decode(_template(kind)) | values


def part(kind: str, *path: str, **values: Any) -> dict[str, Any]:
    """A part of an object, like `part("invoice", "parent", type=…)`, whole in the same way."""
    return msgspec.msgpack.decode(_part(kind, path)) | values


def page(url: str, data: list[Any], *, has_more: bool = False) -> dict[str, Any]:
    """A list as Stripe answers it."""
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


@cache
def _template(kind: str) -> bytes:
    return msgspec.msgpack.encode(_blank_of(CLASSES[kind], skip_types=kind == "payment_method"))


@cache
def _part(kind: str, path: tuple[str, ...]) -> bytes:
    cls: Any = CLASSES[kind]
    for name in path:
        cls = _class_in(fields_of(cls)[name], cls.__module__)
    return msgspec.msgpack.encode(_blank_of(cls))


def _class_in(annotation: Any, module: str) -> type[StripeObject]:
    annotation = resolve(annotation, module)
    if isinstance(annotation, type) and issubclass(annotation, StripeObject):
        return annotation
    for each in get_args(annotation):
        if each is not type(None):
            return _class_in(each, module)
    raise TypeError(f"no class in {annotation!r}")


def _blank_of(cls: type[StripeObject], *, skip_types: bool = False) -> dict[str, Any]:
    found = {}
    for name, annotation in fields_of(cls).items():
        annotation = resolve(annotation, cls.__module__)
        if is_optional(annotation):
            if name not in ABSENT and not (skip_types and name not in ("customer", "metadata", "allow_redisplay")):
                found[name] = {} if name == "metadata" else None
        else:
            value = _blank_value(annotation, cls.__module__)
            if value is not _GIVEN:
                found[name] = value
    return found


_GIVEN = object()  # must be given: text and numbers have no natural blank


def _blank_value(annotation: Any, module: str) -> Any:
    origin = get_origin(annotation)
    if annotation is bool:
        return False
    if annotation is int:
        return 0
    if origin is Literal and len(get_args(annotation)) == 1:
        return get_args(annotation)[0]
    if origin is list:
        return []
    if (
        origin is not None
        and origin is not ListObject
        and isinstance(origin, type)
        and issubclass(origin, StripeObject)
    ):
        return {}  # UntypedStripeObject
    if isinstance(annotation, type) and issubclass(annotation, StripeObject) and "id" not in fields_of(annotation):
        return _blank_of(annotation)
    return _GIVEN
