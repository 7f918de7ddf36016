"""Intents: named acts that only the server decides. Pure; the rules are those of `server.crm`."""

from decimal import Decimal, localcontext
from typing import Any, Final

from outrider_sdk.rules import may_become, return_may_become

from server.crm.order.rules import DECIMAL_DIGITS, UNPAID, Judgement, Market, judge_order, release
from server.sync.attempt import Attempt
from server.sync.conflicts import settle_conflict
from server.sync.credit import find_credit, use_credit
from server.sync.orders import AMOUNT_MINOR_MAX, plain, transition_illegal
from server.sync.refusals import Refusal, quoted
from server.sync.state import Row, steps_at
from server.sync.values import is_decimal


def apply_intent(attempt: Attempt, change: dict[str, Any]) -> None:
    """Apply an intent to the attempt.

    Raises:
        Refusal: this server knows no such intent, or it is not possible now.
    """
    seen = change.get("seen")
    if not isinstance(seen, dict):
        raise Refusal("change_malformed", "An intent carries what the person saw.")
    match change.get("name"):
        case "order.submit":
            _check_seen(seen)
            _submit(attempt, _order(attempt, change["id"], "submitted"), seen)
        case "order.cancel":
            _cancel(attempt, _order(attempt, change["id"], "cancelled"))
        case "conflict.settle":
            settle_conflict(attempt, change["id"], seen)
        case "return_order.submit":
            _submit_return(attempt, _return(attempt, change["id"], "submitted"))
        case "return_order.cancel":
            attempt.change(_return(attempt, change["id"], "cancelled")).values["status"] = "cancelled"
        case name:
            raise Refusal("entity_unknown", f"This server knows no intent {quoted(name)}.")


def _check_seen(seen: dict[str, Any]) -> None:
    """What the person saw of an order may be wrong, but it must be an order's."""
    total, lines = seen.get("total_minor"), seen.get("lines")
    if total is not None and (not isinstance(total, int) or abs(total) > AMOUNT_MINOR_MAX):
        raise Refusal("change_malformed", "The total that was seen is a whole number of minor units.")
    if lines is not None and not (isinstance(lines, list) and all(map(_is_line, lines))):
        raise Refusal("change_malformed", "The lines that were seen are objects with id, product, unit and quantity.")


def _is_line(line: Any) -> bool:
    if not isinstance(line, dict) or not is_decimal(line.get("quantity")):
        return False
    return all(isinstance(line.get(name), str) for name in ("id", "product_id", "unit"))


def _order(attempt: Attempt, order_id: str, wanted: str) -> Row:
    order = attempt.get("order", order_id)
    attempt.require("edit", order)
    if order.deleted or not may_become(order.values["status"], wanted):
        raise transition_illegal(attempt, order, wanted)
    return order


def _return(attempt: Attempt, row_id: str, wanted: str) -> Row:
    row = attempt.get("return_order", row_id)
    if row.deleted or not return_may_become(row.values["status"], wanted):
        raise transition_illegal(attempt, row, wanted)
    return row


def _submit_return(attempt: Attempt, row: Row) -> None:
    """Hand a return in; the office decides on it."""
    if not attempt.children("return_line", row.id):
        raise Refusal("order_empty", f"Return {row.values['number']} has no lines. Add one, then submit it.")
    attempt.change(row).values |= {"status": "submitted", "submitted_at": attempt.state.now}


def _submit(attempt: Attempt, order: Row, seen: dict[str, Any]) -> None:
    lines = attempt.children("order_line", order.id)
    if not lines:
        raise Refusal("order_empty", f"Order {order.values['number']} has no lines. Add one, then submit it.")
    if attempt.past_lease or attempt.state.device.unpaid:
        _hold(attempt, order, PAST_LEASE if attempt.past_lease else UNPAID)
        return
    judgement = judge_order(order.values, [line.values for line in lines], seen, _market(attempt, order, lines))
    if judgement.total_minor > AMOUNT_MINOR_MAX:
        raise Refusal("value_invalid", "The order's total is larger than any that can be stored.", field="total_minor")
    changed = attempt.change(order)
    changed.values |= {
        "status": judgement.status,
        "status_reason": judgement.status_reason,
        "total_minor": judgement.total_minor,
        "submitted_at": attempt.state.now,
    }
    _write_verdicts(attempt, judgement)
    _reserve(attempt, order, judgement.reserved, sign=1)
    if judgement.status in ("accepted", "partly_accepted"):
        use_credit(attempt, order, judgement.total_minor)
        attempt.confirmations.append(order.id)


PAST_LEASE: Final = "Taken on a device that had been without contact for longer than it may. The office decides."


def _hold(attempt: Attempt, order: Row, reason: str) -> None:
    """Leave the judgement for later: nothing is reserved, and nothing is lost."""
    attempt.change(order).values |= {
        "status": "awaiting",
        "status_reason": reason,
        "submitted_at": attempt.state.now,
    }


def _write_verdicts(attempt: Attempt, judgement: Judgement) -> None:
    for verdict in judgement.lines:
        line = attempt.change(attempt.get("order_line", verdict.line_id))
        line.values |= {
            "verdict": verdict.verdict,
            "verdict_reason": verdict.explanation,
            "quantity_accepted": plain(verdict.quantity_accepted),
            "list_price": plain(verdict.list_price),
            "factor": plain(verdict.factor),
            "amount_minor": verdict.amount_minor,
        }
        attempt.verdicts.append(
            {
                "line_id": verdict.line_id,
                "verdict": verdict.verdict,
                "quantity_accepted": plain(verdict.quantity_accepted),
                "explanation": verdict.explanation,
            }
        )


def _cancel(attempt: Attempt, order: Row) -> None:
    lines = attempt.children("order_line", order.id)
    if order.values["status"] in ("accepted", "partly_accepted"):
        _reserve(attempt, order, release([line.values for line in lines]), sign=-1)
        use_credit(attempt, order, -order.values["total_minor"])
    attempt.change(order).values |= {"status": "cancelled", "status_reason": None}


def _stock(attempt: Attempt, order: Row) -> dict[str, Row]:
    found = attempt.children("stock", order.values["warehouse_id"])
    return {row.values["product_id"]: row for row in found}


def _reserve(attempt: Attempt, order: Row, quantities: dict[str, Decimal], *, sign: int) -> None:
    stock = _stock(attempt, order)
    for product_id, quantity in quantities.items():
        if product_id in stock and quantity:
            row = attempt.change(stock[product_id])
            with localcontext(prec=DECIMAL_DIGITS):
                row.values["reserved"] = plain(Decimal(row.values["reserved"]) + sign * quantity)


def _market(attempt: Attempt, order: Row, lines: list[Row]) -> Market:
    """What the order is judged against: stock and prices now, and prices as of capture."""
    state, captured_at = attempt.state, attempt.captured_at
    # Also such as the member does not see: somebody else's lines, who sells another part of the catalogue.
    products = {line.values["product_id"]: state.rows["product", line.values["product_id"]] for line in lines}
    units = [row.values for p in products for row in attempt.children("product_unit", p)]
    prices = {(p, u): steps for (of, p, u), steps in state.prices.items() if of == order.values["price_list_id"]}
    base_units = {p: row.values["base_unit"] for p, row in products.items() if not row.deleted}
    return Market(
        stock={
            p: Decimal(row.values["quantity"]) - Decimal(row.values["reserved"])
            for p, row in _stock(attempt, order).items()
        },
        prices_now={key: {least: p.value for least, p in steps.items()} for key, steps in prices.items()},
        prices_at_capture={key: steps_at(steps, captured_at) for key, steps in prices.items()},
        within_window=state.now - captured_at <= state.price_window,
        discount_max=Decimal(attempt.get("agreement", order.values["agreement_id"]).values["discount_max"]),
        currency=order.values["currency"],
        base_units=base_units,
        factors={(u["product_id"], u["unit"]): Decimal(u["factor"]) for u in units}
        | {(p, unit): Decimal(1) for p, unit in base_units.items()},
        credit=find_credit(attempt, order),
    )
