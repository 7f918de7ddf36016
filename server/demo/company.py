"""A trading company as typed rows, whatever it was read from: what `load` writes into a tenant.

Rows name each other by *keys*: the ids that the source system gave them. Amounts are Decimals.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Person:
    """One who sells. `manager` is whom they report to; who is reported to is a manager."""

    key: str
    first_name: str
    last_name: str
    title: str
    manager: str | None

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}"


@dataclass(frozen=True, slots=True)
class Region:
    """The root of a branch of the territory tree."""

    key: str
    name: str


@dataclass(frozen=True, slots=True)
class Territory:
    """A territory within a region."""

    key: str
    name: str
    region: str


@dataclass(frozen=True, slots=True)
class Holding:
    """Who works a territory."""

    person: str
    territory: str


@dataclass(frozen=True, slots=True)
class Category:
    """A group of products."""

    key: str
    name: str


@dataclass(frozen=True, slots=True)
class Product:
    """What is sold, its list price in the company's currency, and how much of it the depot holds."""

    key: str
    name: str
    category: str | None
    """Key of its category."""
    package: str | None
    price: Decimal
    in_stock: Decimal
    active: bool


@dataclass(frozen=True, slots=True)
class Address:
    """Where somebody is, as one value."""

    street: str | None
    city: str | None
    region: str | None
    postal_code: str | None
    country: str | None

    def as_document(self) -> dict[str, str] | None:
        """The parts that are known; None where nothing is."""
        names = ("street", "city", "region", "postal_code", "country")
        known = {name: value for name in names if (value := getattr(self, name))}
        return known or None


@dataclass(frozen=True, slots=True)
class Customer:
    """An account that is one outlet, with the person to talk to there."""

    key: str
    name: str
    contact: str | None
    contact_title: str | None
    address: Address
    phone: str | None
    fax: str | None


@dataclass(frozen=True, slots=True)
class PastOrder:
    """An order of the past; `shipped_on` None: accepted, and still to be shipped."""

    key: str
    customer: str
    person: str
    ordered_at: datetime
    required_on: date | None
    shipped_on: date | None
    address: Address


@dataclass(frozen=True, slots=True)
class PastLine:
    """A line of a past order, at the price and discount (a fraction) of then."""

    order: str
    product: str
    price: Decimal
    quantity: Decimal
    discount: Decimal


@dataclass(slots=True)
class Company:
    """Everything that is known of the company."""

    name: str
    system: str
    """Which system the keys are of; with a key it makes an external id."""
    country: str = "US"
    currency: str = "USD"
    people: list[Person] = field(default_factory=list)
    regions: list[Region] = field(default_factory=list)
    territories: list[Territory] = field(default_factory=list)
    holdings: list[Holding] = field(default_factory=list)
    categories: list[Category] = field(default_factory=list)
    products: list[Product] = field(default_factory=list)
    customers: list[Customer] = field(default_factory=list)
    orders: list[PastOrder] = field(default_factory=list)
    lines: list[PastLine] = field(default_factory=list)

    def managers(self) -> set[str]:
        """Keys of the people to whom others report."""
        return {p.manager for p in self.people if p.manager is not None}

    def reps_of_customers(self) -> dict[str, str]:
        """Customer → person who took their latest order; who never ordered has none."""
        latest: dict[str, tuple[datetime, int, str]] = {}
        for number, order in enumerate(self.orders):
            candidate = (order.ordered_at, number, order.person)
            latest[order.customer] = max(candidate, latest.get(order.customer, candidate))
        return {customer: person for customer, (_, _, person) in latest.items()}

    def home_territories(self) -> dict[str, str]:
        """Person → the first of the territories that they work."""
        homes: dict[str, str] = {}
        for holding in self.holdings:
            homes.setdefault(holding.person, holding.territory)
        return homes

    def lines_by_order(self) -> dict[str, list[PastLine]]:
        """Order → its lines, in the order in which they were read."""
        found: dict[str, list[PastLine]] = {}
        for line in self.lines:
            found.setdefault(line.order, []).append(line)
        return found


def keys_of(rows: Iterable[Person | Region | Territory | Category | Product | Customer | PastOrder]) -> set[str]:
    """The keys of rows."""
    return {row.key for row in rows}
