"""Lines of invoices: a period of an item, what a change credits and charges, what was used."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

from tests.stripe.blanks import part
from tests.stripe.money import THREE_DECIMAL, ZERO_DECIMAL, share, step
from tests.stripe.world import Object, World


@dataclass(frozen=True)
class Wanted:
    """A price and how many of it."""

    price: Object
    quantity: int

    @property
    def amount(self) -> int:
        """For a whole period, in minor units."""
        return whole_amount(self.price, self.quantity)

    @property
    def name(self) -> str:
        return f"{self.quantity} × {self.price['nickname'] or self.price['lookup_key'] or self.price['id']}"


def whole_amount(price: Object, quantity: Decimal | int) -> int:
    """Unit price times quantity, rounded half up to what the currency can be charged in."""
    unit = step(price["currency"])
    exact = Decimal(price["unit_amount_decimal"]) * quantity / unit
    return int(exact.quantize(Decimal(1), ROUND_HALF_UP)) * unit


def as_money(amount: int, currency: str) -> str:
    """An amount for people, in English."""
    digits = 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2
    return f"{currency.upper()} {Decimal(amount).scaleb(-digits):,.{digits}f}"


def _day(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%d %b %Y").lstrip("0")


def period_line(world: World, subscription: Object, item: Object, wanted: Wanted, period: tuple[int, int],
                *, trial: bool = False) -> Object:  # fmt: skip
    """A whole period of an item, in advance."""
    recurring = wanted.price["recurring"]
    text = f"{wanted.name} (at {as_money(whole_amount(wanted.price, 1), wanted.price['currency'])} / {recurring['interval']})"
    return _line(
        world, subscription, item["id"], wanted, 0 if trial else wanted.amount, period,
        f"Trial period for {wanted.name}" if trial else text,
    )  # fmt: skip


def usage_line(world: World, subscription: Object, item: Object, used: int, period: tuple[int, int]) -> Object:
    """What a metered price comes to for the period that ended."""
    wanted = Wanted(item["price"], used)
    return _line(world, subscription, item["id"], wanted, wanted.amount, period, f"{wanted.name} used")


@dataclass(frozen=True)
class Debit:
    """What an item was charged for a span of time, by one line: what a credit gives back from."""

    line_id: str
    wanted: Wanted
    amount: int
    start: int
    end: int


def proration_lines(world: World, subscription: Object, item_id: str, old: Wanted | None, new: Wanted | None,
                    period: tuple[int, int], at: int) -> list[Object]:  # fmt: skip
    """Credit for the unused time of what was, charge for the rest of the period for what will be; to the second.

    With flexible billing, a credit comes from what was really charged, one line for each charge; with the classic
    mode, from the price and quantity as they are.
    """
    start, end = period
    lines = []
    if old is not None and subscription["billing_mode"]["type"] == "classic":
        debits = [Debit("", old, old.amount, start, end)] if not _metered(old) else []
    else:
        debits = [each for each in world.debits[item_id] if each.end > at and old is not None]
    for debit in debits:
        since = max(at, debit.start)
        amount = share(-debit.amount, debit.end - since, debit.end - debit.start, debit.wanted.price["currency"])
        text = f"Unused time on {debit.wanted.name} after {_day(at)}"
        line = _line(world, subscription, item_id, debit.wanted, amount, (since, debit.end), text, proration=True)
        world.credits[line["id"]] = debit.line_id
        lines.append(line)
    if new is not None and not _metered(new):
        amount = share(new.amount, end - at, end - start, new.price["currency"])
        text = f"Remaining time on {new.name} after {_day(at)}"
        lines.append(_line(world, subscription, item_id, new, amount, (at, end), text, proration=True))
    return lines


def _metered(wanted: Wanted) -> bool:
    return bool((wanted.price["recurring"] or {}).get("usage_type") == "metered")


def book_lines(world: World, lines: list[Object]) -> None:
    """Note what lines charge, and what they give back of it: later credits come from the rest."""
    for line in lines:
        details = line["parent"]["subscription_item_details"]
        if details is None:
            continue
        debits = world.debits[details["subscription_item"]]
        credited = world.credits.get(line["id"])
        if credited is not None:
            _name_credited(world, line, credited)
            debits[:] = [each for each in debits if each.line_id != credited]
        elif line["amount"] > 0:
            wanted = Wanted(world.objects[line["pricing"]["price_details"]["price"]], line["quantity"])
            period = line["period"]
            if not _metered(wanted):
                debits[:] = [each for each in debits if each.end > period["start"]]
                debits.append(Debit(line["id"], wanted, line["amount"], period["start"], period["end"]))


def _name_credited(world: World, line: Object, credited: str) -> None:
    invoice = world.line_invoices.get(credited)
    if invoice is not None:
        items = {"invoice": invoice, "invoice_line_items": [credited]}
        line["parent"]["subscription_item_details"]["proration_details"] = {"credited_items": items}


def _line(world: World, subscription: Object, item_id: str, wanted: Wanted, amount: int, period: tuple[int, int],
          description: str, *, proration: bool = False) -> Object:  # fmt: skip
    price = wanted.price
    return {
        "id": world.new_id("line_item"), "object": "line_item", "livemode": False, "amount": amount, "subtotal": amount,
        "currency": price["currency"], "description": description, "discountable": not proration, "discounts": [],
        "discount_amounts": [], "invoice": None, "metadata": dict(subscription["metadata"]),
        "parent": part(
            "line_item", "parent", type="subscription_item_details",
            subscription_item_details=part(
                "line_item", "parent", "subscription_item_details", subscription=subscription["id"],
                subscription_item=item_id, proration=proration, invoice_item=None,
                proration_details={"credited_items": None} if proration else None,
            ),
        ),
        "period": {"start": period[0], "end": period[1]}, "pretax_credit_amounts": [], "taxes": [],
        "pricing": {"type": "price_details", "unit_amount_decimal": price["unit_amount_decimal"],
                    "price_details": {"price": price["id"], "product": price["product"]}},
        "quantity": wanted.quantity, "subscription": subscription["id"],
    }  # fmt: skip


def hold(world: World, subscription: Object, line: Object) -> Object:
    """Keep a proration for the next invoice, as an invoice item."""
    item = world.add(
        "invoiceitem", of=subscription, customer=subscription["customer"], amount=line["amount"], net_amount=line["amount"],
        currency=line["currency"], date=world.now(subscription), description=line["description"], discountable=False,
        discounts=[], period=dict(line["period"]), pricing=line["pricing"], proration=True, quantity=line["quantity"],
        quantity_decimal=str(line["quantity"]), tax_rates=[], metadata=dict(line["metadata"]),
        parent={"type": "subscription_details", "subscription_details": {
            "subscription": subscription["id"],
            "subscription_item": line["parent"]["subscription_item_details"]["subscription_item"]}},
    )  # fmt: skip
    book_lines(world, [line])
    world.held_lines[item["id"]] = line
    world.waiting_items[subscription["id"]].append(item)
    line["parent"]["subscription_item_details"]["invoice_item"] = item["id"]
    world.emit("invoiceitem.created", item)
    return item


def held(world: World, subscription: Object) -> list[Object]:
    """The invoice items that wait for the subscription's next invoice, oldest first."""
    waiting = world.waiting_items[subscription["id"]]
    waiting[:] = [each for each in waiting if not each.get("deleted") and each["invoice"] is None]
    return list(waiting)
