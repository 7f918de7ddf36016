"""A company's typed rows → the rows of a tenant's tables. Pure.

Column values are JSON: ids, decimals, dates and moments as text, documents as they are. What is left out has the
table's default.
"""

import hashlib
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from outrider_sdk.rules import line_amount_minor, order_total_minor

from server.demo.company import Company, Customer, PastLine, PastOrder, Person
from server.demo.phones import normalize_phone

BASE_UNIT: Final = "unit"
DISCOUNT_MAX: Final = "0.25"
PAYMENT_TERMS_DAYS: Final = 30
_IDS_DATE_MS: Final = 946_684_800_000
"""The moment in the ids of imported rows, 2000-01-01: they sort before whatever is made by hand."""

IdOf = Callable[[str, str], str]
"""(entity, key) → id of the row, as text."""
Rows = dict[str, list[dict[str, Any]]]
"""Entity → rows. Those that came from a row of the source carry its key under `key`."""


def derived_id(system: str, entity: str, key: str) -> UUID:
    """The id of a row that is imported for the first time: a UUIDv7 whose random part is a hash of its external id."""
    digest = int.from_bytes(hashlib.sha256(f"{system}\n{entity}\n{key}".encode()).digest()[:10])
    random_a, random_b = digest >> 68, digest & (1 << 62) - 1
    return UUID(int=_IDS_DATE_MS << 80 | 0x7 << 76 | random_a << 64 | 0b10 << 62 | random_b)


def make_rows(company: Company, members: Mapping[str, UUID], id_of: IdOf) -> Rows:
    """The rows of every entity, parents before children.

    Args:
        members: person → member of the tenant.
        id_of: finds the id of an entity's row by its key.
    """
    maker = _RowMaker(company, {key: str(member) for key, member in members.items()}, id_of)
    rows: Rows = {}
    maker.add_catalogue(rows)
    maker.add_territories(rows)
    maker.add_customers(rows)
    maker.add_orders(rows)
    return rows


class _RowMaker:
    def __init__(self, company: Company, members: Mapping[str, str], id_of: IdOf) -> None:
        self.company = company
        self.members = members
        self.id_of = id_of
        self.people: dict[str, Person] = {p.key: p for p in company.people}
        self.reps = company.reps_of_customers()
        self.homes = company.home_territories()

    def _row(self, entity: str, key: str, **values: Any) -> dict[str, Any]:
        return {"id": self.id_of(entity, key), "key": key, **values}

    def add_catalogue(self, rows: Rows) -> None:
        """The company itself, its prices, its products and its depot."""
        company, currency = self.company, self.company.currency
        rows["legal_entity"] = [
            self._row("legal_entity", "main", name=company.name, country=company.country, currency=currency)
        ]
        rows["price_list"] = [self._row("price_list", "list", name="List prices", currency=currency)]
        rows["warehouse"] = [
            self._row("warehouse", "depot", name="Depot", legal_entity_id=self.id_of("legal_entity", "main"))
        ]
        rows["category"] = [
            self._row("category", c.key, name=c.name, position=at) for at, c in enumerate(company.categories, 1)
        ]
        rows["product"], rows["product_unit"], rows["price_item"], rows["stock"] = [], [], [], []
        reserved = self._reserved()
        for p in company.products:
            of = {"product_id": self.id_of("product", p.key)}
            rows["product"].append(
                self._row(
                    "product",
                    p.key,
                    sku=f"P{p.key.zfill(3)}",
                    name=p.name,
                    base_unit=BASE_UNIT,
                    category_id=self.id_of("category", p.category) if p.category else None,
                    description=p.package,
                    active=p.active,
                )
            )
            rows["product_unit"].append(self._row("product_unit", p.key, unit=BASE_UNIT, **of))
            price_list = self.id_of("price_list", "list")
            rows["price_item"].append(
                self._row("price_item", p.key, price_list_id=price_list, unit=BASE_UNIT, price=str(p.price), **of)
            )
            held = reserved.get(p.key, Decimal(0))
            depot = self.id_of("warehouse", "depot")
            rows["stock"].append(
                self._row("stock", p.key, warehouse_id=depot, quantity=str(p.in_stock), reserved=str(held), **of)
            )

    def _reserved(self) -> dict[str, Decimal]:
        """Product → what orders hold that are accepted and not yet shipped."""
        waiting = {order.key for order in self.company.orders if order.shipped_on is None}
        held: dict[str, Decimal] = {}
        for line in self.company.lines:
            if line.order in waiting:
                held[line.product] = held.get(line.product, Decimal(0)) + line.quantity
        return held

    def add_territories(self, rows: Rows) -> None:
        """Regions, and the territories in them, each with the manager of whoever works there."""
        top = next((p.key for p in self.company.people if p.manager is None and p.key in self.company.managers()), None)
        rows["territory"] = [
            self._row("territory", f"region {r.key}", name=r.name, parent_id=None, manager_id=self._member(top))
            for r in self.company.regions
        ]
        holders: dict[str, str] = {}
        for holding in self.company.holdings:
            holders.setdefault(holding.territory, holding.person)
        for t in self.company.territories:
            parent = self.id_of("territory", f"region {t.region}")
            manager = self._manager(holders.get(t.key))
            rows["territory"].append(
                self._row("territory", t.key, name=t.name, parent_id=parent, manager_id=self._member(manager))
            )

    def _manager(self, person: str | None) -> str | None:
        """Who manages what a person works: themself, where they are a manager."""
        if person is None or person in self.company.managers():
            return person
        return self.people[person].manager

    def _member(self, person: str | None) -> str | None:
        return None if person is None else self.members[person]

    def add_customers(self, rows: Rows) -> None:
        """Each customer: an account that is one outlet, its agreement, its contact, and who visits it."""
        for name in ("account", "outlet", "agreement", "contact", "contact_channel", "assignment"):
            rows[name] = []
        for customer in self.company.customers:
            self._add_customer(rows, customer)

    def _add_customer(self, rows: Rows, customer: Customer) -> None:
        key, rep = customer.key, self.reps.get(customer.key)
        account = {"account_id": self.id_of("account", key)}
        home = self.homes.get(rep) if rep else None
        rows["account"].append(self._row("account", key, name=customer.name))
        rows["outlet"].append(
            self._row(
                "outlet",
                key,
                name=customer.name,
                territory_id=self.id_of("territory", home) if home else None,
                address=customer.address.as_document(),
                **account,
            )
        )
        rows["agreement"].append(
            self._row(
                "agreement",
                key,
                legal_entity_id=self.id_of("legal_entity", "main"),
                price_list_id=self.id_of("price_list", "list"),
                currency=self.company.currency,
                payment_terms_days=PAYMENT_TERMS_DAYS,
                discount_max=DISCOUNT_MAX,
                **account,
            )
        )
        if customer.contact:
            rows["contact"].append(
                self._row("contact", key, name=customer.contact, job_title=customer.contact_title, **account)
            )
            rows["contact_channel"] += self._channels(customer)
        if rep:
            rows["assignment"].append(
                self._row("assignment", key, member_id=self.members[rep], outlet_id=self.id_of("outlet", key))
            )

    def _channels(self, customer: Customer) -> list[dict[str, Any]]:
        contact = self.id_of("contact", customer.key)
        numbers = (("phone", customer.phone), ("fax", customer.fax))
        return [
            self._row(
                "contact_channel",
                f"{customer.key} {kind}",
                contact_id=contact,
                channel_kind=kind,
                value=normalize_phone(number, customer.address.country),
                preferred=kind == "phone",
            )
            for kind, number in numbers
            if number
        ]

    def add_orders(self, rows: Rows) -> None:
        """Past orders with their lines, at the prices of then."""
        lines = self.company.lines_by_order()
        rows["order"], rows["order_line"] = [], []
        for order in self.company.orders:
            made = [self._line(order, line, at) for at, line in enumerate(lines.get(order.key, ()), 1)]
            rows["order"].append(self._order(order, order_total_minor(line["amount_minor"] for line in made)))
            rows["order_line"] += made

    def _order(self, order: PastOrder, total_minor: int) -> dict[str, Any]:
        member = self.members[order.person]
        at = order.ordered_at.isoformat()
        return self._row(
            "order",
            order.key,
            number=order.key,
            maker_id=member,
            owner_id=member,
            credited_id=member,
            account_id=self.id_of("account", order.customer),
            outlet_id=self.id_of("outlet", order.customer),
            legal_entity_id=self.id_of("legal_entity", "main"),
            agreement_id=self.id_of("agreement", order.customer),
            warehouse_id=self.id_of("warehouse", "depot"),
            price_list_id=self.id_of("price_list", "list"),
            currency=self.company.currency,
            address_snapshot=order.address.as_document(),
            delivery_date=order.required_on.isoformat() if order.required_on else None,
            status="closed" if order.shipped_on else "accepted",
            captured_at=at,
            submitted_at=at,
            total_minor=total_minor,
        )

    def _line(self, order: PastOrder, line: PastLine, position: int) -> dict[str, Any]:
        amount = line_amount_minor(line.price, line.quantity, line.discount, self.company.currency)
        quantity = str(line.quantity)
        delivered = quantity if order.shipped_on else None
        return self._row(
            "order_line",
            f"{line.order} {line.product}",
            order_id=self.id_of("order", line.order),
            position=position,
            product_id=self.id_of("product", line.product),
            unit=BASE_UNIT,
            quantity=quantity,
            list_price=str(line.price),
            discount=str(line.discount),
            amount_minor=amount,
            quantity_accepted=quantity,
            quantity_shipped=delivered,
            quantity_delivered=delivered,
        )
