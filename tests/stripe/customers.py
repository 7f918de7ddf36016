"""Customers, their tax ids and their credit balance."""

from typing import Any

from tests.stripe.blanks import part
from tests.stripe.cards import attach, payment_method_of
from tests.stripe.errors import StripeProblem
from tests.stripe.limits import check_tax_id
from tests.stripe.routes import LISTING, route
from tests.stripe.world import Object, World, listed, merge_metadata

_FIELDS = (
    "name email phone description metadata address shipping invoice_settings preferred_locales tax_exempt balance tax"
)
_ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")


@route(
    "post /v1/customers",
    f"{_FIELDS} payment_method tax_id_data test_clock invoice_prefix next_invoice_sequence business_name",
)
def create_customer(world: World, params: Object) -> Object:
    params = dict(params)
    for each in params.get("tax_id_data", []):
        check_tax_id(each["type"], each["value"])
    clock = {"test_clock": params.pop("test_clock", None)}
    if clock["test_clock"]:
        world.live("test_helpers.test_clock", clock["test_clock"], "test_clock", status=400)
    customer = world.add(
        "customer", of=clock, balance=0, delinquent=False, preferred_locales=[], tax_exempt="none",
        invoice_settings=part("customer", "invoice_settings"), next_invoice_sequence=1, metadata={},
    )  # fmt: skip
    customer["invoice_prefix"] = params.pop(
        "invoice_prefix", f"{world.token}{len(world.kinds['customer']):04d}".upper()
    )
    tax_ids, payment_method = params.pop("tax_id_data", []), params.pop("payment_method", None)
    _assign(world, customer, params)
    world.emit("customer.created", customer)
    for each in tax_ids:
        create_tax_id(world, each, customer["id"])
    if payment_method:
        attach(world, payment_method, customer)
    return customer


@route("get /v1/customers/{}")
def get_customer(world: World, params: Object, customer_id: str) -> Object:
    return world.get("customer", customer_id)  # a deleted one answers, too, with `deleted`


@route("post /v1/customers/{}", f"{_FIELDS} next_invoice_sequence invoice_prefix business_name")
def update_customer(world: World, params: Object, customer_id: str) -> Object:
    customer = world.live("customer", customer_id)
    if "invoice_settings" in params:
        _invoice_settings(world, customer, params["invoice_settings"])  # which refuses before anything is changed
    with world.changing(customer):
        _assign(world, customer, params)
    return customer


@route("delete /v1/customers/{}")
def delete_customer(world: World, params: Object, customer_id: str) -> Object:
    """Delete, which cancels what the customer subscribed to at once, without invoices or refunds."""
    from tests.stripe.lifecycle import end_subscription

    customer = world.live("customer", customer_id)
    for subscription in list(world.select("subscription", customer=customer_id)):
        if subscription["status"] not in ("canceled", "incomplete_expired"):
            end_subscription(world, subscription, reason="cancellation_requested")
    return world.delete(customer)


@route("get /v1/customers", f"{LISTING} email created test_clock")
def list_customers(world: World, params: Object) -> Object:
    found = world.select("customer", email=params.get("email"), test_clock=params.get("test_clock"))
    return listed(found, params, "/v1/customers")


def _assign(world: World, customer: Object, params: dict[str, Any]) -> None:
    for key, value in params.items():
        if key == "metadata":
            customer["metadata"] = merge_metadata(customer["metadata"], value)
        elif key == "address":
            customer["address"] = address_of(value)
        elif key == "shipping":
            customer["shipping"] = None if value == "" else _shipping(value)
        elif key == "invoice_settings":
            customer["invoice_settings"] = _invoice_settings(world, customer, value)
        elif key == "tax":
            pass  # addresses for automatic tax, which the simulator does not reckon
        else:
            customer[key] = None if value == "" else value


def address_of(given: Any) -> Object | None:
    """An address with all of its fields."""
    return None if given in ("", None) else {key: given.get(key) or None for key in _ADDRESS}


def _shipping(given: Any) -> Object:
    return part("customer", "shipping") | given | {"address": address_of(given.get("address"))}


def _invoice_settings(world: World, customer: Object, given: Object) -> Object:
    settings = dict(customer["invoice_settings"])
    for key, value in given.items():
        if key == "default_payment_method" and value:
            method = payment_method_of(world, value, "invoice_settings[default_payment_method]")
            if method["customer"] != customer["id"]:
                raise StripeProblem(
                    f"The customer does not have a payment method with the ID {value}. "
                    "The payment method must be attached to the customer.",
                    code="resource_missing", param="invoice_settings[default_payment_method]",
                )  # fmt: skip
        settings[key] = None if value == "" else value
    return settings


@route("post /v1/customers/{}/tax_ids", "type value")
def create_tax_id(world: World, params: Object, customer_id: str) -> Object:
    customer = world.live("customer", customer_id)
    if len(list(world.select("tax_id", customer=customer_id))) >= 5:
        raise StripeProblem("A customer may have at most five tax IDs.", code="tax_id_limit")
    check_tax_id(params["type"], params["value"])
    country = params["type"].partition("_")[0].upper()
    if params["type"] == "eu_vat":
        country = params["value"][:2].upper()
    tax_id = world.add(
        "tax_id", of=customer, customer=customer_id, country=country, type=params["type"], value=params["value"],
        owner=part("tax_id", "owner", type="customer", customer=customer_id),
        verification=part("tax_id", "verification", status="pending"),
    )  # fmt: skip
    tax_id["owner"].pop("customer_account", None)
    world.emit("customer.tax_id.created", tax_id)
    return tax_id


@route("get /v1/customers/{}/tax_ids", LISTING)
def list_tax_ids(world: World, params: Object, customer_id: str) -> Object:
    world.live("customer", customer_id)
    return listed(world.select("tax_id", customer=customer_id), params, f"/v1/customers/{customer_id}/tax_ids")


@route("get /v1/customers/{}/tax_ids/{}")
def get_tax_id(world: World, params: Object, customer_id: str, tax_id: str) -> Object:
    return world.live("tax_id", tax_id)


@route("delete /v1/customers/{}/tax_ids/{}")
def delete_tax_id(world: World, params: Object, customer_id: str, tax_id: str) -> Object:
    return world.delete(world.live("tax_id", tax_id))


def book(world: World, customer: Object, amount: int, kind: str, currency: str, *, invoice: str | None = None) -> None:
    """Put an amount on the customer's balance: below 0 is credit, above is owed with the next invoice."""
    if amount == 0:
        return
    with world.changing(customer):
        customer["balance"] += amount
        customer["currency"] = customer["currency"] or currency
    world.add(
        "customer_balance_transaction", of=customer, customer=customer["id"], amount=amount, currency=currency,
        ending_balance=customer["balance"], type=kind, invoice=invoice,
    )  # fmt: skip


@route("post /v1/customers/{}/balance_transactions", "amount currency description metadata")
def create_balance_transaction(world: World, params: Object, customer_id: str) -> Object:
    customer = world.live("customer", customer_id)
    book(world, customer, params["amount"], "adjustment", params["currency"])
    made = world.kinds["customer_balance_transaction"][-1]
    made |= {"description": params.get("description"), "metadata": params.get("metadata", {})}
    return made


@route("get /v1/customers/{}/balance_transactions", f"{LISTING} created invoice")
def list_balance_transactions(world: World, params: Object, customer_id: str) -> Object:
    found = world.select("customer_balance_transaction", customer=customer_id, invoice=params.get("invoice"))
    return listed(found, params, f"/v1/customers/{customer_id}/balance_transactions")
