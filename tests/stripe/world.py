"""All that the simulated Stripe knows: objects, their order, its clocks, and what is due when."""

import heapq
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from tests.stripe.blanks import CLASSES, blank, check_of, page
from tests.stripe.errors import StripeProblem, missing
from tests.stripe.responses import fields_of

Object = dict[str, Any]
TOTALS = Counter({"requests": 0, "responses": 0, "objects": 0})  # checked in this process
DAY = 86_400

PREFIXES = {
    "billing.meter": "mtr", "billing.meter_event_summary": "mtrusg", "billing_portal.configuration": "bpc",
    "billing_portal.session": "bps", "charge": "ch", "checkout.session": "cs_test", "credit_note": "cn",
    "credit_note_line_item": "cnli", "customer": "cus", "customer_balance_transaction": "cbtxn", "dispute": "du",
    "event": "evt", "invoice": "in", "invoice_payment": "inpay", "invoiceitem": "ii", "item": "li", "line_item": "il",
    "payment_intent": "pi", "payment_method": "pm", "price": "price", "product": "prod", "refund": "re",
    "subscription": "sub", "subscription_item": "si", "subscription_schedule": "sub_sched", "tax_id": "txi",
    "test_helpers.test_clock": "clock", "webhook_endpoint": "we",
}  # fmt: skip

# Looked up by this field, which never changes: an account of thousands of invoices stays fast.
INDEXED = {
    "charge": "customer", "customer_balance_transaction": "customer", "invoice": "customer", "invoice_payment": "invoice",
    "payment_intent": "customer", "refund": "charge", "subscription": "customer", "tax_id": "customer",
}  # fmt: skip


@dataclass
class Settings:
    """What an account's owner sets in Stripe's dashboard.

    `retry_days`: days after the first attempt at which a failed payment is tried again; `after_retries` is what
    the subscription becomes when all have failed: `unpaid`, `canceled` or `past_due`.
    """

    retry_days: tuple[int, ...] = (3, 5, 7)
    after_retries: str = "unpaid"
    overdue_after_retries: bool = True
    draft_seconds: int = 3600  # a renewal's invoice is a draft for an hour
    upcoming_days: int = 7
    account_name: str = "Outrider"
    account_country: str = "IE"


@dataclass
class World:
    """The state; every access holds `Simulator.lock`."""

    token: str
    base_url: str = ""
    settings: Settings = field(default_factory=Settings)
    frozen: int | None = None  # seconds since 1970; None follows the wall clock
    objects: dict[str, Object] = field(default_factory=dict)
    kinds: dict[str, list[Object]] = field(default_factory=lambda: defaultdict(list))
    on_event: Callable[[Object, bytes], None] = lambda event, raw: None
    on_endpoint: Callable[[Object, str], None] = lambda endpoint, secret: None
    violations: list[str] = field(default_factory=list)
    checked_objects: int = 0
    request: dict[str, str | None] | None = None  # whose doing an event is: the request's id and idempotency key
    declines: dict[str, tuple[str, str | None] | None] = field(default_factory=dict)  # by payment method
    waiting_items: dict[str, list[Object]] = field(default_factory=lambda: defaultdict(list))  # by subscription
    debits: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))  # `lines.Debit`, by item
    credits: dict[str, str] = field(default_factory=dict)  # the line whose charge a line gives back
    line_invoices: dict[str, str] = field(default_factory=dict)
    held_lines: dict[str, Object] = field(default_factory=dict)  # by invoice item that waits for an invoice
    invoice_lines: dict[str, list[Object]] = field(default_factory=dict)
    days_until_due: dict[str, int] = field(default_factory=dict)  # by invoice that is sent
    first_attempts: dict[str, int] = field(default_factory=dict)  # by invoice that failed
    invoiced_at: dict[str, list[int]] = field(default_factory=dict)  # by subscription, changes that were billed at once
    checkouts: dict[str, dict[str, Any]] = field(default_factory=dict)  # what a session was opened with
    usage: dict[str, Any] = field(default_factory=dict)  # meter events, by identifier
    undelivered: set[str] = field(default_factory=set)  # events that no webhook has taken yet
    disputes_due: list[str] = field(default_factory=list)  # charges of cards that dispute by themselves
    disputed_cards: set[str] = field(default_factory=set)  # payment methods whose charges are disputed at once
    pending_updates: dict[str, dict[str, Any]] = field(default_factory=dict)  # parameters, by subscription
    line_items: dict[str, list[str]] = field(default_factory=dict)  # by checkout session
    _counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _indexed: dict[tuple[str, str], list[Object]] = field(default_factory=lambda: defaultdict(list))
    _agenda: dict[str | None, list[tuple[int, int, int, str, str]]] = field(default_factory=lambda: defaultdict(list))
    _sequence: int = 0
    _moment: int | None = None  # while time passes: the moment at which something is due

    # --- time ------------------------------------------------------------------------------------------------------

    def now(self, of: Object | None = None) -> int:
        """The present second, on the test clock of the object if it has one."""
        if self._moment is not None:
            return self._moment
        clock_id = of.get("test_clock") if of else None
        if clock_id:
            return int(self.objects[clock_id]["frozen_time"])
        return self.frozen if self.frozen is not None else int(time.time())

    def due(self, at: int, what: str, of: Object) -> None:
        """Have `what` happen to the object at the moment, unless it no longer applies then."""
        self._sequence += 1
        first = what != "phase"  # a phase that begins with a period comes before that period is billed
        heapq.heappush(self._agenda[of.get("test_clock")], (at, int(first), self._sequence, what, of["id"]))

    def pass_time(self, to: int, happen: Callable[["World", str, Object], None], clock_id: str | None = None) -> None:
        """Let all that is due on a clock happen, in order, up to a moment."""
        agenda = self._agenda[clock_id]
        try:
            while agenda and agenda[0][0] <= to:
                at, _, _, what, object_id = heapq.heappop(agenda)
                self._moment = at
                if object_id in self.objects:
                    happen(self, what, self.objects[object_id])
        finally:
            self._moment = None

    # --- objects ---------------------------------------------------------------------------------------------------

    def new_id(self, kind: str) -> str:
        """An id that no other simulator gives: tests share a database."""
        prefix = PREFIXES[kind]
        self._counts[prefix] += 1
        return f"{prefix}_{self.token}{self._counts[prefix]:06d}"

    def add(self, kind: str, *, of: Object | None = None, **values: Any) -> Object:
        """Make an object; `of` is whose test clock it lives by."""
        common = {"id": self.new_id(kind), "created": self.now(of), "livemode": False}
        known = fields_of(CLASSES[kind])
        made = blank(kind, **({key: value for key, value in common.items() if key in known} | values))
        if of is not None and "test_clock" in made:
            made["test_clock"] = of.get("test_clock")
        self.objects[made["id"]] = made
        self.kinds[kind].append(made)
        if kind in INDEXED:
            self._indexed[kind, made[INDEXED[kind]]].append(made)
        return made

    def get(self, kind: str, object_id: str, param: str = "id", *, status: int = 404) -> Object:
        """The object, or Stripe's 404 (a 400 where a parameter names it)."""
        found = self.objects.get(object_id)
        if found is None or found["object"] != kind:
            raise missing(kind, object_id, param, status=status)
        return found

    def live(self, kind: str, object_id: str, param: str = "id", *, status: int = 404) -> Object:
        """As `get`, and not deleted."""
        found = self.get(kind, object_id, param, status=status)
        if found.get("deleted"):
            raise missing(kind, object_id, param, status=status)
        return found

    def delete(self, found: Object) -> Object:
        """What is left of a deleted object."""
        gone = {"id": found["id"], "object": found["object"], "deleted": True}
        kept = dict(found)
        found.clear()
        found.update(gone)
        self.emit(f"{_EVENT_NAMES.get(kept['object'], kept['object'])}.deleted", kept)
        return found

    def select(self, kind: str, **wanted: Any) -> Iterator[Object]:
        """Newest first, those whose fields are as wanted (None: whatever), without deleted ones."""
        by = wanted.get(INDEXED.get(kind, ""))
        for each in reversed(self.kinds[kind] if by is None else self._indexed.get((kind, by), [])):
            if not each.get("deleted") and all(v is None or each.get(k) == v for k, v in wanted.items()):
                yield each

    # --- events ----------------------------------------------------------------------------------------------------

    def emit(self, name: str, about: Object, previous: Object | None = None) -> Object:
        """Tell of a change, with the object as it is now."""
        snapshot = msgspec.json.encode(about)
        self.check(about["object"], about, name)
        data: Object = {"object": msgspec.Raw(snapshot)}
        if previous is not None:
            data["previous_attributes"] = previous
        event = self.add(
            "event", of=about if "test_clock" in about else None, api_version=API_VERSION, data=data, type=name,
            pending_webhooks=1, request=dict(self.request) if self.request else {"id": None, "idempotency_key": None},
        )  # fmt: skip
        for absent in ("account", "context"):
            event.pop(absent, None)
        self.on_event(event, snapshot)
        return event

    @contextmanager
    def changing(self, about: Object, name: str | None = None) -> Iterator[Object]:
        """Change an object; afterwards an event tells what was before, if anything was."""
        before = msgspec.msgpack.encode(about)
        yield about
        was = msgspec.msgpack.decode(before)
        previous = {key: value for key, value in was.items() if about.get(key) != value}
        previous |= {key: None for key in about if key not in was}
        if previous:
            self.emit(name or f"{_EVENT_NAMES.get(about['object'], about['object'])}.updated", about, previous)

    def check(self, kind: str, value: Object, where: str) -> None:
        """Compare an object with the SDK's class."""
        found: list[str] = []
        check_of(kind)(value, where, found)
        self.checked_objects += 1
        TOTALS["objects"] += 1
        self.violations.extend(found)


API_VERSION = "2026-10-28.endive"
_EVENT_NAMES = {"subscription": "customer.subscription", "tax_id": "customer.tax_id", "dispute": "charge.dispute",
                "test_helpers.test_clock": "test_helpers.test_clock"}  # fmt: skip


def listed(found: Iterable[Object], params: Object, url: str) -> Object:
    """One page of what was found, by limit, cursor and `created`."""
    limit = params.get("limit", 10)
    if not 1 <= limit <= 100:
        raise StripeProblem(f"Invalid limit: {limit} is not between 1 and 100", param="limit")
    created = params.get("created")
    if created is not None:
        found = (each for each in found if _within(each["created"], created))
    if "ending_before" in params:
        before = []
        for each in found:
            if each["id"] == params["ending_before"]:
                break
            before.append(each)
        return page(url, before[-limit:], has_more=len(before) > limit)
    iterator = iter(found)
    if "starting_after" in params:
        for each in iterator:
            if each["id"] == params["starting_after"]:
                break
    data = [each for each, _ in zip(iterator, range(limit + 1), strict=False)]
    return page(url, data[:limit], has_more=len(data) > limit)


def _within(moment: int, asked: Any) -> bool:
    if isinstance(asked, int):
        return moment == asked
    tests = {"gt": moment.__gt__, "gte": moment.__ge__, "lt": moment.__lt__, "lte": moment.__le__}
    return all(tests[name](value) for name, value in asked.items())


def seconds(moment: datetime | float) -> int:
    """Seconds since 1970 of a moment."""
    return int(moment.timestamp()) if isinstance(moment, datetime) else int(moment)


def merge_metadata(old: Object | None, new: Any) -> Object:
    """Metadata after an update: an empty value removes its key, an empty text all."""
    if new == "":
        return {}
    return {key: value for key, value in {**(old or {}), **(new or {})}.items() if value != ""}


__all__ = [
    "API_VERSION",
    "CLASSES",
    "DAY",
    "TOTALS",
    "Object",
    "Settings",
    "World",
    "listed",
    "merge_metadata",
    "seconds",
]
