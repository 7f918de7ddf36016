"""Payment methods that fail as asked, and what a charge of them leaves: payment intents and charges.

The names are those of Stripe's own test cards: https://docs.stripe.com/testing
"""

from dataclasses import dataclass

from tests.stripe.blanks import part
from tests.stripe.errors import StripeProblem, card_declined, missing
from tests.stripe.routes import LISTING, readable, route
from tests.stripe.world import Object, World, listed, merge_metadata

Decline = tuple[str, str | None]


@dataclass(frozen=True)
class TestCard:
    """A card of Stripe's test mode; `attaches` is whether it gets past the check when a customer saves it."""

    brand: str
    last4: str
    decline: Decline | None = None
    attaches: bool = True
    disputed: bool = False


_DECLINED = ("card_declined", "generic_decline")
CARDS = {
    "pm_card_visa": TestCard("visa", "4242"),
    "pm_card_mastercard": TestCard("mastercard", "4444"),
    "pm_card_amex": TestCard("amex", "8431"),
    "pm_card_de": TestCard("visa", "0016"),
    "pm_card_chargeDeclined": TestCard("visa", "0002", _DECLINED, attaches=False),
    "pm_card_visa_chargeDeclined": TestCard("visa", "0002", _DECLINED, attaches=False),
    "pm_card_chargeDeclinedExpiredCard": TestCard("visa", "0069", ("expired_card", None), attaches=False),
    "pm_card_chargeDeclinedInsufficientFunds": TestCard(
        "visa", "9995", ("card_declined", "insufficient_funds"), attaches=False
    ),
    "pm_card_chargeCustomerFail": TestCard("visa", "0341", _DECLINED),
    "pm_card_authenticationRequired": TestCard("visa", "3184", ("authentication_required", "authentication_required")),
    "pm_card_createDispute": TestCard("visa", "0259", disputed=True),
}


def payment_method_of(world: World, method_id: str, param: str = "payment_method") -> Object:
    """A saved payment method."""
    found = world.objects.get(method_id)
    if found is None or found["object"] != "payment_method":
        raise missing("PaymentMethod", method_id, param, status=400)
    return found


def new_card(world: World, name: str, *, of: Object | None = None) -> Object:
    """A payment method, not yet anyone's, of one of the test cards."""
    card = CARDS.get(name)
    if card is None:
        raise missing("PaymentMethod", name, "payment_method", status=400)
    method = world.add(
        "payment_method", of=of, type="card", metadata={}, allow_redisplay="unspecified",
        card=part(
            "payment_method", "card", brand=card.brand, last4=card.last4, display_brand=card.brand, exp_month=12,
            exp_year=2034, funding="credit", country="US", fingerprint=f"fp{card.last4}{card.brand}",
            networks={"available": [card.brand], "preferred": None}, three_d_secure_usage={"supported": True},
        ),
    )  # fmt: skip
    world.declines[method["id"]] = card.decline
    world.disputed_cards.update({method["id"]} if card.disputed else ())
    return method


def attach(world: World, method_id: str, customer: Object, *, check: bool = True) -> Object:
    """Give a payment method, or a new one of a test card, to a customer."""
    if check and method_id in CARDS and not CARDS[method_id].attaches:
        code, decline_code = CARDS[method_id].decline or _DECLINED
        raise card_declined(code, decline_code)
    found = new_card(world, method_id, of=customer) if method_id in CARDS else payment_method_of(world, method_id)
    if found["customer"] not in (None, customer["id"]):
        raise StripeProblem("The payment method you provided has already been attached to a customer.")
    found["customer"] = customer["id"]
    world.emit("payment_method.attached", found)
    return found


def usable(world: World, subscription: Object | None, customer: Object) -> Object | None:
    """The payment method that an automatic charge uses: the subscription's, else the customer's default."""
    settings = customer.get("invoice_settings") or {}
    chosen = (subscription or {}).get("default_payment_method") or settings.get("default_payment_method")
    found = world.objects.get(chosen) if chosen else None
    return found if found is not None and found["customer"] == customer["id"] else None


@dataclass
class Outcome:
    """What a charge came to; `problem` is why it failed."""

    intent: Object
    charge: Object | None
    problem: StripeProblem | None

    @property
    def needs_action(self) -> bool:
        return bool(self.intent["status"] == "requires_action")


def collect(world: World, customer: Object, method: Object, amount: int, currency: str, *, intent: Object | None = None,
            description: str | None = None) -> Outcome:  # fmt: skip
    """Try to take an amount from a payment method, once."""
    if intent is None:
        intent = world.add(
            "payment_intent", of=customer, amount=amount, currency=currency, customer=customer["id"],
            description=description, capture_method="automatic", confirmation_method="automatic", metadata={},
            payment_method_types=["card"], status="requires_payment_method", setup_future_usage=None,
        )  # fmt: skip
        intent["client_secret"] = f"{intent['id']}_secret_{world.token}"
        world.emit("payment_intent.created", intent)
    decline = world.declines.get(method["id"])
    if decline is not None and decline[0] == "authentication_required":
        return _needs_action(world, intent, method, decline)
    charge = _charge(world, customer, method, intent, decline)
    if decline is None:
        intent |= {"status": "succeeded", "amount_received": amount, "payment_method": method["id"],
                   "latest_charge": charge["id"], "last_payment_error": None, "next_action": None}  # fmt: skip
        world.emit("payment_intent.succeeded", intent)
        return Outcome(intent, charge, None)
    problem = card_declined(*decline, charge=charge["id"])
    intent |= {"status": "requires_payment_method", "latest_charge": charge["id"], "payment_method": None}
    intent["last_payment_error"] = part(
        "payment_intent", "last_payment_error", type="card_error", code=decline[0], decline_code=decline[1],
        message=problem.body["message"], charge=charge["id"],
    )  # fmt: skip
    world.emit("payment_intent.payment_failed", intent)
    return Outcome(intent, charge, problem)


def _needs_action(world: World, intent: Object, method: Object, decline: Decline) -> Outcome:
    intent |= {"status": "requires_action", "payment_method": method["id"]}
    intent["next_action"] = part("payment_intent", "next_action", type="use_stripe_sdk", use_stripe_sdk={})
    world.emit("payment_intent.requires_action", intent)
    return Outcome(intent, None, card_declined(*decline))


def _charge(world: World, customer: Object, method: Object, intent: Object, decline: Decline | None) -> Object:
    paid = decline is None
    charge = world.add(
        "charge", of=customer, amount=intent["amount"], amount_captured=intent["amount"] if paid else 0,
        currency=intent["currency"], customer=customer["id"], paid=paid, captured=paid, payment_intent=intent["id"],
        payment_method=method["id"], status="succeeded" if paid else "failed", metadata={},
        failure_code=None if paid else decline and decline[0],
        failure_message=None if paid else "Your card was declined.",
        outcome=part("charge", "outcome", type="authorized" if paid else "issuer_declined",
                     network_status="approved_by_network" if paid else "declined_by_network",
                     reason=None if paid else decline and decline[1], risk_level="normal"),
    )  # fmt: skip
    charge["receipt_url"] = f"{world.base_url}/receipts/{charge['id']}" if paid else None
    world.emit("charge.succeeded" if paid else "charge.failed", charge)
    return charge


readable("payment_method", "/v1/payment_methods", "customer type")
readable("payment_intent", "/v1/payment_intents", "customer", dated=True)
readable("charge", "/v1/charges", "customer payment_intent", dated=True)


@route("post /v1/payment_methods", "type card billing_details metadata")
def create_payment_method(world: World, params: Object) -> Object:
    token = (params.get("card") or {}).get("token", "tok_visa")
    method = new_card(world, token.replace("tok_", "pm_card_", 1))
    method["metadata"] = params.get("metadata", {})
    method["billing_details"] |= params.get("billing_details", {})
    return method


@route("post /v1/payment_methods/{}/attach", "customer")
def attach_payment_method(world: World, params: Object, method_id: str) -> Object:
    return attach(world, method_id, world.live("customer", params["customer"], "customer", status=400))


@route("post /v1/payment_methods/{}/detach")
def detach_payment_method(world: World, params: Object, method_id: str) -> Object:
    method = world.get("payment_method", method_id)
    if method["customer"] is None:
        raise StripeProblem(
            "The payment method you provided is not attached to a customer so detachment is impossible."
        )
    customer = world.objects[method["customer"]]
    if (customer.get("invoice_settings") or {}).get("default_payment_method") == method_id:
        with world.changing(customer):
            customer["invoice_settings"] = {**customer["invoice_settings"], "default_payment_method": None}
    with world.changing(method, "payment_method.detached"):
        method["customer"] = None
    return method


@route("post /v1/payment_methods/{}", "metadata billing_details allow_redisplay")
def update_payment_method(world: World, params: Object, method_id: str) -> Object:
    method = world.get("payment_method", method_id)
    with world.changing(method):
        method["metadata"] = merge_metadata(method["metadata"], params.get("metadata", {}))
        method["billing_details"] = method["billing_details"] | params.get("billing_details", {})
    return method


@route("get /v1/customers/{}/payment_methods", f"{LISTING} type")
def list_customer_payment_methods(world: World, params: Object, customer_id: str) -> Object:
    world.live("customer", customer_id)
    found = world.select("payment_method", customer=customer_id, type=params.get("type"))
    return listed(found, params, f"/v1/customers/{customer_id}/payment_methods")
