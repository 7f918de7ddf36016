"""The simulated Stripe tells what happened as Stripe does: signed, again until it is taken, in any order."""

import asyncio
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import stripe as sdk

from tests.stripe import Policy, StripeSimulator

SECRET = "whsec_of_the_tests"


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
