"""Subscriptions and their items: made, changed, cancelled, paused, resumed."""

from typing import Any

from tests.stripe.blanks import page, part
from tests.stripe.cards import payment_method_of, usable
from tests.stripe.changes import change_items, check_payable, decide_change
from tests.stripe.errors import StripeProblem, Unmodelled, missing
from tests.stripe.invoicing import attempt
from tests.stripe.lifecycle import (
    ENDED,
    INCOMPLETE_SECONDS,
    bill_now,
    end_subscription,
    interval_of,
    items_of,
    pause,
    period_lines,
    set_period,
    start_trial,
)  # fmt: skip
from tests.stripe.lines import Wanted
from tests.stripe.periods import after, period_at
from tests.stripe.routes import LISTING, route
from tests.stripe.world import DAY, Object, World, listed, merge_metadata

_SHARED = (
    "automatic_tax cancel_at cancel_at_period_end collection_method days_until_due default_payment_method description "
    "invoice_settings items metadata off_session payment_behavior payment_settings proration_behavior trial_end trial_settings"
)


def plan_of(price: Object) -> Object:
    """The old name of a price, which items still carry."""
    recurring = price["recurring"]
    return {
        "id": price["id"], "object": "plan", "active": price["active"], "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"], "billing_scheme": price["billing_scheme"],
        "created": price["created"], "currency": price["currency"], "interval": recurring["interval"],
        "interval_count": recurring["interval_count"], "livemode": False, "metadata": price["metadata"],
        "meter": recurring["meter"], "nickname": price["nickname"], "product": price["product"], "tiers_mode": None,
        "transform_usage": None, "trial_period_days": None, "usage_type": recurring["usage_type"],
    }  # fmt: skip


def price_of(world: World, price_id: str, param: str) -> Object:
    """A price that can be subscribed to."""
    price = world.live("price", price_id, param, status=400)
    if price["recurring"] is None:
        raise StripeProblem("The price specified is set to `type=one_time` but this field only accepts prices with "
                            "`type=recurring`.", param=param)  # fmt: skip
    if not price["active"]:
        raise StripeProblem(
            f"The price specified is inactive. This field only accepts active prices: {price_id}", param=param
        )
    return price


def add_item(world: World, subscription: Object, wanted: Wanted, metadata: Any = None) -> Object:
    """A new item; its period is set with the subscription's."""
    price = wanted.price
    first = next(iter(items_of(subscription)), None)
    if first is not None and first["price"]["recurring"]["interval"] != price["recurring"]["interval"]:
        raise Unmodelled("items of different intervals in one subscription")
    if first is not None and first["price"]["currency"] != price["currency"]:
        raise StripeProblem("All prices on a subscription must have the same currency.", param="items")
    item = world.add(
        "subscription_item", of=subscription, price=price, plan=plan_of(price), subscription=subscription["id"],
        quantity=wanted.quantity if price["recurring"]["usage_type"] == "licensed" else None, metadata=metadata or {},
        tax_rates=[], discounts=[], current_period_start=first["current_period_start"] if first else 0,
        current_period_end=first["current_period_end"] if first else 0,
    )  # fmt: skip
    items_of(subscription).append(item)
    return item


@route("post /v1/subscriptions", f"{_SHARED} billing_cycle_anchor billing_mode currency customer trial_period_days")
def create_subscription(world: World, params: Object) -> Object:
    if "customer" not in params:
        raise StripeProblem("You must pass `customer`.", param="customer", code="parameter_missing")
    customer = world.live("customer", params["customer"], "customer", status=400)
    given = params.get("items")
    if not given:
        raise StripeProblem("You must pass at least one item in `items`.", param="items", code="parameter_missing")
    wanted = [
        Wanted(price_of(world, each["price"], f"items[{i}][price]"), each.get("quantity", 1))
        for i, each in enumerate(given)
    ]
    now = world.now(customer)
    if params.get("billing_cycle_anchor", now) > now:
        raise Unmodelled("a billing_cycle_anchor in the future; use trial_end")
    trial_end = params.get("trial_end")
    if trial_end is None and params.get("trial_period_days"):
        trial_end = now + params["trial_period_days"] * DAY
    automatic = params.get("collection_method", "charge_automatically") == "charge_automatically"
    paying = automatic and trial_end in (None, "now") and sum(each.amount for each in wanted) > 0
    method = params.get("default_payment_method")
    _check_terms(world, customer, params, automatic=automatic, days=params.get("days_until_due"))
    behaviour = params.get("payment_behavior", "allow_incomplete")
    if paying and behaviour != "default_incomplete":
        check_payable(world, customer, {"default_payment_method": method}, sum(each.amount for each in wanted),
                      refuse=behaviour == "error_if_incomplete")  # fmt: skip
    subscription = _new_subscription(world, customer, params, wanted)
    for each, source in zip(wanted, given, strict=True):
        add_item(world, subscription, each, source.get("metadata"))
    _assign(world, subscription, {k: v for k, v in params.items() if k in _ASSIGNED})
    _begin(world, subscription, params, trial_end if trial_end != "now" else None)
    return subscription


def _new_subscription(world: World, customer: Object, params: Object, wanted: list[Wanted]) -> Object:
    now = world.now(customer)
    mode = {"type": "flexible", "flexible": {"proration_discounts": "included"}, "updated_at": None}
    mode |= {key: value for key, value in params.get("billing_mode", {}).items() if key == "type"}
    if mode["type"] == "classic":
        mode["flexible"] = None
    subscription = world.add(
        "subscription", of=customer, customer=customer["id"], currency=params.get("currency", wanted[0].price["currency"]),
        billing_cycle_anchor=params.get("billing_cycle_anchor", now), billing_mode=mode, start_date=now,
        collection_method="charge_automatically", status="incomplete", metadata={}, items=page("", []),
        invoice_settings=part("subscription", "invoice_settings", issuer=part("subscription", "invoice_settings", "issuer", type="self")),
        payment_settings=part("subscription", "payment_settings", save_default_payment_method="off"),
        trial_settings={"end_behavior": {"missing_payment_method": "create_invoice", "billing_cycle_anchor": None}},
        cancellation_details=part("subscription", "cancellation_details"), default_tax_rates=[],
    )  # fmt: skip
    subscription["items"]["url"] = f"/v1/subscription_items?subscription={subscription['id']}"
    return subscription


def _begin(world: World, subscription: Object, params: Object, trial_end: int | None) -> None:
    """The first period or trial, and its invoice."""
    now = world.now(subscription)
    interval, count = interval_of(subscription)
    sent = subscription["collection_method"] == "send_invoice"
    if trial_end is not None:
        start_trial(world, subscription, trial_end)
        world.emit("customer.subscription.created", subscription)
        bill_now(
            world, subscription, period_lines(world, subscription, (now, trial_end), trial=True), "subscription_create"
        )
        return
    anchor = subscription["billing_cycle_anchor"]
    set_period(world, subscription, *period_at(anchor, interval, count, now))
    if sent:
        subscription["status"] = "active"
    world.emit("customer.subscription.created", subscription)
    lines = period_lines(world, subscription, (now, after(anchor, interval, count, 1)))
    if lines:
        invoice = bill_now(world, subscription, lines, "subscription_create")
        if invoice["status"] == "open" and not sent and params.get("payment_behavior") != "default_incomplete":
            attempt(world, invoice)
    elif not sent:
        with world.changing(subscription):
            subscription["status"] = "active"
    if subscription["status"] == "incomplete":
        world.due(now + INCOMPLETE_SECONDS, "incomplete_expired", subscription)


_ASSIGNED = {
    "automatic_tax", "cancel_at", "cancel_at_period_end", "cancellation_details", "collection_method", "days_until_due",
    "default_payment_method", "description", "invoice_settings", "metadata", "pause_collection", "payment_settings",
    "trial_settings",
}  # fmt: skip


def _owned_method(world: World, method_id: str, customer: Object) -> None:
    if payment_method_of(world, method_id, "default_payment_method")["customer"] != customer["id"]:
        raise missing("PaymentMethod", method_id, "default_payment_method", status=400)


def _check_terms(world: World, customer: Object, params: Object, *, automatic: bool, days: int | None) -> None:
    """Refuse before anything is changed."""
    if params.get("default_payment_method"):
        _owned_method(world, params["default_payment_method"], customer)
    if not automatic and days is None:
        raise StripeProblem(
            "You must pass `days_until_due` when `collection_method` is `send_invoice`.", param="days_until_due"
        )
    cancel_at = params.get("cancel_at")
    if isinstance(cancel_at, str) and cancel_at not in ("", "min_period_end", "max_period_end"):
        raise Unmodelled(f"cancel_at={cancel_at}")
    if isinstance(cancel_at, int) and cancel_at <= world.now(customer):
        raise StripeProblem("`cancel_at` must be in the future.", param="cancel_at")


def _assign(world: World, subscription: Object, params: dict[str, Any]) -> None:
    """Fields that change nothing but themselves."""
    for key, value in params.items():
        if key == "metadata":
            subscription["metadata"] = merge_metadata(subscription["metadata"], value)
        elif key in ("invoice_settings", "payment_settings", "cancellation_details", "trial_settings", "automatic_tax"):
            new = {name: None if each == "" else each for name, each in value.items()}
            subscription[key] = (subscription[key] or part("subscription", key)) | new
        elif key in ("cancel_at_period_end", "cancel_at"):
            _plan_end(world, subscription, key, value)
        elif key == "pause_collection":
            subscription[key] = None if value == "" else {"resumes_at": None, **value}
            if value and "resumes_at" in value:
                world.due(value["resumes_at"], "resume_collection", subscription)
        else:
            subscription[key] = None if value == "" else value
    if subscription["collection_method"] == "send_invoice" and subscription["days_until_due"] is None:
        raise StripeProblem(
            "You must pass `days_until_due` when `collection_method` is `send_invoice`.", param="days_until_due"
        )
    if subscription["trial_settings"]:
        subscription["trial_settings"]["end_behavior"].setdefault("billing_cycle_anchor", None)


def _plan_end(world: World, subscription: Object, key: str, value: Any) -> None:
    if isinstance(value, str) and value:
        value = items_of(subscription)[0]["current_period_end"]
    if key == "cancel_at":
        subscription["cancel_at"] = value or None
        subscription["cancel_at_period_end"] = False
        if value:
            world.due(value, "cancel", subscription)
    else:
        subscription["cancel_at_period_end"] = value
        subscription["cancel_at"] = items_of(subscription)[0]["current_period_end"] if value else None
    ending = bool(subscription["cancel_at"])
    subscription["canceled_at"] = (subscription["canceled_at"] or world.now(subscription)) if ending else None
    details = subscription["cancellation_details"] or part("subscription", "cancellation_details")
    subscription["cancellation_details"] = details | {"reason": "cancellation_requested" if ending else None}


@route(
    "post /v1/subscriptions/{}", f"{_SHARED} billing_cycle_anchor cancellation_details pause_collection proration_date"
)  # fmt: skip
def update_subscription(world: World, params: Object, subscription_id: str) -> Object:
    subscription = _get(world, subscription_id)
    if subscription["status"] in ENDED and set(params) - {"metadata", "cancellation_details"}:
        raise StripeProblem("A canceled subscription can only update its cancellation_details and metadata.")
    if subscription["schedule"] and "items" in params:
        raise StripeProblem(
            f"The subscription is managed by the subscription schedule `{subscription['schedule']}`, and updating any "
            "prices, quantities or phases of it directly is not allowed. Please update the schedule instead."
        )
    if subscription["schedule"] and {"cancel_at", "cancel_at_period_end"} & set(params):
        raise StripeProblem(
            f"The subscription is managed by the subscription schedule `{subscription['schedule']}`, and updating any "
            "cancelation behavior directly is not allowed. Please update the schedule instead."
        )
    method = params.get("collection_method", subscription["collection_method"])
    days = params.get("days_until_due", subscription["days_until_due"])
    customer = world.objects[subscription["customer"]]
    if subscription["status"] not in ENDED:
        _check_terms(world, customer, params, automatic=method == "charge_automatically", days=days)
    change = decide_change(world, subscription, params)
    plain = {k: v for k, v in params.items() if k in _ASSIGNED}
    if change is None:
        with world.changing(subscription):
            _assign(world, subscription, plain)
        return subscription
    return change_items(world, subscription, change, lambda: _assign(world, subscription, plain))


def _get(world: World, subscription_id: str) -> Object:
    return world.get("subscription", subscription_id)


@route("get /v1/subscriptions/{}")
def get_subscription(world: World, params: Object, subscription_id: str) -> Object:
    return _get(world, subscription_id)


@route("get /v1/subscriptions", f"{LISTING} customer price status collection_method created test_clock")
def list_subscriptions(world: World, params: Object) -> Object:
    status = params.get("status")
    found = world.select(
        "subscription", customer=params.get("customer"), collection_method=params.get("collection_method"),
        test_clock=params.get("test_clock"), status=status if status not in ("all", "ended") else None,
    )  # fmt: skip
    if status is None:
        found = (each for each in found if each["status"] not in ("canceled", "incomplete_expired"))
    elif status == "ended":
        found = (each for each in found if each["status"] in ENDED)
    if "price" in params:
        found = (each for each in found if any(item["price"]["id"] == params["price"] for item in items_of(each)))
    return listed(found, params, "/v1/subscriptions")


@route("delete /v1/subscriptions/{}", "cancellation_details invoice_now prorate")
def cancel_subscription(world: World, params: Object, subscription_id: str) -> Object:
    subscription = _get(world, subscription_id)
    if subscription["status"] in ENDED:
        raise missing("subscription", subscription_id)
    if params.get("prorate"):
        from tests.stripe.changes import credit_rest

        credit_rest(world, subscription)
    if "cancellation_details" in params:
        _assign(world, subscription, {"cancellation_details": params["cancellation_details"]})
    end_subscription(world, subscription, reason="cancellation_requested", bill_held=params.get("invoice_now", False))
    return subscription


@route("post /v1/subscriptions/{}/pause", "type invoicing_behavior")
def pause_subscription(world: World, params: Object, subscription_id: str) -> Object:
    subscription = _get(world, subscription_id)
    if subscription["status"] not in ("active", "trialing", "past_due"):
        raise StripeProblem(f"A subscription that is {subscription['status']} cannot be paused.")
    pause(world, subscription, "pause_requested")
    return subscription


@route("post /v1/subscriptions/{}/resume", "billing_cycle_anchor payment_behavior proration_behavior proration_date")
def resume_subscription(world: World, params: Object, subscription_id: str) -> Object:
    """Take a paused subscription up again, with a new period from now unless the anchor stays."""
    subscription = _get(world, subscription_id)
    if subscription["status"] != "paused":
        raise StripeProblem("Only paused subscriptions can be resumed.")
    customer = world.objects[subscription["customer"]]
    if subscription["collection_method"] == "charge_automatically" and usable(world, subscription, customer) is None:
        check_payable(world, customer, subscription, 1, refuse=False)
    now = world.now(subscription)
    interval, count = interval_of(subscription)
    with world.changing(subscription):
        subscription |= {"status": "active", "status_details": None}
        if params.get("billing_cycle_anchor", {}).get("type", "now") == "now":
            subscription["billing_cycle_anchor"] = now
            set_period(world, subscription, now, after(now, interval, count, 1))
            invoice = bill_now(world, subscription, period_lines(world, subscription, (now, after(now, interval, count, 1))),
                               "subscription_update")  # fmt: skip
            if invoice["status"] == "open":
                attempt(world, invoice)
        else:
            set_period(world, subscription, *period_at(subscription["billing_cycle_anchor"], interval, count, now))
    world.emit("customer.subscription.resumed", subscription)
    return subscription


@route("get /v1/subscription_items", f"{LISTING} subscription")
def list_items(world: World, params: Object) -> Object:
    items = items_of(_get(world, params["subscription"]))
    return listed(items, params, "/v1/subscription_items")


@route("get /v1/subscription_items/{}")
def get_item(world: World, params: Object, item_id: str) -> Object:
    return world.live("subscription_item", item_id)


@route(
    "post /v1/subscription_items/{}",
    "price quantity metadata proration_behavior proration_date payment_behavior off_session",
)
def update_item(world: World, params: Object, item_id: str) -> Object:
    item = world.live("subscription_item", item_id)
    own = {key: params[key] for key in ("price", "quantity", "metadata") if key in params}
    rest = {key: value for key, value in params.items() if key not in own}
    update_subscription(world, {**rest, "items": [{"id": item_id, **own}]}, item["subscription"])
    return item


_CHARGED = ("proration_behavior", "proration_date", "payment_behavior")


@route(
    "post /v1/subscription_items",
    "subscription price quantity metadata proration_behavior proration_date payment_behavior",
)
def create_item(world: World, params: Object) -> Object:
    own = {key: params[key] for key in ("price", "quantity", "metadata") if key in params}
    rest = {key: params[key] for key in _CHARGED if key in params}
    update_subscription(world, {**rest, "items": [own]}, params["subscription"])
    return items_of(_get(world, params["subscription"]))[-1]


@route("delete /v1/subscription_items/{}", "proration_behavior proration_date payment_behavior")
def delete_item(world: World, params: Object, item_id: str) -> Object:
    item = world.live("subscription_item", item_id)
    update_subscription(world, {**params, "items": [{"id": item_id, "deleted": True}]}, item["subscription"])
    return {"id": item_id, "object": "subscription_item", "deleted": True}
