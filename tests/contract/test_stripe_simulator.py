"""The simulated Stripe answers the real SDK as Stripe does: parameters, errors, idempotency, pages."""

import json
import subprocess
import sys
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
import stripe as sdk

from tests.contract.subscribers import price_of, subscribe
from tests.stripe import StripeProblem, StripeSimulator

ROOT = Path(__file__).parents[2]


def test_a_price_is_found_by_its_lookup_key_and_a_key_moves_only_when_asked(stripe: StripeSimulator):
    """Plans are published by key: a key that moved silently would sell the wrong price."""
    client = stripe.client()
    old = price_of(stripe, 1000, currency="eur", lookup_key="team")
    product = client.v1.prices.retrieve(old).product
    new = {"product": product, "currency": "eur", "unit_amount": 1200, "recurring": {"interval": "month"}}
    new["lookup_key"] = "team"

    with pytest.raises(sdk.InvalidRequestError, match="already uses that lookup key"):
        client.v1.prices.create(new)
    moved = client.v1.prices.create({**new, "transfer_lookup_key": True})

    assert [each.id for each in client.v1.prices.list({"lookup_keys": ["team"]}).data] == [moved.id]
    assert client.v1.prices.retrieve(old).lookup_key is None


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"email": "a@example.com", "colour": "red"}, "parameter_unknown"),
        ({"balance": "much"}, "parameter_invalid_integer"),
        ({"invoice_settings": {"custom_fields": [{"name": "PO"}]}}, "parameter_missing"),
        ({"tax_exempt": "perhaps"}, None),
    ],
)
def test_a_parameter_that_the_sdk_does_not_know_is_a_violation(stripe: StripeSimulator, params: dict, code: str | None):
    """A typo in a parameter must fail the test, also where a real account would only answer 400."""
    with stripe.expecting_violations() as violations, pytest.raises(sdk.InvalidRequestError) as refused:
        stripe.client().v1.customers.create(params)

    assert refused.value.code == code
    assert len(violations) == 1


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"email": "nobody"}, "email"),
        ({"metadata": {"k" * 41: "v"}}, f"metadata[{'k' * 41}]"),
        ({"metadata": {"k": "v" * 501}}, "metadata[k]"),
        ({"metadata": {str(n): "v" for n in range(51)}}, "metadata"),
        (
            {"invoice_settings": {"custom_fields": [{"name": "PO", "value": "4" * 141}]}},
            "invoice_settings[custom_fields][0][value]",
        ),
        ({"tax_id_data": [{"type": "eu_vat", "value": "123"}]}, "value"),
    ],
)
def test_what_is_too_long_or_of_another_form_is_refused(stripe: StripeSimulator, params: dict, param: str):
    """Customers' own words travel in these: the product has to bound them, and to bear a refusal."""
    with pytest.raises(sdk.InvalidRequestError) as refused:
        stripe.client().v1.customers.create(params)

    assert refused.value.param == param
    assert stripe.client().v1.customers.list().data == []


def test_a_response_that_its_class_does_not_know_is_a_violation(stripe: StripeSimulator):
    """The simulator may not drift from the pinned API: each answer is compared with the SDK's class."""
    client = stripe.client()
    customer = client.v1.customers.create({"email": "a@example.com"})
    stripe.world.objects[customer.id] |= {"balance": "much", "colour": "red"}
    del stripe.world.objects[customer.id]["created"]

    with stripe.expecting_violations() as violations:
        client.v1.customers.retrieve(customer.id)

    assert [each.partition(": ")[0].rpartition(".")[2] for each in violations] == ["balance", "colour", "created"]


def test_what_the_simulator_does_not_model_is_refused_aloud(stripe: StripeSimulator):
    """Ignoring a parameter would let a test pass that Stripe would fail."""
    price = price_of(stripe, 1000)
    with stripe.expecting_violations() as violations, pytest.raises(sdk.InvalidRequestError, match="does not model"):
        subscribe(stripe, price, transfer_data={"destination": "acct_1"})

    assert "transfer_data" in violations[0]


def test_the_same_idempotency_key_does_a_thing_once(stripe: StripeSimulator):
    """Repeats after a lost answer must not charge twice."""
    client = stripe.client()

    first = client.v1.customers.create({"email": "a@example.com"}, {"idempotency_key": "k1"})
    again = client.v1.customers.create({"email": "a@example.com"}, {"idempotency_key": "k1"})
    with pytest.raises(sdk.IdempotencyError):
        client.v1.customers.create({"email": "b@example.com"}, {"idempotency_key": "k1"})

    assert first.id == again.id
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert len(client.v1.customers.list().data) == 1


@pytest.mark.parametrize("after_effect", [False, True])
def test_a_retry_after_an_error_ends_with_one_customer(stripe: StripeSimulator, after_effect: bool):
    """Whether Stripe had done it before it failed or not, the SDK's own retry finds the same end."""
    stripe.fail_next("POST /v1/customers", status=500, after_effect=after_effect)
    client = stripe.client(max_network_retries=1)

    made = client.v1.customers.create({"email": "a@example.com"})

    assert [each.id for each in client.v1.customers.list().data] == [made.id]


def test_an_answer_that_breaks_off_is_a_connection_error_and_was_done(stripe: StripeSimulator):
    """Half a body must not look like an answer."""
    client = stripe.client()
    stripe.cut_next("POST /v1/customers")

    with pytest.raises((sdk.APIConnectionError, sdk.APIError)):
        client.v1.customers.create({"email": "a@example.com"}, {"idempotency_key": "k"})

    made = client.v1.customers.create({"email": "a@example.com"}, {"idempotency_key": "k"})
    assert [each.id for each in client.v1.customers.list().data] == [made.id]


def test_an_answer_that_never_comes_ends_with_the_client_s_patience(stripe: StripeSimulator):
    """And what was asked may have been done: the same key tells."""
    client = stripe.client(http_client=sdk.RequestsClient(timeout=0.2))
    stripe.hang_next("POST /v1/customers", after_effect=True)

    with pytest.raises(sdk.APIConnectionError):
        client.v1.customers.create({"email": "a@example.com"}, {"idempotency_key": "k"})

    made = stripe.client().v1.customers.create({"email": "a@example.com"}, {"idempotency_key": "k"})
    assert made.last_response.headers["Idempotent-Replayed"] == "true"


def test_rate_limits_and_outages_raise_what_the_sdk_raises_for_them(stripe: StripeSimulator):
    """The gateway tells them apart by the SDK's own errors."""
    stripe.fail_next("/v1/customers", status=429)
    with pytest.raises(sdk.RateLimitError):
        stripe.client().v1.customers.list()

    with stripe.outage(), pytest.raises(sdk.APIConnectionError):
        stripe.client().v1.customers.list()

    assert stripe.client().v1.customers.list().data == []


def test_pages_follow_each_other_without_gap_or_double(stripe: StripeSimulator):
    """Reconciliation walks whole lists: one customer left out is one tenant never repaired."""
    client = stripe.client()
    made = [client.v1.customers.create({"email": f"{n}@example.com"}).id for n in range(25)]

    first = client.v1.customers.list({"limit": 10})
    walked = [each.id for each in first.auto_paging_iter()]

    assert first.has_more
    assert walked == made[::-1]


def test_expanding_replaces_ids_by_objects_four_levels_deep_at_most(stripe: StripeSimulator):
    """The refetching job asks for all it needs in one call."""
    client = stripe.client()
    subscription = subscribe(stripe, price_of(stripe, 1000))

    expand = ["customer", "latest_invoice.payments", "items.data.price.product"]
    whole = client.v1.subscriptions.retrieve(subscription.id, {"expand": expand})

    assert whole.customer.email == "ann@example.com"
    assert whole.latest_invoice.payments.data[0].status == "paid"
    assert whole["items"].data[0].price.product.name == "Plan at 1000"
    with pytest.raises(sdk.InvalidRequestError, match="cannot be expanded"):
        client.v1.subscriptions.retrieve(subscription.id, {"expand": ["status"]})


def test_a_completed_checkout_makes_the_subscription_that_was_asked_for(stripe: StripeSimulator):
    """The way every paying tenant begins."""
    client = stripe.client()
    customer = client.v1.customers.create({"email": "ann@example.com"})
    session = client.v1.checkout.sessions.create({
        "mode": "subscription", "customer": customer.id, "client_reference_id": "tenant-1",
        "line_items": [{"price": price_of(stripe, 1000), "quantity": 3}], "success_url": "https://x.example/done",
        "cancel_url": "https://x.example/plans", "tax_id_collection": {"enabled": True},
        "customer_update": {"name": "auto", "address": "auto"}, "billing_address_collection": "required",
        "custom_fields": [{"key": "po", "type": "text", "label": {"type": "custom", "custom": "PO"}, "optional": True}],
    })  # fmt: skip

    with pytest.raises(StripeProblem, match="insufficient funds"):
        stripe.complete_checkout(session.id, card="pm_card_chargeDeclinedInsufficientFunds")
    assert client.v1.checkout.sessions.retrieve(session.id).status == "open"
    stripe.complete_checkout(
        session.id, name="Acme GmbH", tax_id={"type": "eu_vat", "value": "DE123456789"}, custom_fields={"po": "4711"}
    )

    done = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription", "line_items"]})
    assert (done.status, done.payment_status, done.subscription.status) == ("complete", "paid", "active")
    assert done.subscription["items"].data[0].quantity == 3
    assert done.custom_fields[0].text.value == "4711"
    invoice = client.v1.invoices.retrieve(done.subscription.latest_invoice)
    assert (invoice.total, invoice.customer_name) == (3000, "Acme GmbH")
    assert invoice.customer_tax_ids[0].value == "DE123456789"


def test_an_invoice_has_a_number_and_a_pdf_that_can_be_fetched(stripe: StripeSimulator):
    """Invoices are fetched and mailed to the accountant."""
    client = stripe.client()
    subscription = subscribe(stripe, price_of(stripe, 1000))
    invoice = client.v1.invoices.retrieve(subscription.latest_invoice)

    with urlopen(invoice.invoice_pdf) as answer:
        content = answer.read()

    assert invoice.number.endswith("-0001")
    assert content.startswith(b"%PDF-")
    assert invoice.number.encode() in content


def test_a_customer_deleted_in_the_dashboard_answers_as_deleted(stripe: StripeSimulator):
    """The refetching job must see that, and that the subscription ended with it."""
    client = stripe.client()
    subscription = subscribe(stripe, price_of(stripe, 1000))

    client.v1.customers.delete(subscription.customer)

    assert client.v1.customers.retrieve(subscription.customer).deleted
    assert client.v1.subscriptions.retrieve(subscription.id).status == "canceled"
    with pytest.raises(sdk.InvalidRequestError, match="No such customer"):
        client.v1.customers.update(subscription.customer, {"email": "b@example.com"})


@pytest.mark.filterwarnings("ignore:Use 'content:DeprecationWarning")  # the SDK's use of httpx
async def test_the_async_client_of_the_sdk_works_against_it(stripe: StripeSimulator):
    """The product's gateway is async."""
    http = sdk.HTTPXClient()
    client = stripe.client(http_client=http)

    made = await client.v1.customers.create_async({"email": "a@example.com"})
    again = await client.v1.customers.retrieve_async(made.id)

    await http.close_async()
    assert again.email == "a@example.com"


def test_it_serves_a_product_in_another_process_and_is_moved_over_http():
    """The bench and the demo run beside it."""
    command = [sys.executable, "-m", "tests.stripe", "--port", "0", "--clock", "2027-01-31T10:00:00Z"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[-1]
            http = sdk.RequestsClient()
            client = sdk.StripeClient("sk_test_x", base_addresses={"api": url}, http_client=http)
            customer = client.v1.customers.create({"email": "a@example.com"})
            body = json.dumps({"customer_id": customer.id}).encode()
            with urlopen(Request(f"{url}/_simulator/save_card", body)) as answer:
                saved = json.load(answer)["result"]
            with urlopen(Request(f"{url}/_simulator/advance", b'{"to": 1820000000}')) as answer:
                moved = json.load(answer)["now"]
            methods = client.v1.payment_methods.list({"customer": customer.id}).data
            http.close()
        finally:
            process.terminate()

    assert [each.id for each in methods] == [saved]
    assert moved == 1_820_000_000
    assert process.returncode == 0
