"""What the server derives for orders and lines that devices make, and when they may still be changed. Pure."""

from decimal import Decimal, localcontext
from typing import Any, Final

from outrider_sdk.rules import EDITABLE_STATUSES, line_amount_minor, order_total_minor

from server.crm.order.rules import DECIMAL_DIGITS
from server.sync.attempt import Attempt
from server.sync.refusals import Refusal, quoted
from server.sync.state import Row

AMOUNT_MINOR_MAX: Final = 2**63 - 1


def complete_order(attempt: Attempt, order: Row) -> None:
    """Derive a new order's parties, terms and address from its outlet and agreement."""
    values = order.values
    outlet = attempt.get("outlet", values["outlet_id"])
    agreement = attempt.get("agreement", values["agreement_id"])
    if agreement.values["account_id"] != outlet.values["account_id"]:
        raise Refusal("parent_missing", "The agreement is not one of this outlet's account.", field="agreement_id")
    # The agreement's list of now counts, also where the member lost it with the outlet, after the capture.
    price_list = attempt.state.rows["price_list", agreement.values["price_list_id"]]
    member = attempt.state.device.member_id
    values |= {
        "maker_id": member,
        "owner_id": member,
        "credited_id": member,
        "account_id": outlet.values["account_id"],
        "legal_entity_id": agreement.values["legal_entity_id"],
        "price_list_id": price_list.id,
        "price_list_version": price_list.values["version"],
        "currency": agreement.values["currency"],
        "address_snapshot": outlet.values["address"],
        "status": "draft",
        "captured_at": attempt.captured_at,
        "total_minor": 0,
    }


def complete_line(attempt: Attempt, line: Row) -> None:
    """Derive a line's factor and amount from its unit, quantity, price and discount."""
    values = line.values
    order = attempt.get("order", values["order_id"])
    if order.deleted or order.values["status"] not in EDITABLE_STATUSES:
        raise transition_illegal(attempt, order, "changed; a new draft can revise it")
    product = attempt.get("product", values["product_id"])
    values["factor"] = plain(find_factor(attempt, product, values["unit"]))
    values["adjustments"] = values["adjustments"] or "[]"
    with localcontext(prec=DECIMAL_DIGITS):
        values["amount_minor"] = _storable(
            line_amount_minor(
                Decimal(values["list_price"]),
                Decimal(values["quantity"]),
                Decimal(values["discount"]),
                order.values["currency"],
            )
        )


def plain(number: Decimal) -> str:
    """A decimal as it stands on the wire: never with an exponent."""
    return f"{number:f}"


def _storable(amount_minor: int) -> int:
    if amount_minor > AMOUNT_MINOR_MAX:
        raise Refusal("value_invalid", "The amount is larger than any that can be stored.", field="amount_minor")
    return amount_minor


def find_factor(attempt: Attempt, product: Row, unit: str) -> Decimal:
    """Base units in one unit as entered.

    Raises:
        Refusal: the product is not sold in that unit.
    """
    if unit == product.values["base_unit"]:
        return Decimal(1)
    for row in attempt.children("product_unit", product.id):
        if row.values["unit"] == unit:
            return Decimal(row.values["factor"])
    raise Refusal("value_invalid", f"“{product.values['name']}” is not sold by the {quoted(unit)}.", field="unit")


def complete_return(attempt: Attempt, row: Row) -> None:
    """Derive a new return's parties and terms from its outlet and agreement."""
    values = row.values
    outlet = attempt.get("outlet", values["outlet_id"])
    agreement = attempt.get("agreement", values["agreement_id"])
    if agreement.values["account_id"] != outlet.values["account_id"]:
        raise Refusal("parent_missing", "The agreement is not one of this outlet's account.", field="agreement_id")
    values |= {
        "maker_id": attempt.state.device.member_id,
        "account_id": outlet.values["account_id"],
        "legal_entity_id": agreement.values["legal_entity_id"],
        "currency": agreement.values["currency"],
        "status": "draft",
        "captured_at": attempt.captured_at,
        "total_minor": 0,
    }


def complete_return_line(attempt: Attempt, line: Row) -> None:
    """Derive a line's factor and amount; what it takes back was sold to the same outlet."""
    values = line.values
    parent = attempt.get("return_order", values["return_order_id"])
    if parent.deleted or parent.values["status"] != "draft":
        raise transition_illegal(attempt, parent, "changed")
    if values["source_line_id"] is not None:
        _check_source(attempt, values, parent)
    product = attempt.get("product", values["product_id"])
    values["factor"] = plain(find_factor(attempt, product, values["unit"]))
    with localcontext(prec=DECIMAL_DIGITS):
        price, quantity = Decimal(values["price"]), Decimal(values["quantity"])
        values["amount_minor"] = _storable(line_amount_minor(price, quantity, Decimal(0), parent.values["currency"]))


def _check_source(attempt: Attempt, values: dict[str, Any], parent: Row) -> None:
    source = attempt.get("order_line", values["source_line_id"])
    order = attempt.get("order", source.values["order_id"])
    is_same = source.values["product_id"] == values["product_id"]
    if not is_same or order.values["outlet_id"] != parent.values["outlet_id"]:
        raise Refusal(
            "value_invalid", "“source_line_id”: this line is of another outlet or product.", field="source_line_id"
        )


def recompute_total(attempt: Attempt, row: Row) -> None:
    """Keep the total of a line's order or return equal to the sum of its live lines; other rows have none."""
    if row.entity.name not in _PARENTS:
        return
    column, name = _PARENTS[row.entity.name]
    parent = attempt.get(name, row.values[column])
    lines = attempt.children(row.entity.name, parent.id)
    total = _storable(order_total_minor(line.values["amount_minor"] for line in lines))
    if parent.values["total_minor"] != total:
        attempt.change(parent).values["total_minor"] = total


_PARENTS: Final = {"order_line": ("order_id", "order"), "return_line": ("return_order_id", "return_order")}


def require_editable(attempt: Attempt, row: Row) -> None:
    """Refuse changes of an order or return, or of a line of one, that is no longer a draft.

    Raises:
        Refusal: `transition_illegal`, naming the status found.
    """
    name = row.entity.name
    if name in _PARENTS:
        column, name = _PARENTS[name]
        row = attempt.get(name, row.values[column])
    if name == "order" and row.values["status"] not in EDITABLE_STATUSES:
        raise transition_illegal(attempt, row, "changed; a new draft can revise it")
    if name == "return_order" and row.values["status"] != "draft":
        raise transition_illegal(attempt, row, "changed")


def transition_illegal(attempt: Attempt, order: Row, what: str) -> Refusal:
    """The refusal that names the status found, to who may still see the order or return and its status."""
    number, status = order.values["number"], order.values["status"]
    noun = "Return" if order.entity.name == "return_order" else "Order"
    if not attempt.tells(order, "status"):
        return Refusal("transition_illegal", f"{noun} {number} can no longer be {what}.")
    is_now = f"{noun} {number} was deleted" if order.deleted else f"{noun} {number} is {status.replace('_', ' ')}"
    return Refusal("transition_illegal", f"{is_now} and can no longer be {what}.", status_found=status)
