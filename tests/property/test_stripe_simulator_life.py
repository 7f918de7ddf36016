"""Whatever is asked of the simulated Stripe, in whatever order: it answers in Stripe's shape, and its books balance."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from stripe._api_requestor import _api_encode

from tests.stripe.http import Request
from tests.stripe.lifecycle import ENDED
from tests.stripe.simulator import StripeSimulator
from tests.stripe.world import Object

DAY = 86_400
BEHAVIOURS = st.sampled_from(["create_prorations", "always_invoice", "none"])
PAYMENTS = st.sampled_from(["allow_incomplete", "error_if_incomplete", "pending_if_incomplete"])
SEATS = st.integers(1, 40)
STARTS = st.sampled_from([(2027, 1, 31, 10), (2028, 2, 29, 0), (2027, 6, 15, 12, 30)])


class Account(RuleBasedStateMachine):
    """One customer, who does anything, while time passes and cards fail."""

    @initialize(
        start=STARTS, price=st.integers(0, 3), seats=SEATS, days=st.sampled_from([None, 14]), sent=st.booleans()
    )
    def open(self, start: tuple[int, ...], price: int, seats: int, days: int | None, sent: bool) -> None:
        self.sim = StripeSimulator(clock=datetime(*start, tzinfo=UTC), token="life")  # type: ignore[misc,arg-type]
        self.world = self.sim.world
        product = self.ask("POST", "/v1/products", {"name": "Plan"})["id"]
        self.prices = [
            self.ask("POST", "/v1/prices", {"product": product, "currency": "eur", "unit_amount": amount,
                                            "recurring": {"interval": interval}})["id"]
            for amount, interval in ((0, "month"), (1000, "month"), (1999, "month"), (10_000, "year"))
        ]  # fmt: skip
        self.customer = self.ask("POST", "/v1/customers", {"email": "a@example.com"})["id"]
        self.sim.save_card(self.customer)
        self.subscribe(price=price, seats=seats, days=days, sent=sent)

    def teardown(self) -> None:
        if hasattr(self, "sim"):
            self.sim._server.discard()

    def ask(self, method: str, path: str, params: dict[str, Any] | None = None) -> Object:
        """A request, as the SDK would encode it, without HTTP between."""
        encoded = urlencode(list(_api_encode(params or {})))
        query, body = ("", encoded.encode()) if method == "POST" else (encoded, b"")
        headers = {"authorization": "Bearer sk_test_x"}
        before = msgspec.json.encode(self.world.objects)
        response = self.sim._answer(Request(method, path, query, headers, body))
        assert response.status < 500
        if response.status in (400, 404) or path.endswith("create_preview"):  # a declined card may change something
            assert msgspec.json.encode(self.world.objects) == before
        answer: Object = msgspec.json.decode(response.body)
        return answer

    def pick(self, data: st.DataObject, kind: str, *statuses: str) -> Object | None:
        found = [each for each in self.world.select(kind) if not statuses or each["status"] in statuses]
        return found[data.draw(st.integers(0, len(found) - 1), label=kind)] if found else None

    @rule(price=st.integers(0, 3), seats=SEATS, days=st.sampled_from([None, 1]), sent=st.booleans())
    def subscribe_again(self, price: int, seats: int, days: int | None, sent: bool) -> None:
        self.subscribe(price, seats, days, sent)

    def subscribe(self, price: int, seats: int, days: int | None, sent: bool) -> None:
        if len([each for each in self.world.select("subscription") if each["status"] not in ENDED]) >= 2:
            return
        params: dict[str, Any] = {
            "customer": self.customer,
            "items": [{"price": self.prices[price], "quantity": seats}],
        }
        if days is not None:
            params["trial_period_days"] = days
        if sent:
            params |= {"collection_method": "send_invoice", "days_until_due": 7}
        self.ask("POST", "/v1/subscriptions", params)

    @rule(data=st.data(), price=st.integers(0, 3), seats=SEATS, behaviour=BEHAVIOURS, payment=PAYMENTS)
    def change(self, data: st.DataObject, price: int, seats: int, behaviour: str, payment: str) -> None:
        subscription = self.pick(data, "subscription")
        if subscription is not None:
            item = subscription["items"]["data"][0]["id"]
            asked = {
                "items": [{"id": item, "price": self.prices[price], "quantity": seats}],
                "proration_behavior": behaviour,
            }
            preview = {"subscription": subscription["id"], "subscription_details": asked}
            self.ask("POST", "/v1/invoices/create_preview", preview)
            self.ask("POST", f"/v1/subscriptions/{subscription['id']}", {**asked, "payment_behavior": payment})

    @rule(data=st.data(), price=st.integers(1, 3), seats=SEATS)
    def schedule(self, data: st.DataObject, price: int, seats: int) -> None:
        subscription = self.pick(data, "subscription", "active", "trialing", "past_due")
        if subscription is None:
            return
        schedule = subscription["schedule"]
        if schedule is None:
            made = self.ask("POST", "/v1/subscription_schedules", {"from_subscription": subscription["id"]})
            schedule = made.get("id")
        present = self.ask("GET", f"/v1/subscription_schedules/{schedule}")["phases"][-1]
        items = [{"price": each["price"], "quantity": each["quantity"]} for each in present["items"]]
        phases = [
            {"items": items, "start_date": present["start_date"], "end_date": present["end_date"]},
            {"items": [{"price": self.prices[price], "quantity": seats}], "duration": {"interval": "month"}},
        ]
        self.ask("POST", f"/v1/subscription_schedules/{schedule}", {"phases": phases})

    @rule(data=st.data(), what=st.sampled_from(["release", "cancel"]))
    def end_schedule(self, data: st.DataObject, what: str) -> None:
        schedule = self.pick(data, "subscription_schedule", "active")
        if schedule is not None:
            self.ask("POST", f"/v1/subscription_schedules/{schedule['id']}/{what}")

    @rule(data=st.data(), what=st.sampled_from(["end", "resume", "now", "pause", "unpause"]))
    def stop(self, data: st.DataObject, what: str) -> None:
        subscription = self.pick(data, "subscription")
        if subscription is None:
            return
        path = f"/v1/subscriptions/{subscription['id']}"
        if what == "now":
            self.ask("DELETE", path, {"prorate": True, "invoice_now": True})
        elif what in ("pause", "unpause"):
            self.ask("POST", f"{path}/{'pause' if what == 'pause' else 'resume'}")
        else:
            self.ask("POST", path, {"cancel_at_period_end": what == "end"})

    @rule(data=st.data(), how=st.sampled_from(["pay", "void", "mark_uncollectible", "outside"]))
    def settle(self, data: st.DataObject, how: str) -> None:
        invoice = self.pick(data, "invoice", "open", "draft", "uncollectible")
        if invoice is not None:
            params = {"paid_out_of_band": True} if how == "outside" else {}
            self.ask("POST", f"/v1/invoices/{invoice['id']}/{'pay' if how == 'outside' else how}", params)

    @rule(data=st.data(), amount=st.integers(1, 3000))
    def refund(self, data: st.DataObject, amount: int) -> None:
        charge = self.pick(data, "charge", "succeeded")
        if charge is not None:
            self.ask("POST", "/v1/refunds", {"charge": charge["id"], "amount": amount})

    @rule(works=st.booleans())
    def card(self, works: bool) -> None:
        if works:
            self.sim.card_works(self.customer)
        else:
            self.sim.card_fails(self.customer)

    @rule(seconds=st.integers(1, 45 * DAY))
    def pass_time(self, seconds: int) -> None:
        self.sim.advance(self.sim.now + seconds)

    @invariant()
    def nothing_is_against_the_types(self) -> None:
        if hasattr(self, "sim"):
            assert self.sim.violations == []

    @invariant()
    def the_books_balance(self) -> None:
        if not hasattr(self, "sim"):
            return
        for invoice in self.world.select("invoice"):
            lines = self.world.invoice_lines[invoice["id"]]
            assert invoice["total"] == sum(line["amount"] for line in lines)
            assert (
                invoice["amount_due"] == invoice["amount_paid"] + invoice["amount_remaining"]
                or invoice["status"] == "void"
            )
            if invoice["status"] not in ("draft", "void"):
                applied = invoice["starting_balance"] - invoice["ending_balance"]
                assert invoice["amount_due"] == invoice["total"] + applied
        booked = sum(each["amount"] for each in self.world.select("customer_balance_transaction"))
        assert booked == self.world.objects[self.customer]["balance"]

    @invariant()
    def periods_hold_the_present(self) -> None:
        if not hasattr(self, "sim"):
            return
        for subscription in self.world.select("subscription"):
            if subscription["status"] in ("active", "past_due", "unpaid", "trialing"):
                item = subscription["items"]["data"][0]
                assert item["current_period_start"] <= self.sim.now < item["current_period_end"]


TestAccount = Account.TestCase
TestAccount.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
