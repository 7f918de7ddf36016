"""The year itself: acts over REST and on Stripe's pages, and time, which passes for both sides."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from server import clock
from server.billing.letters import say_amount
from server.billing.links import sign_up_token
from server.billing.sign_up import commands as sign_ups
from server.billing.sign_up.rules import Wish
from server.tenants.service import keep_spares
from tests.demo_billing.expected import Had, expected_total, months_from
from tests.integration.stripe_world import Shop, open_shop
from tests.stripe import StripeSimulator

BEGIN = datetime(2027, 1, 17, 9, 30, tzinfo=UTC)
DRAFTED = timedelta(hours=2)
"""A renewal's invoice is a draft for an hour."""
SECRET = b"k" * 32


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    day: datetime
    happened: str
    said: str
    access: str
    cost: str


@dataclass(slots=True)
class Year:
    """What became of it."""

    rows: list[Row] = field(default_factory=list)
    had: list[Had] = field(default_factory=list)
    invoiced_minor: int = 0
    expected_minor: int = 0
    charged_minor: int = 0
    checked: Mapping[str, int] = field(default_factory=dict)
    """How many requests and responses were held against the SDK's own types."""

    @property
    def agrees(self) -> bool:
        """Whether the invoices, the card and the reckoning come to the same."""
        return self.invoiced_minor == self.expected_minor == self.charged_minor


class Teller:
    """Plays the year and writes down each step."""

    def __init__(self, shop: Shop) -> None:
        self.shop, self.year = shop, Year()
        self._said: list[str] = []
        self._told: dict[str, tuple[str, int]] = {}
        take = shop.stripe.take_deliveries

        def recording() -> list[tuple[bytes, dict[str, str]]]:
            came = take()
            self._said += [json.loads(body)["type"] for body, _ in came]
            return came

        shop.stripe.take_deliveries = recording  # type: ignore[method-assign]

    async def tell(self, happened: str) -> None:
        """A row: what was said and invoiced since the last one, and how access stands."""
        await self.shop.hear()
        held = await self.shop.held()
        may = "" if held.may_write else ", read-only" if held.state != "active" else ""
        seats = "" if held.seats_max is None else f", {held.seats_max} seats"
        access = f"{held.state}: {held.plan}{seats}{may}"
        self.year.rows.append(Row(clock.now(), happened, self._summary(), access, await self._costs()))
        self._said.clear()

    def _summary(self) -> str:
        kinds = list(dict.fromkeys(kind.removeprefix("customer.") for kind in self._said))
        telling = [k for k in kinds if k.startswith(("invoice.p", "subscription", "checkout", "invoice.finalized"))]
        return ", ".join(telling) or "(nothing)"

    async def _costs(self) -> str:
        lines = []
        for invoice in await self.shop.invoices():
            now = (invoice["status"], invoice["total_minor"])
            if invoice["number"] and self._told.get(invoice["id"]) != now:
                self._told[invoice["id"]] = now
                lines.append(f"{invoice['number']}: {say_amount(now[1], 'EUR', 'en')} {now[0]}")
        return "\n".join(lines) or "–"

    def had(self, plan: str | None, seats: int, since: datetime | None = None) -> None:
        """What is had from now on, for the reckoning."""
        self.year.had.append(Had(since or clock.now(), plan, seats))

    async def go_to(self, moment: datetime) -> None:
        """Let time pass until then."""
        await self.shop.pass_time(moment - self.shop.now)


async def play(owner_urls: Mapping[str, str]) -> Year:
    """Play the year in a database; nothing leaves the machine."""
    with StripeSimulator.running(clock=BEGIN) as stripe:
        with clock.frozen(BEGIN):
            await keep_spares(owner_urls, count=1)
            wish = Wish("ann@acme.example", "Ann", "Acme", f"acme-{stripe.world.token}", country="NL")
            stored = await sign_ups.sign_up(wish, secret_key=SECRET, mails=False)
            opened = await sign_ups.open_workspace(sign_up_token(stored.id, SECRET), "correct horse battery")
        async with open_shop(opened.tenant, stripe) as shop:
            teller = Teller(shop)
            await _trial_and_purchase(teller)
            await _growth(teller)
            await _trouble(teller)
            await _less_and_end(teller)
            return await _reckon(teller)


async def _trial_and_purchase(teller: Teller) -> None:
    shop = teller.shop
    await teller.tell("Ann signs up; the trial begins, without a card")
    await teller.go_to(BEGIN + timedelta(days=14, hours=1))
    await teller.tell("The trial ends; nobody has bought anything")
    await shop.subscribe("team", 5)
    teller.had("team", 5)
    await teller.tell("Checkout: Team, 5 seats, by the month")


async def _growth(teller: Teller) -> None:
    shop, months = teller.shop, months_from(teller.shop.now, 12)
    await teller.go_to(months[0] + timedelta(days=9, hours=7, minutes=13))
    await shop.do("PUT", "/billing/seats", {"seats": 8})
    teller.had("team", 8)
    await teller.tell("Three reps more: 8 seats, the rest of the month charged at once")
    await teller.go_to(months[1] + DRAFTED)
    await teller.tell("A month later: the renewal")
    await teller.go_to(months[1] + timedelta(days=14, hours=5))
    await shop.do("POST", "/billing/changes", {"plan": "business"})
    teller.had("business", 8)
    await teller.tell("Upgrade to Business, at once")


async def _trouble(teller: Teller) -> None:
    shop = teller.shop
    months = months_from(teller.year.had[0].since, 12)
    customer = await shop.customer_id()
    await teller.go_to(months[2] + DRAFTED)
    await teller.tell("The renewal")
    await asyncio.to_thread(shop.stripe.card_fails, customer)
    await teller.go_to(months[3] + DRAFTED)
    await teller.tell("The card fails: everything works, with a banner")
    await teller.go_to(months[3] + timedelta(days=7, hours=4))
    await teller.tell("Day 7: no new seats or devices")
    await teller.go_to(months[3] + timedelta(days=14, hours=4))
    await teller.tell("Day 14: read-only; what devices capture is kept")
    await asyncio.to_thread(_pay_open_invoices, shop.stripe, customer)
    await teller.tell("Another card, and the open invoice is paid: all opens")


def _pay_open_invoices(stripe: StripeSimulator, customer: str) -> None:
    """What a person does on Stripe's pages: another card, and what is open."""
    method = stripe.save_card(customer)
    client = stripe.client()
    for invoice in client.v1.invoices.list({"customer": customer, "status": "open"}).data:
        client.v1.invoices.pay(invoice.id, {"payment_method": method})


async def _less_and_end(teller: Teller) -> None:
    shop = teller.shop
    months = months_from(teller.year.had[0].since, 12)
    await teller.go_to(months[5] + timedelta(days=3))
    await shop.do("POST", "/billing/changes", {"plan": "team"})
    await teller.tell("Two months on, downgrade to Team: it waits for the period's end")
    await teller.go_to(months[6] + DRAFTED)
    teller.had("team", 8, months[6])
    await teller.tell("The period ends: Team")
    await teller.go_to(months[10] + timedelta(days=10))
    await teller.tell("Four quiet months")
    await shop.do("PUT", "/billing/cancellation")
    await teller.tell("Ann cancels: it goes on until the period's end")
    await teller.go_to(months[11] + DRAFTED)
    teller.had(None, 0, months[11])
    await teller.tell("The end; data are kept for 90 days")


async def _reckon(teller: Teller) -> Year:
    year, shop = teller.year, teller.shop
    year.invoiced_minor = sum(row["total_minor"] for row in await shop.invoices() if row["status"] != "void")
    year.charged_minor = shop.charged()
    year.expected_minor = expected_total(year.had, months_from(year.had[0].since, 11))
    year.checked = shop.stripe.report()
    return year
