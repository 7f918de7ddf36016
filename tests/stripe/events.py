"""Events as the API lists them, and the thin ones, which name only what changed. Kept for 30 days, as Stripe does."""

from datetime import UTC, datetime
from fnmatch import fnmatchcase

import msgspec

from tests.stripe.errors import missing
from tests.stripe.routes import LISTING, route
from tests.stripe.world import DAY, Object, World, listed

KEPT_SECONDS = 30 * DAY
_PATHS = {
    "customer": "/v1/customers", "subscription": "/v1/subscriptions", "invoice": "/v1/invoices", "charge": "/v1/charges",
    "price": "/v1/prices", "product": "/v1/products", "payment_method": "/v1/payment_methods", "refund": "/v1/refunds",
    "payment_intent": "/v1/payment_intents", "dispute": "/v1/disputes", "checkout.session": "/v1/checkout/sessions",
    "subscription_schedule": "/v1/subscription_schedules", "billing.meter": "/v1/billing/meters",
    "invoice_payment": "/v1/invoice_payments", "invoiceitem": "/v1/invoiceitems",
}  # fmt: skip


def shown(event: Object) -> Object:
    """An event with its object decoded."""
    decoded: Object = msgspec.json.decode(msgspec.json.encode(event))
    return decoded


def _kept(world: World, event: Object) -> bool:
    return bool(event["created"] > world.now() - KEPT_SECONDS)


@route("get /v1/events/{}")
def get_event(world: World, params: Object, event_id: str) -> Object:
    event = world.get("event", event_id)
    if not _kept(world, event):
        raise missing("event", event_id)
    return shown(event)


@route("get /v1/events", f"{LISTING} type types created delivery_success")
def list_events(world: World, params: Object) -> Object:
    patterns = params.get("types") or [params.get("type", "*")]
    delivered = params.get("delivery_success")
    found = (
        each
        for each in world.select("event")
        if _kept(world, each)
        and any(fnmatchcase(each["type"], pattern) for pattern in patterns)
        and (delivered is None or (each["id"] in world.undelivered) != delivered)
    )
    page = listed(found, params, "/v1/events")
    page["data"] = [shown(each) for each in page["data"]]
    return page


def thin_id(event: Object) -> str:
    """The id of the thin event beside a snapshot event."""
    return "evt_thin_" + str(event["id"]).removeprefix("evt_")


def _moment(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def notification(event: Object) -> Object:
    """What a thin delivery says: no more than which object of which kind."""
    about = msgspec.json.decode(event["data"]["object"])
    path = _PATHS.get(about["object"])
    related = None
    if path is not None and "id" in about:
        related = {"id": about["id"], "type": about["object"], "url": f"{path}/{about['id']}"}
    return {
        "id": thin_id(event), "object": "v2.core.event", "type": f"v1.{event['type']}", "livemode": False,
        "created": _moment(event["created"]), "context": None, "related_object": related, "reason": None,
    }  # fmt: skip


def _whole(world: World, event: Object) -> Object:
    """A thin event as the API answers it."""
    thin = notification(event)
    thin["snapshot_event"] = event["id"]
    request = event["request"]
    if request and request["idempotency_key"]:
        thin["reason"] = {"type": "request", "request": request}
    thin["changes"] = None
    return thin


@route("get /v2/core/events/{}")
def get_thin_event(world: World, params: Object, event_id: str) -> Object:
    event = world.get("event", "evt_" + event_id.removeprefix("evt_thin_"))
    return _whole(world, event)
