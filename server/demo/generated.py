"""A trading company made up for the demo: the same at every run, as large as a real small one, and without a file."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product as combinations
from typing import Final

from server.demo.company import (
    Address,
    Category,
    Company,
    Customer,
    Holding,
    PastLine,
    PastOrder,
    Person,
    Product,
    Region,
    Territory,
)

SEED: Final = 20_260_101
CUSTOMERS: Final = 90
ORDERS: Final = 800
_FIRST_ORDER: Final = datetime(2025, 1, 6, tzinfo=UTC)

_PEOPLE: Final = (
    # first name, last name, title, reports to
    ("Helena", "Brandt", "Sales Director", None),
    ("Amir", "Haddad", "Sales Manager", "1"),
    ("Ida", "Lindqvist", "Sales Representative", "1"),
    ("Tom", "Okafor", "Sales Representative", "1"),
    ("Marta", "Silva", "Sales Representative", "1"),
    ("Jonas", "Weber", "Sales Representative", "2"),
    ("Chloe", "Martin", "Sales Representative", "2"),
    ("Pavel", "Novak", "Sales Representative", "2"),
    ("Rosa", "Greco", "Sales Representative", "1"),
)
_REGIONS: Final = {"North": ("Harbour", "Old Town", "Airport"), "South": ("Riverside", "Vineyards", "Hills"),
                   "West": ("Station", "University", "Docks")}  # fmt: skip
_GOODS: Final = {
    "Tea": ("Black Tea", "Green Tea", "Mint Tea", "Chamomile", "Earl Grey", "Rooibos"),
    "Coffee": ("House Blend", "Espresso Beans", "Decaf", "Arabica", "Filter Roast", "Cold Brew"),
    "Sweets": ("Shortbread", "Dark Chocolate", "Nougat", "Toffee", "Gingerbread", "Marzipan"),
    "Preserves": ("Orange Marmalade", "Apricot Jam", "Honey", "Plum Butter", "Fig Spread", "Quince Jelly"),
}
_PACKAGES: Final = {"Small": ("6 packs of 100 g", 1), "Family": ("12 packs of 250 g", 2), "Catering": ("1 kg bag", 3)}
_SHOPS: Final = ("Corner Shop", "Deli", "Café", "Market", "Bakery", "Bistro", "Grocery", "Tea Room", "Hotel", "Canteen")
_STREETS: Final = ("Mill Lane", "Church Street", "Market Square", "Station Road", "High Street", "Garden Row")
_FIRST: Final = ("Anna", "Luca", "Eva", "Omar", "Nina", "Karl", "Lea", "Hugo", "Mila", "Otto", "Zoe", "Felix")
_LAST: Final = ("Berg", "Costa", "Dahl", "Esposito", "Fischer", "Garcia", "Holm", "Ivanov", "Jansen", "Klein", "Lund")
_TITLES: Final = ("Owner", "Buyer", "Shop Manager", "Head Chef", "Assistant")


def generate_company() -> Company:
    """The company."""
    chance = random.Random(SEED)  # noqa: S311 - no secret: the same at every run is the point
    company = Company("Teatime Trading", "generated")
    _add_people(company)
    _add_catalogue(company, chance)
    _add_customers(company, chance)
    _add_orders(company, chance)
    return company


def _add_people(company: Company) -> None:
    company.people = [Person(str(n), *person) for n, person in enumerate(_PEOPLE, 1)]
    for number, (region, places) in enumerate(_REGIONS.items(), 1):
        company.regions.append(Region(str(number), region))
        company.territories += [Territory(f"{number}-{n}", place, str(number)) for n, place in enumerate(places, 1)]
    company.holdings = [
        Holding(person.key, territory.key)
        for person, territory in zip(company.people, company.territories, strict=True)
    ]


def _add_catalogue(company: Company, chance: random.Random) -> None:
    company.categories = [Category(str(n), name) for n, name in enumerate(_GOODS, 1)]
    sorts = [(str(n), sort) for n, names in enumerate(_GOODS.values(), 1) for sort in names]
    for number, ((category, sort), (size, (package, factor))) in enumerate(combinations(sorts, _PACKAGES.items()), 1):
        cents = chance.randrange(250, 1_500, 5) * factor
        in_stock = Decimal(chance.randrange(15, 120))
        price = Decimal(cents).scaleb(-2)
        company.products.append(
            Product(str(number), f"{sort}, {size}", category, package, price, in_stock, active=number % 23 != 0)
        )


def _add_customers(company: Company, chance: random.Random) -> None:
    for number in range(1, CUSTOMERS + 1):
        first, last = chance.choice(_FIRST), chance.choice(_LAST)
        street = chance.choice(_STREETS)
        house, postal_code = chance.randrange(1, 99), f"{chance.randrange(10_000, 99_999)}"
        city = company.territories[number % len(company.territories)].name
        company.customers.append(
            Customer(
                f"C{number:03}",
                f"{last}'s {chance.choice(_SHOPS)}, {street}",
                f"{first} {last}",
                chance.choice(_TITLES),
                Address(f"{house} {street}", city, None, postal_code, "USA"),
                f"(206) 555-{chance.randrange(1_000, 9_999)}",
                None,
            )
        )


def _add_orders(company: Company, chance: random.Random) -> None:
    """Orders of two years; a customer mostly keeps the rep that the first one had."""
    reps = {c.key: company.people[n % len(company.people)].key for n, c in enumerate(company.customers)}
    for number in range(1, ORDERS + 1):
        customer = company.customers[(number * 7) % CUSTOMERS]
        rep = reps[customer.key] if chance.random() < 0.9 else chance.choice(company.people).key
        at = _FIRST_ORDER + timedelta(hours=number * 14)
        shipped_on = None if number > ORDERS - 15 else (at + timedelta(days=chance.randrange(1, 9))).date()
        required_on = (at + timedelta(days=14)).date()
        key = f"{20_000 + number}"
        company.orders.append(PastOrder(key, customer.key, rep, at, required_on, shipped_on, customer.address))
        for product in chance.sample(company.products, chance.randrange(1, 5)):
            quantity, discount = Decimal(chance.randrange(1, 13)), chance.choice(("0", "0", "0.05", "0.1"))
            company.lines.append(PastLine(key, product.key, product.price, quantity, Decimal(discount)))
