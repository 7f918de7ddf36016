"""Who plays in the story, at which customers and with which products: chosen by rules, so that any company will do."""

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal

from server.demo.company import Company, Customer, Person, Product
from server.demo.stage import DemoError

AVAILABLE_MIN = 12


@dataclass(frozen=True, slots=True)
class Cast:
    """The story's people, customers and products."""

    first: Person
    """A rep: goes offline, and loses a reply."""
    second: Person
    """A rep who stands in for the first: goes offline too."""
    third: Person
    """A rep who is given one of the first's customers."""
    manager: Person
    shared: Customer
    """Visited by both first and second."""
    moved: Customer
    """The first's, then the third's."""
    own: Customer
    """The second's alone."""
    scarce: Product
    available: Decimal
    """Units of the scarce product that nobody has reserved."""
    plenty: Product
    dearer: Product
    """Its price is raised."""
    renamed: Product


def choose_cast(company: Company) -> Cast:
    """Who plays what.

    Raises:
        DemoError: the company has too few reps, customers or products for the story.
    """
    customers = _customers_by_rep(company)
    reps = [p for p in company.people if p.key not in company.managers() and customers.get(p.key)]
    reps.sort(key=lambda p: (-len(customers[p.key]), p.key))
    top = [p for p in company.people if p.key in company.managers() and p.manager is None]
    stock = _available(company)
    products = [p for p in company.products if p.active and stock[p.key] >= AVAILABLE_MIN]
    if len(reps) < 3 or not top or len(customers[reps[0].key]) < 2 or len(products) < 4:
        raise DemoError(
            "The story needs a manager, three reps with customers who have a contact, and four products in stock. "
            "Repair the rows that could not be read, or give other data."
        )
    first, second, third = reps[:3]
    shared, moved = customers[first.key][:2]
    scarce, plenty, dearer, renamed = products[:4]
    return Cast(
        first=first,
        second=second,
        third=third,
        manager=top[0],
        shared=shared,
        moved=moved,
        own=customers[second.key][0],
        scarce=scarce,
        available=stock[scarce.key],
        plenty=plenty,
        dearer=dearer,
        renamed=renamed,
    )


def _customers_by_rep(company: Company) -> dict[str, list[Customer]]:
    """Rep → their customers that have a contact."""
    reps = company.reps_of_customers()
    found: dict[str, list[Customer]] = {}
    for customer in company.customers:
        if customer.key in reps and customer.contact:
            found.setdefault(reps[customer.key], []).append(customer)
    return found


def _available(company: Company) -> dict[str, Decimal]:
    waiting = {order.key for order in company.orders if order.shipped_on is None}
    reserved: Counter[str] = Counter()
    for line in company.lines:
        if line.order in waiting:
            reserved[line.product] += int(line.quantity)
    return {p.key: p.in_stock - reserved[p.key] for p in company.products}
