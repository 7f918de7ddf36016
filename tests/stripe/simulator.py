"""`StripeSimulator`: what tests, the bench and the demo use. Everything here may be called from any thread."""

import secrets
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

import requests

import stripe
from tests.stripe import checkout, customers, refunds
from tests.stripe.api import Api
from tests.stripe.cards import CARDS, attach
from tests.stripe.control import control
from tests.stripe.deliveries import Deliveries, Delivery, Endpoint, Policy, Sent
from tests.stripe.documents import document
from tests.stripe.faults import Fault
from tests.stripe.http import Request, Response, Server
from tests.stripe.invoicing import attempt
from tests.stripe.lifecycle import happen
from tests.stripe.world import TOTALS, Object, Settings, World, seconds

# fmt: off
for name in (
    "catalogue", "clocks", "endpoints", "events", "invoices", "meters", "portal", "previews", "refunds", "schedules",
    "searching", "subscriptions",
):
    import_module(f"tests.stripe.{name}")  # which registers its routes
# fmt: on


class StripeSimulator:
    """A Stripe account in test mode, on loopback. Make one with `running`."""

    API_KEY = "sk_test_simulator"

    def __init__(self, *, clock: datetime | int | None = None, settings: Settings | None = None, port: int = 0,
                 token: str | None = None) -> None:  # fmt: skip
        self.lock = threading.RLock()
        self.world = World(token or secrets.token_hex(4), settings=settings or Settings())
        self.world.frozen = seconds(clock) if clock is not None else None
        self.api = Api(self.world)
        self.webhooks = Deliveries(self.world, self.lock)
        self.world.on_event = self.webhooks.take_in
        self.world.on_endpoint = self._follow_endpoint
        self._server = Server(self._answer, port=port)
        self._out = False
        self._sessions: list[requests.Session] = []

    @classmethod
    @contextmanager
    def running(cls, **options: Any) -> Iterator["StripeSimulator"]:
        """A simulator that serves until the block ends.

        Args:
            clock: the moment at which its time stands until a test moves it; None follows the wall clock.
            settings: what the account's owner chose: days of retries, what follows the last one.
            port: 0 takes a free one.

        Raises:
            AssertionError: at the end, if a request or response was not what the SDK's types say.
        """
        simulator = cls(**options)
        simulator.start()
        try:
            yield simulator
        finally:
            simulator.stop()
        assert not simulator.violations, "\n".join(["against the SDK's types:", *simulator.violations[:20]])

    def start(self) -> None:
        self.world.base_url = self._server.start().url

    def stop(self) -> None:
        for each in self._sessions:
            each.close()
        self._server.stop()

    @property
    def url(self) -> str:
        """The base address for the SDK."""
        return self._server.url

    def client(self, **options: Any) -> stripe.StripeClient:
        """The real SDK, pointed here."""
        options = {"max_network_retries": 0, **options}
        if "http_client" not in options:
            session = requests.Session()  # one for all threads, so that it can be closed
            options["http_client"] = stripe.RequestsClient(session=session)
            self._sessions.append(session)
        return stripe.StripeClient(self.API_KEY, base_addresses={"api": self.url, "meter_events": self.url}, **options)

    def _answer(self, request: Request) -> Response:
        with self.lock:
            if request.path.startswith(("/v1/", "/v2/")):
                return Response(503, b"", drop=True) if self._out else self.api.answer(request)
            if request.path.startswith("/_simulator/"):
                return control(self, request)
            found = document(self.world, request.path)
            if found is None:
                return Response(404, b"no such page", content_type="text/plain")
            return Response(200, found[1], content_type=found[0])

    # --- what was checked ------------------------------------------------------------------------------------------

    @property
    def violations(self) -> list[str]:
        """Requests and responses that the SDK's own types do not allow."""
        return self.world.violations

    @contextmanager
    def expecting_violations(self) -> Iterator[list[str]]:
        """Within the block violations are what the test wants; they are taken out afterwards."""
        before = len(self.world.violations)
        mine: list[str] = []
        yield mine
        mine.extend(self.world.violations[before:])
        del self.world.violations[before:]

    def report(self) -> dict[str, int]:
        """How much was checked: requests, responses, and objects of events."""
        return {"requests": self.api.requests, "responses": self.api.responses, "objects": self.world.checked_objects}

    # --- time ------------------------------------------------------------------------------------------------------

    @property
    def now(self) -> int:
        """The present second."""
        return self.world.now()

    def advance(self, to: datetime | int | timedelta) -> None:
        """Let time pass to a moment, or by a span: renewals, retries, ends of trials happen on the way."""
        with self.lock:
            target = self.now + int(to.total_seconds()) if isinstance(to, timedelta) else seconds(to)
            self.world.pass_time(target, happen)
            self._settle_disputes()
            self.world.frozen = max(target, self.now)

    # --- what people do in Stripe's pages, or banks do -------------------------------------------------------------

    def complete_checkout(self, session_id: str, **entered: Any) -> Object:
        """Fill in and pay a Checkout session; `entered`: card, email, name, address, tax_id, custom_fields.

        Raises:
            StripeProblem: the card was declined (the session stays open), or the session is not open.
        """
        with self.lock:
            session = checkout.complete(self.world, self.world.get("checkout.session", session_id), **entered)
            self._settle_disputes()
            return session

    def save_card(self, customer_id: str, card: str = "pm_card_visa", *, default: bool = True) -> str:
        """What the portal does with a new card; the id of the payment method."""
        with self.lock:
            customer = self.world.live("customer", customer_id)
            method = attach(self.world, card, customer, check=False)
            if default:
                customers.update_customer(
                    self.world, {"invoice_settings": {"default_payment_method": method["id"]}}, customer_id
                )
                for each in self.world.select("subscription", customer=customer_id):
                    if each["default_payment_method"]:
                        with self.world.changing(each):
                            each["default_payment_method"] = method["id"]
            return str(method["id"])

    def card_fails(
        self, customer_id: str, *, code: str = "card_declined", decline_code: str | None = "generic_decline"
    ) -> None:
        """From now on, all cards of the customer are declined like this."""
        with self.lock:
            for method in self.world.select("payment_method", customer=customer_id):
                self.world.declines[method["id"]] = (code, decline_code)

    def card_works(self, customer_id: str) -> None:
        """From now on, all cards of the customer can be charged."""
        with self.lock:
            for method in self.world.select("payment_method", customer=customer_id):
                self.world.declines[method["id"]] = None

    def dispute(self, charge_id: str, *, reason: str = "fraudulent") -> str:
        """A bank disputes a charge; the id of the dispute."""
        with self.lock:
            return str(refunds.open_dispute(self.world, self.world.get("charge", charge_id), reason)["id"])

    def close_dispute(self, dispute_id: str, *, won: bool) -> None:
        """The bank decides."""
        with self.lock:
            refunds.close_dispute(self.world, self.world.get("dispute", dispute_id), won=won)

    def authenticate(self, invoice_id: str) -> None:
        """The customer confirms with their bank the payment of an invoice that waits for it."""
        with self.lock:
            invoice = self.world.live("invoice", invoice_id)
            payment = next(self.world.select("invoice_payment", invoice=invoice_id))
            method = self.world.objects[self.world.objects[payment["payment"]["payment_intent"]]["payment_method"]]
            decline, self.world.declines[method["id"]] = self.world.declines[method["id"]], None
            try:
                attempt(self.world, invoice, method)
            finally:
                self.world.declines[method["id"]] = decline

    def charge_of(self, invoice_id: str) -> str:
        """The id of the charge that paid an invoice."""
        with self.lock:
            payment = next(self.world.select("invoice_payment", invoice=invoice_id, status="paid"))
            return str(self.world.objects[payment["payment"]["payment_intent"]]["latest_charge"])

    def _settle_disputes(self) -> None:
        for charge_id in self.world.disputes_due:
            refunds.open_dispute(self.world, self.world.objects[charge_id])
        self.world.disputes_due.clear()

    def _follow_endpoint(self, endpoint: Object, secret: str) -> None:
        known = next((each for each in self.webhooks.endpoints if each.id == endpoint["id"]), None)
        if known is None:
            known = Endpoint(endpoint["url"], secret, id=endpoint["id"])
            self.webhooks.endpoints.append(known)
        known.url, known.events = endpoint["url"], tuple(endpoint["enabled_events"])
        if endpoint["status"] == "disabled":
            known.events = ()

    # --- webhooks --------------------------------------------------------------------------------------------------

    def send_webhooks_to(self, url: str, *, secret: str = "whsec_simulator", events: Iterable[str] = ("*",),
                         thin: bool = False) -> Endpoint:  # fmt: skip
        """Have events come to a URL, from now on; they wait for `deliver`."""
        endpoint = Endpoint(url, secret, tuple(events), thin)
        with self.lock:
            self.webhooks.endpoints.append(endpoint)
        return endpoint

    def deliveries(self, policy: Policy) -> None:
        """How events come that happen from now on: copies, order, delay, loss."""
        with self.lock:
            self.webhooks.use(policy)

    def deliver(self, *, parallel: int = 1, all_of_them: bool = False) -> Sent:
        """Send what is due now over HTTP. From an async test: `await asyncio.to_thread(sim.deliver)`."""
        return self.webhooks.send(parallel=parallel, all_of_them=all_of_them)

    def take_deliveries(self) -> list[tuple[bytes, dict[str, str]]]:
        """Body and headers of what is due now, for tests that post by themselves."""
        return [(each.body, self.webhooks.headers(each)) for each in self.webhooks.take()]

    # --- failures --------------------------------------------------------------------------------------------------

    def fail_next(self, path: str, *, status: int = 500, times: int = 1, after_effect: bool = False) -> None:
        """Answer the next requests of a path (`/v1/invoices/*`, `POST /v1/customers`) with an error."""
        self._add(Fault(path, status=status, times=times, after_effect=after_effect))

    def hang_next(self, path: str, *, times: int = 1, after_effect: bool = False) -> None:
        """Never answer the next requests of a path."""
        self._add(Fault(path, times=times, after_effect=after_effect, hang=True))

    def cut_next(self, path: str, *, times: int = 1, after_effect: bool = True) -> None:
        """Close the connection in the middle of the next answers of a path."""
        self._add(Fault(path, times=times, after_effect=after_effect, cut=True))

    def _add(self, fault: Fault) -> None:
        with self.lock:
            self.api.faults.append(fault)

    @contextmanager
    def outage(self) -> Iterator[None]:
        """Stripe cannot be reached within the block."""
        self.set_outage(on=True)
        try:
            yield
        finally:
            self.set_outage(on=False)

    def set_outage(self, *, on: bool) -> None:
        """From now on, Stripe cannot be reached, or can again; the calls of `control` always can."""
        self._out = on


__all__ = ["CARDS", "TOTALS", "Delivery", "Policy", "Sent", "Settings", "StripeSimulator"]
