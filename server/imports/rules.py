"""What a row must be, and what it has where the file is silent. Pure: the rules of REST, over loaded facts.

Each rule takes a piece's values with ids in place of references, completes them, and returns what is wrong.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from outrider_sdk.rules import line_amount_minor, to_minor

from server.imports.known import Facts
from server.imports.pieces import Piece, Problem, Record

Rule = Callable[[dict[str, Any], Facts], list[Problem]]

BASE_UNIT: Final = "unit"
"""Of products whose file names none."""
AMOUNT_MAX: Final = Decimal(10) ** 12
"""Major units that a line may cost."""
IMPORTED_STATUS: Final = "closed"
"""Of orders whose file names none: what is imported is history."""
RESERVING: Final = frozenset({"accepted", "partly_accepted"})
"""Statuses in which an order holds stock."""
_SHIPPED: Final = frozenset({"shipped", "delivered", "closed"})


def complete(piece: Piece, record: Record, facts: Facts, *, creating: bool) -> list[Problem]:
    """Give a piece what it lacks; what is wrong with it. Pieces before it are complete already."""
    for name, place in piece.part.copies.items():
        part, _, other = place.partition(".")
        source = next((each for each in record.pieces if each.part.name == part), None)
        if name not in piece.values and source is not None and other in source.values:
            piece.values[name] = source.values[other]
            piece.copied.add(name)
    rule = _RULES.get(piece.part.entity_name)
    if rule is None or not (creating or piece.part.entity_name in FOUND_BY_COMPLETED):
        return _check_period(piece.values)
    return rule(piece.values, facts)


def _check_period(values: dict[str, Any]) -> list[Problem]:
    starts_on, ends_on = values.get("starts_on"), values.get("ends_on")
    if starts_on and ends_on and ends_on < starts_on:
        return [Problem("ends_on", "it ends before it starts")]
    return []


def _member(values: dict[str, Any], facts: Facts) -> list[Problem]:
    role = values.get("role")
    if role is None or role in ("rep", "manager", "admin", "billing"):
        return []
    if role not in facts.roles:
        own = f", {', '.join(sorted(set(facts.roles.values())))}" if facts.roles else ""
        return [Problem("role", f"“{role}” is none of: rep, manager, admin, billing{own}")]
    values["role"] = facts.roles[role]
    return []


def _product(values: dict[str, Any], facts: Facts) -> list[Problem]:
    values.setdefault("base_unit", BASE_UNIT)
    return []


def _product_unit(values: dict[str, Any], facts: Facts) -> list[Problem]:
    problems = [Problem(name, "it must be more than 0") for name in ("factor", "multiple") if values.get(name) == 0]
    product = facts.products.get(values.get("product_id"))  # type: ignore[arg-type]
    if product is not None and product["base_unit"] == values.get("unit"):
        problems.append(Problem("unit", "this is the product's base unit: its factor is 1 always"))
    return problems


def _price_item(values: dict[str, Any], facts: Facts) -> list[Problem]:
    problems = _check_period(values)
    _base_unit(values, facts)
    values.setdefault("minimum_quantity", Decimal(0))
    values.setdefault("starts_on", None)
    return problems + _only(values, "price_list_id", list(facts.price_lists), "price list")


def _base_unit(values: dict[str, Any], facts: Facts) -> None:
    product = facts.products.get(values.get("product_id"))  # type: ignore[arg-type]
    if "unit" not in values and product is not None:
        values["unit"] = product.get("base_unit")


def _only(values: dict[str, Any], name: str, known: list[UUID], noun: str) -> list[Problem]:
    """The only row there is, where the file names none."""
    if values.get(name) is not None:
        return []
    if len(known) == 1:
        values[name] = known[0]
        return []
    how = "there is none yet: import or create one" if not known else "there are several: map a column, or --set one"
    return [Problem(name, f"no {noun} is named, and {how}")]


def _stock(values: dict[str, Any], facts: Facts) -> list[Problem]:
    if "quantity" in values:
        values.setdefault("as_of", facts.now)
    return _only(values, "warehouse_id", facts.warehouses, "warehouse")


def _agreement(values: dict[str, Any], facts: Facts) -> list[Problem]:
    problems = _only(values, "price_list_id", list(facts.price_lists), "price list")
    problems += _only(values, "legal_entity_id", list(facts.legal_entities), "legal entity")
    price_list = facts.price_lists.get(values.get("price_list_id"))  # type: ignore[arg-type]
    if price_list is not None and values.setdefault("currency", price_list["currency"]) != price_list["currency"]:
        problems.append(
            Problem("currency", f"the price list is in {price_list['currency']}: use that, or another list")
        )
    limit = values.get("credit_limit_minor")
    if isinstance(limit, Decimal) and "currency" in values:
        values["credit_limit_minor"] = to_minor(limit, values["currency"])
    return problems


def _receivable(values: dict[str, Any], facts: Facts) -> list[Problem]:
    problems = _only(values, "legal_entity_id", list(facts.legal_entities), "legal entity")
    company = facts.legal_entities.get(values.get("legal_entity_id"))  # type: ignore[arg-type]
    if company is None:
        return problems
    currency = values.setdefault("currency", company["currency"])
    for name in ("balance_minor", "amount_minor"):
        if isinstance(values.get(name), Decimal):
            values[name] = to_minor(values[name], currency)
    values.setdefault("as_of", facts.now)
    return problems


def _contact(values: dict[str, Any], facts: Facts) -> list[Problem]:
    outlet = facts.outlets.get(values.get("outlet_id"))  # type: ignore[arg-type]
    if outlet is None:
        return []
    if values.setdefault("account_id", outlet["account_id"]) != outlet["account_id"]:
        return [Problem("outlet_id", "this outlet belongs to another account")]
    return []


def _order(values: dict[str, Any], facts: Facts) -> list[Problem]:
    """Parties and terms are those of the outlet's account, as they are now."""
    outlet = facts.outlets.get(values["outlet_id"]) if values.get("outlet_id") else None
    if outlet is None:
        return []
    agreements = facts.agreements.get(outlet["account_id"], [])
    if len(agreements) != 1:
        found = "none" if not agreements else "several"
        return [Problem("outlet_id", f"the account has {found} of the agreements on which it could have ordered")]
    maker = values.setdefault("maker_id", facts.actor_id)
    if maker is None:
        return [Problem("maker_id", "nobody is named who took it: map a column to rep, or --set rep=NAME")]
    terms = agreements[0]
    status = values.setdefault("status", IMPORTED_STATUS)
    if status in ("submitted", "needs_attention", "awaiting"):
        return [
            Problem("status", f"an order that is {status.replace('_', ' ')} waits for us to judge it: import a draft")
        ]
    values.setdefault("captured_at", facts.now)
    values.update(
        owner_id=maker,
        credited_id=maker,
        account_id=outlet["account_id"],
        agreement_id=terms["id"],
        legal_entity_id=terms["legal_entity_id"],
        price_list_id=terms["price_list_id"],
        price_list_version=facts.price_lists[terms["price_list_id"]].get("version") or 1,
        currency=terms["currency"],
    )
    if status != "draft":
        values.setdefault("submitted_at", values["captured_at"])
    if "address_snapshot" not in values and outlet.get("address") is not None:
        values["address_snapshot"] = outlet["address"]
    return _only(values, "warehouse_id", facts.warehouses, "warehouse")


def _order_line(values: dict[str, Any], facts: Facts) -> list[Problem]:
    """Factor, price and amount; what was ordered is what was accepted, and shipped where the order was."""
    product = facts.products.get(values.get("product_id"))  # type: ignore[arg-type]
    order = facts.orders.get(values.get("order_id"))  # type: ignore[arg-type]
    if product is None or order is None or order.get("price_list_id") is None:
        return []
    if not order.get("imported", True):
        return [Problem("order", f"order {order['number']} was not imported from there: its lines stay as they are")]
    if not values.get("quantity"):
        return [Problem("quantity", "order more than 0")]
    _base_unit(values, facts)
    unit = values["unit"]
    factor = Decimal(1) if unit == product["base_unit"] else facts.units.get((values["product_id"], unit))
    if factor is None:
        return [Problem("unit", f"“{product['name']}” is not sold by the {unit}")]
    price = values.get("list_price", facts.prices.get((order["price_list_id"], values["product_id"], unit)))
    if price is None:
        return [Problem("list_price", f"no price is given, and it has none per {unit} in the order's price list")]
    discount = values.setdefault("discount", Decimal(0))
    if price * values["quantity"] > AMOUNT_MAX:
        return [Problem("quantity", f"a line may cost {AMOUNT_MAX:f} at most")]
    amount = line_amount_minor(price, values["quantity"], discount, order["currency"])
    values.update(factor=factor, list_price=price, amount_minor=amount)
    if order["status"] not in ("draft", "refused", "cancelled"):
        values["quantity_accepted"] = values["quantity"]
    if order["status"] in _SHIPPED:
        values["quantity_shipped"] = values["quantity"]
    if order["status"] in _SHIPPED - {"shipped"}:
        values["quantity_delivered"] = values["quantity"]
    return []


def find_circle(facts: Facts, row_id: UUID, parent_id: UUID) -> bool:
    """Whether a row's new parent is the row itself, or below it; else the new parent is noted."""
    above: UUID | None = parent_id
    steps = 0
    while above is not None and above != row_id and steps < len(facts.parents) + 1:
        above, steps = facts.parents.get(above), steps + 1
    if above == row_id:
        return True
    facts.parents[row_id] = parent_id
    return False


_RULES: Final[dict[str, Rule]] = {
    "member": _member,
    "product": _product,
    "product_unit": _product_unit,
    "price_item": _price_item,
    "stock": _stock,
    "agreement": _agreement,
    "receivable": _receivable,
    "contact": _contact,
    "order": _order,
    "order_line": _order_line,
    "price_list": lambda values, _: _check_period(values),
    "assignment": lambda values, _: _check_period(values),
}
FOUND_BY_COMPLETED: Final = frozenset(
    {"member", "product_unit", "price_item", "stock", "agreement", "order_line", "receivable"}
)
"""Entities that are found again by what the rule completes, or whose values depend on each other."""
