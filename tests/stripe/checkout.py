"""Checkout sessions: opened by the product, completed by a test as a person would in the browser."""

from typing import Any

from tests.stripe.blanks import part
from tests.stripe.cards import CARDS, attach
from tests.stripe.customers import create_customer, create_tax_id, update_customer
from tests.stripe.errors import StripeProblem, Unmodelled, card_declined
from tests.stripe.lines import Wanted
from tests.stripe.routes import LISTING, readable, route
from tests.stripe.subscriptions import create_subscription, price_of
from tests.stripe.world import DAY, Object, World, listed

_TAKES = (
    "mode line_items client_reference_id customer customer_email success_url cancel_url return_url ui_mode subscription_data "
    "tax_id_collection custom_fields billing_address_collection metadata locale customer_update allow_promotion_codes "
    "payment_method_collection payment_method_types expires_at automatic_tax currency name_collection phone_number_collection "
    "consent_collection custom_text saved_payment_method_options branding_settings submit_type adaptive_pricing"
)
_ECHOED = (
    "client_reference_id", "customer_email", "success_url", "cancel_url", "return_url", "billing_address_collection",
    "locale", "allow_promotion_codes", "payment_method_collection", "submit_type",
)  # fmt: skip
_SUBSCRIPTION_DATA = {"metadata", "trial_end", "trial_period_days", "trial_settings", "description", "billing_cycle_anchor",
                      "billing_mode", "proration_behavior", "invoice_settings"}  # fmt: skip
TRIAL_LEFT_SECONDS = 2 * DAY


readable("checkout.session", "/v1/checkout/sessions", "customer subscription status", dated=True)


@route("post /v1/checkout/sessions", _TAKES)
def create_session(world: World, params: Object) -> Object:
    mode = params.get("mode")
    if mode not in ("subscription", "setup"):
        raise Unmodelled(f"Checkout in mode {mode}")
    if not params.get("success_url") and not params.get("return_url"):
        raise StripeProblem("Missing required param: success_url.", code="parameter_missing", param="success_url")
    customer = world.live("customer", params["customer"], "customer", status=400) if "customer" in params else None
    _check_collection(params, customer)
    _check_times(params, world.now(customer))
    for name in set(params.get("subscription_data", {})) - _SUBSCRIPTION_DATA:
        raise Unmodelled(f"the parameter subscription_data[{name}] of Checkout")
    wanted = _wanted(world, params) if mode == "subscription" else []
    total = 0 if _has_trial(params) else sum(each.amount for each in wanted)
    session = world.add(
        "checkout.session", of=customer or {}, mode=mode, status="open", ui_mode=params.get("ui_mode", "hosted_page"),
        amount_subtotal=total, amount_total=total, currency=wanted[0].price["currency"] if wanted else params.get("currency"),
        customer=customer["id"] if customer else None, expires_at=params.get("expires_at", world.now(customer) + DAY),
        metadata=params.get("metadata", {}), payment_method_types=params.get("payment_method_types", ["card"]),
        payment_status="unpaid" if total else "no_payment_required", custom_text=part("checkout.session", "custom_text"),
        custom_fields=[_custom_field(each) for each in params.get("custom_fields", [])],
        tax_id_collection=_tax_id_collection(params), total_details=part("checkout.session", "total_details"),
    )  # fmt: skip
    session |= {key: params[key] for key in _ECHOED if key in params}
    session["url"] = f"{world.base_url}/checkout/{session['id']}"
    session["total_details"] |= {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0}
    world.checkouts[session["id"]] = {"params": params, "wanted": wanted}
    world.line_items[session["id"]] = [_line_item(world, each)["id"] for each in wanted]
    world.due(session["expires_at"], "checkout_expires", session)
    return session


def _check_collection(params: Object, customer: Object | None) -> None:
    """Taking a known customer's tax id may change name and address, which must be allowed."""
    collects = params.get("tax_id_collection", {}).get("enabled")
    if customer is not None and collects and params.get("customer_update", {}).get("name") != "auto":
        raise StripeProblem(
            "Tax ID collection requires updating business name on the customer. To enable tax ID collection for an existing "
            "customer, please set `customer_update[name]` to `auto`.", param="customer_update",
        )  # fmt: skip
    if customer is None and "customer_update" in params:
        raise StripeProblem("`customer_update` can only be used with `customer`.", param="customer_update")


def _check_times(params: Object, now: int) -> None:
    """A trial must have two days left, and a page lives from half an hour to a day."""
    trial_end = params.get("subscription_data", {}).get("trial_end")
    if trial_end is not None and trial_end < now + TRIAL_LEFT_SECONDS:
        raise StripeProblem(
            "The `trial_end` date has to be at least 2 days in the future.", param="subscription_data[trial_end]"
        )
    expires_at = params.get("expires_at")
    if expires_at is not None and not now + 1800 <= expires_at <= now + DAY:
        raise StripeProblem(
            "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation.",
            param="expires_at",
        )  # fmt: skip


def _wanted(world: World, params: Object) -> list[Wanted]:
    items = params.get("line_items")
    if not items:
        raise StripeProblem("Missing required param: line_items.", code="parameter_missing", param="line_items")
    found = []
    for index, each in enumerate(items):
        for name in set(each) - {"price", "quantity", "adjustable_quantity"}:
            raise Unmodelled(f"line_items[{name}] of Checkout")
        found.append(Wanted(price_of(world, each["price"], f"line_items[{index}][price]"), each.get("quantity", 1)))
    return found


def _has_trial(params: Object) -> bool:
    data = params.get("subscription_data", {})
    return "trial_end" in data or "trial_period_days" in data


def _custom_field(given: Object) -> Object:
    field = {"dropdown": None, "numeric": None, "text": None, "optional": False, **given}
    kind = given["type"]
    shown = {"value": None, "default_value": None, **(given.get(kind) or {})}
    if kind != "dropdown":
        shown = {"maximum_length": None, "minimum_length": None, **shown}
    return field | {kind: shown}


def _tax_id_collection(params: Object) -> Object:
    return {"enabled": False, "required": "never", **params.get("tax_id_collection", {})}


def _line_item(world: World, wanted: Wanted) -> Object:
    item = {
        "amount_discount": 0, "amount_subtotal": wanted.amount, "amount_tax": 0, "amount_total": wanted.amount,
        "currency": wanted.price["currency"], "price": wanted.price, "quantity": wanted.quantity,
        "description": world.objects[wanted.price["product"]]["name"],
    }  # fmt: skip
    return world.add("item", **item)


@route("get /v1/checkout/sessions/{}/line_items", LISTING)
def list_line_items(world: World, params: Object, session_id: str) -> Object:
    world.get("checkout.session", session_id)
    items = [world.objects[each] for each in world.line_items[session_id]]
    return listed(items, params, f"/v1/checkout/sessions/{session_id}/line_items")


@route("post /v1/checkout/sessions/{}/expire")
def expire_session(world: World, params: Object, session_id: str) -> Object:
    session = world.get("checkout.session", session_id)
    if session["status"] != "open":
        raise StripeProblem(f"This Session cannot be expired: its status is {session['status']}.")
    expire(world, session)
    return session


def expire(world: World, session: Object) -> None:
    """The session can no longer be completed."""
    session |= {"status": "expired", "url": None}
    world.emit("checkout.session.expired", session)


def complete(world: World, session: Object, *, card: str = "pm_card_visa", email: str = "buyer@example.com",
             name: str | None = None, address: Object | None = None, tax_id: Object | None = None,
             custom_fields: dict[str, str] | None = None) -> Object:  # fmt: skip
    """What a person does in the browser: fill in, pay. A declined card leaves the session open.

    Raises:
        StripeProblem: the card was declined, or the session is not open.
    """
    if session["status"] != "open":
        raise StripeProblem(f"This Checkout Session is {session['status']}.")
    known = world.checkouts[session["id"]]
    due = session["amount_total"] or 0
    decline = CARDS[card].decline
    if decline is not None and (due > 0 or not CARDS[card].attaches):
        raise card_declined(*decline)
    customer = _customer(world, session, email, name, address)
    if tax_id is not None:
        if not session["tax_id_collection"]["enabled"]:
            raise StripeProblem("This Checkout Session does not ask for a tax id.")
        create_tax_id(world, tax_id, customer["id"])
    method = attach(world, card, customer)
    _fill_in(session, custom_fields or {})
    if session["mode"] == "subscription":
        _subscribe(world, session, customer, method, known)
    session |= {"status": "complete", "url": None, "customer": customer["id"]}
    session["customer_details"] = part(
        "checkout.session", "customer_details", email=customer["email"], name=customer["name"], address=customer["address"],
        tax_exempt="none", tax_ids=[tax_id] if tax_id else [],
    )  # fmt: skip
    world.emit("checkout.session.completed", session)
    return session


def _customer(world: World, session: Object, email: str, name: str | None, address: Object | None) -> Object:
    entered: dict[str, Any] = {
        key: value for key, value in {"name": name, "address": address}.items() if value is not None
    }
    if session["billing_address_collection"] == "required" and "address" not in entered:
        entered["address"] = {"line1": "1 Main Street", "city": "Dublin", "postal_code": "D01", "country": "IE"}
    if session["customer"] is None:
        return create_customer(world, {"email": session["customer_email"] or email, **entered})
    allowed = world.checkouts[session["id"]]["params"].get("customer_update", {})
    kept = {key: value for key, value in entered.items() if allowed.get(key) == "auto"}
    return update_customer(world, kept, session["customer"])


def _fill_in(session: Object, values: dict[str, str]) -> None:
    for field in session["custom_fields"]:
        value = values.get(field["key"])
        if value is None and not field["optional"]:
            raise StripeProblem(f"The custom field {field['key']} must be filled in.", param=field["key"])
        field[field["type"]]["value"] = value


def _subscribe(world: World, session: Object, customer: Object, method: Object, known: Object) -> None:
    data = known["params"].get("subscription_data", {})
    subscription = create_subscription(world, {
        "customer": customer["id"], "default_payment_method": method["id"],
        "items": [{"price": each.price["id"], "quantity": each.quantity} for each in known["wanted"]], **data,
    })  # fmt: skip
    session |= {"subscription": subscription["id"], "invoice": subscription["latest_invoice"]}
    session["payment_status"] = "paid" if session["amount_total"] else "no_payment_required"
