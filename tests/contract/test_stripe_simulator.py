"""The simulated Stripe answers the real SDK as Stripe does: parameters, errors, idempotency, pages, webhooks."""

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.request import Request, urlopen

import pytest
import stripe as sdk

from tests.stripe import Policy, StripeProblem, StripeSimulator

ROOT = Path(__file__).parents[2]
SECRET = "whsec_of_the_tests"


def price_of(
    sim: StripeSimulator, amount: int = 1000, *, currency: str = "eur", interval: str = "month", key: str = "team"
) -> str:
    """A product with one price."""
    client = sim.client()
    product = client.v1.products.create({"name": "Team"})
    return client.v1.prices.create(
        {
            "product": product.id,
            "currency": currency,
            "unit_amount": amount,
            "recurring": {"interval": interval},
            "lookup_key": key,
        }
    ).id


def customer_with_card(sim: StripeSimulator, card: str = "pm_card_visa", email: str = "ann@example.com") -> str:
    """A customer whose default card is one of Stripe's test cards."""
    customer = sim.client().v1.customers.create({"email": email})
    sim.save_card(customer.id, card)
    return customer.id


def subscribed(sim: StripeSimulator, price: str, quantity: int = 1, **more) -> sdk.Subscription:
    """A subscription of a new customer who can pay."""
    items = [{"price": price, "quantity": quantity}]
    return sim.client().v1.subscriptions.create({"customer": customer_with_card(sim), "items": items, **more})


def test_a_price_is_found_by_its_lookup_key_and_a_key_moves_only_when_asked(stripe: StripeSimulator):
    """Plans are published by key: a key that moved silently would sell the wrong price."""
    client = stripe.client()
    old = price_of(stripe, 1000)
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
    price = price_of(stripe)
    with stripe.expecting_violations() as violations, pytest.raises(sdk.InvalidRequestError, match="does not model"):
        subscribed(stripe, price, transfer_data={"destination": "acct_1"})

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
    subscription = subscribed(stripe, price_of(stripe))

    expand = ["customer", "latest_invoice.payments", "items.data.price.product"]
    whole = client.v1.subscriptions.retrieve(subscription.id, {"expand": expand})

    assert whole.customer.email == "ann@example.com"
    assert whole.latest_invoice.payments.data[0].status == "paid"
    assert whole["items"].data[0].price.product.name == "Team"
    with pytest.raises(sdk.InvalidRequestError, match="cannot be expanded"):
        client.v1.subscriptions.retrieve(subscription.id, {"expand": ["status"]})


def test_a_completed_checkout_makes_the_subscription_that_was_asked_for(stripe: StripeSimulator):
    """The way every paying tenant begins."""
    client = stripe.client()
    customer = client.v1.customers.create({"email": "ann@example.com"})
    session = client.v1.checkout.sessions.create({
        "mode": "subscription", "customer": customer.id, "client_reference_id": "tenant-1",
        "line_items": [{"price": price_of(stripe), "quantity": 3}], "success_url": "https://x.example/done",
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
    subscription = subscribed(stripe, price_of(stripe))
    invoice = client.v1.invoices.retrieve(subscription.latest_invoice)

    with urlopen(invoice.invoice_pdf) as answer:
        content = answer.read()

    assert invoice.number.endswith("-0001")
    assert content.startswith(b"%PDF-")
    assert invoice.number.encode() in content


def test_a_customer_deleted_in_the_dashboard_answers_as_deleted(stripe: StripeSimulator):
    """The refetching job must see that, and that the subscription ended with it."""
    client = stripe.client()
    subscription = subscribed(stripe, price_of(stripe))

    client.v1.customers.delete(subscription.customer)

    assert client.v1.customers.retrieve(subscription.customer).deleted
    assert client.v1.subscriptions.retrieve(subscription.id).status == "canceled"
    with pytest.raises(sdk.InvalidRequestError, match="No such customer"):
        client.v1.customers.update(subscription.customer, {"email": "b@example.com"})


class Inbox:
    """An endpoint that keeps what comes, and answers as it is told."""

    def __init__(self) -> None:
        self.got: list[tuple[bytes, str]] = []
        self.status = 200
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                inbox.got.append((body, self.headers["Stripe-Signature"]))
                self.send_response(inbox.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/webhook"
        self.thread = Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def types(self) -> list[str]:
        return [sdk.Webhook.construct_event(body, signature, SECRET).type for body, signature in self.got]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def inbox():
    inbox = Inbox()
    yield inbox
    inbox.close()


async def test_events_come_signed_as_the_sdk_verifies_and_again_until_they_are_taken(
    stripe: StripeSimulator, inbox: Inbox
):
    """An endpoint that was down gets its events later; a forged one is refused by the same check."""
    stripe.send_webhooks_to(inbox.url, secret=SECRET, events=["customer.*"])
    inbox.status = 503
    stripe.client().v1.customers.create({"email": "a@example.com"})

    refused = await asyncio.to_thread(stripe.deliver)
    inbox.status = 200
    too_early = await asyncio.to_thread(stripe.deliver)
    stripe.advance(timedelta(minutes=2))
    taken = await asyncio.to_thread(stripe.deliver)

    assert (refused.statuses, too_early.statuses, taken.statuses) == ([503], [], [200])
    assert inbox.types() == ["customer.created", "customer.created"]
    body, signature = inbox.got[0]
    with pytest.raises(sdk.SignatureVerificationError):
        sdk.WebhookSignature.verify_header(body + b" ", signature, SECRET)


def test_a_policy_doubles_shuffles_delays_and_loses_the_same_for_a_seed():
    """What a seed broke can be looked at again."""

    def order(seed: int) -> tuple[list[str], int]:
        with StripeSimulator.running(clock=datetime(2027, 1, 4, tzinfo=UTC), token="same") as sim:
            sim.send_webhooks_to("http://127.0.0.1:9/none", secret=SECRET)
            sim.deliveries(Policy(copies=2, shuffle=True, late_seconds=600, lost=0.2, seed=seed))
            for n in range(20):
                sim.client().v1.customers.create({"email": f"{n}@example.com"})
            at_once = sim.webhooks.take()
            sim.advance(timedelta(minutes=11))
            return [each.event_id for each in at_once + sim.webhooks.take()], len(sim.webhooks.lost)

    first, again, other = order(1), order(1), order(2)

    events, lost = first
    assert first == again != other
    assert 0 < lost < 20
    assert len(events) == 2 * (20 - lost)
    assert events != sorted(events)


def test_a_thin_event_names_what_changed_and_is_fetched_with_the_sdk(stripe: StripeSimulator):
    """Thin notifications carry no state that could be stale."""
    client = stripe.client()
    stripe.send_webhooks_to("http://127.0.0.1:9/none", secret=SECRET, thin=True)
    customer = client.v1.customers.create({"email": "a@example.com"})

    ((body, headers),) = stripe.take_deliveries()
    notification = client.parse_event_notification(body, headers["Stripe-Signature"], SECRET)

    assert notification.type == "v1.customer.created"
    assert notification.related_object.id == customer.id
    assert notification.fetch_related_object().email == "a@example.com"
    assert notification.fetch_event().id == notification.id


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
