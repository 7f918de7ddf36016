"""Webhook deliveries as a test wants them: once, twice, late, shuffled or never, always the same for a seed."""

import hashlib
import hmac
import http.client
import random
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

import msgspec

from tests.stripe.events import notification
from tests.stripe.world import Object, World

RETRY_SECONDS = (60, 300, 1800, 7200, 18_000, 36_000, 43_200, 43_200, 43_200)  # about three days, longer each time


@dataclass(frozen=True)
class Policy:
    """How events come: `copies` of each, in any order, up to so much later, this share of them never."""

    copies: int = 1
    shuffle: bool = False
    late_seconds: int = 0
    lost: float = 0.0
    seed: int = 0


@dataclass
class Endpoint:
    """Where events go; `thin` sends notifications without the object."""

    url: str
    secret: str
    events: tuple[str, ...] = ("*",)
    thin: bool = False
    id: str = ""


@dataclass
class Delivery:
    """One attempt to come: the event, and from when on it is sent."""

    event_id: str
    event_type: str
    body: bytes
    endpoint: Endpoint
    not_before: int
    attempts: int = 0


@dataclass
class Sent:
    """What became of deliveries: answers by status (0: no connection), and how long each took."""

    statuses: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    @property
    def failed(self) -> int:
        return sum(not 200 <= each < 300 for each in self.statuses)


def sign(body: bytes, secret: str, at: int) -> str:
    """The `Stripe-Signature` header of a body, signed at a second."""
    signature = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={signature}"


class Deliveries:
    """The queue between what happened and the product's webhook."""

    def __init__(self, world: World, lock: threading.RLock) -> None:
        self.world = world
        self.policy = Policy()
        self.endpoints: list[Endpoint] = []
        self.waiting: list[Delivery] = []
        self.lost: list[str] = []
        self.signed_at: Callable[[], int] = lambda: int(time.time())  # by the wall clock, with which the SDK compares
        self._lock = lock
        self._random = random.Random(0)
        self._connections = threading.local()  # one for each sender, kept while it sends
        self._opened: list[http.client.HTTPConnection] = []

    def use(self, policy: Policy) -> None:
        """Have what happens from now on come like this."""
        self.policy = policy
        self._random = random.Random(policy.seed)

    def take_in(self, event: Object, raw: bytes) -> None:
        """An event happened."""
        for endpoint in self.endpoints:
            if any(fnmatchcase(event["type"], pattern) for pattern in endpoint.events):
                self._queue(event, endpoint)

    def _queue(self, event: Object, endpoint: Endpoint) -> None:
        if self._random.random() < self.policy.lost:
            self.lost.append(event["id"])
            self.world.undelivered.add(event["id"])
            return
        content = notification(event) if endpoint.thin else event
        body = msgspec.json.encode(content)
        for _ in range(self.policy.copies):
            late = self._random.randint(0, self.policy.late_seconds)
            self.waiting.append(Delivery(event["id"], event["type"], body, endpoint, self.world.now() + late))

    def take(self, *, all_of_them: bool = False) -> list[Delivery]:
        """What is due now, in the order in which it comes; it waits no more."""
        with self._lock:
            now = self.world.now()
            due = [each for each in self.waiting if all_of_them or each.not_before <= now]
            self.waiting = [each for each in self.waiting if not (all_of_them or each.not_before <= now)]
        if self.policy.shuffle:
            self._random.shuffle(due)
        return due

    def again(self, event_ids: Iterable[str]) -> None:
        """Send events once more, as the button in the dashboard does; also those that were lost."""
        with self._lock:
            for event_id in event_ids:
                event = self.world.get("event", event_id)
                for endpoint in self.endpoints:
                    self.waiting.append(
                        Delivery(event_id, event["type"], msgspec.json.encode(event), endpoint, self.world.now())
                    )

    def headers(self, delivery: Delivery) -> dict[str, str]:
        """The headers under which a delivery comes."""
        return {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            "Stripe-Signature": sign(delivery.body, delivery.endpoint.secret, self.signed_at()),
        }

    def send(self, *, parallel: int = 1, all_of_them: bool = False) -> Sent:
        """Send what is due; what is refused waits for its next attempt."""
        due = self.take(all_of_them=all_of_them)
        with ThreadPoolExecutor(parallel) as pool:
            results = list(pool.map(self._post, due))
        while self._opened:
            self._opened.pop().close()
        with self._lock:
            for delivery, (status, _) in zip(due, results, strict=True):
                self._note(delivery, status)
        return Sent([status for status, _ in results], [taken for _, taken in results])

    def _note(self, delivery: Delivery, status: int) -> None:
        if 200 <= status < 300:
            self.world.undelivered.discard(delivery.event_id)
            return
        self.world.undelivered.add(delivery.event_id)
        if delivery.attempts < len(RETRY_SECONDS):
            delivery.not_before = self.world.now() + RETRY_SECONDS[delivery.attempts]
            delivery.attempts += 1
            self.waiting.append(delivery)

    def _post(self, delivery: Delivery) -> tuple[int, float]:
        target = urlsplit(delivery.endpoint.url)
        began = time.perf_counter()
        for attempt in (1, 2):  # a kept connection may have been closed meanwhile
            connection = self._connection(target.netloc, fresh=attempt == 2)
            try:
                path = target.path + (f"?{target.query}" if target.query else "")
                connection.request("POST", path, delivery.body, self.headers(delivery))
                answer = connection.getresponse()
                answer.read()
                return answer.status, time.perf_counter() - began
            except (OSError, http.client.HTTPException):
                connection.close()
        return 0, time.perf_counter() - began

    def _connection(self, netloc: str, *, fresh: bool) -> http.client.HTTPConnection:
        kept: dict[str, http.client.HTTPConnection] = self._connections.__dict__.setdefault("kept", {})
        if fresh or netloc not in kept:
            kept[netloc] = http.client.HTTPConnection(netloc, timeout=30)
            self._opened.append(kept[netloc])
        return kept[netloc]
