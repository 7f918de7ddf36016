"""What becomes of an order that a person submits: pure, so that sync and REST judge alike.

Rows are *wire rows*: ids and decimals as text, instants as integer microseconds. Nothing here reads a clock
or a database: `Market` carries all that an order is judged against.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from typing import Any, Final

from outrider_sdk.rules import line_amount_minor, minor_digits, order_total_minor

from server.crm.price.rules import Steps, list_price

DECIMAL_DIGITS: Final = 100
"""Digits kept in between: products of stored decimals stay exact; no rounding reserves what is not there."""

REASONS_SHOWN_MAX: Final = 5
"""Reasons told with the order; further ones stand with their lines."""

WireRow = Mapping[str, str | int | bool | None]


CreditKey = tuple[str, str, str]
"""(account, legal entity, currency)."""


@dataclass(frozen=True, slots=True)
class Credit:
    """How much an account may owe a company, and how much of it is used up; negative where it has paid ahead."""

    key: CreditKey
    limit_minor: int
    used_minor: int


@dataclass(frozen=True, slots=True)
class Market:
    """What an order is judged against, as of the moment of judging."""

    stock: dict[str, Decimal]
    """Product → base units available (quantity less reserved) in the order's warehouse."""
    prices_now: Mapping[tuple[str, str], Steps]
    """(product, unit) → list prices today in the order's price list, from least quantities on."""
    prices_at_capture: Mapping[tuple[str, str], Steps]
    """The same as of the moment of capture; what is missing here is as today."""
    within_window: bool
    """Captured so recently that the tenant still honours the prices of then."""
    discount_max: Decimal
    """Authority of the agreement: the largest fraction off the list price."""
    currency: str
    base_units: dict[str, str]
    """Product → the unit its stock is counted in."""
    factors: dict[tuple[str, str], Decimal]
    """(product, unit) → base units in one unit; 1 for the base unit itself."""
    credit: Credit | None = None
    """None: without a limit."""
    credit_approved: bool = False
    """Somebody who may has seen that the order is over the credit, and wants it all the same."""


@dataclass(frozen=True, slots=True)
class LineVerdict:
    """What becomes of one line.

    `amount_minor` is the price of `quantity_accepted` where the rest is dropped, and of the whole quantity
    where the rest is back-ordered or the order is held. `list_price` and `factor` count from now on.
    """

    line_id: str
    verdict: str
    quantity_accepted: Decimal
    list_price: Decimal
    amount_minor: int
    factor: Decimal
    explanation: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """What becomes of an order. `reserved`: product → base units; empty when the order is held."""

    status: str
    status_reason: str | None
    total_minor: int
    lines: tuple[LineVerdict, ...]
    reserved: dict[str, Decimal]


@dataclass(frozen=True, slots=True)
class _Line:
    """A line as asked for, then with what was found out about it."""

    id: str
    product: str
    unit: str
    quantity: Decimal
    asked_price: Decimal
    discount: Decimal
    price: Decimal
    factor: Decimal
    verdict: str = "accepted"
    problem: bool = False
    accepted: Decimal = Decimal(0)
    explanation: str = ""

    @property
    def short(self) -> bool:
        return self.verdict in {"short_stock", "backordered"}


def judge_order(order: WireRow, lines: Iterable[WireRow], seen: Mapping[str, object], market: Market) -> Judgement:
    """Decide a submitted order, line by line: prices and discounts first, then stock.

    Lines take their turn by position. A problem with a price, a discount or a unit holds the whole order
    (`needs_attention`, nothing reserved), and so does a total above the one that the person saw. A held order
    carries the new prices: submitting it again, having seen them, is the confirmation. What would be accepted and is
    over the credit waits (`awaiting`) for somebody who may approve it, or for a payment.

    Args:
        order: its `fulfilment` decides what happens where stock is short.
        lines: the live lines of the order.
        seen: what the person saw when submitting: `total_minor`, and `lines` where the device sent them.
        market: prices, stock and authority of now.
    """
    with localcontext(prec=DECIMAL_DIGITS):
        in_turn = sorted(lines, key=lambda row: (_integer(row["position"]), str(row["id"])))
        priced = [_judge_price(_parse(row), market) for row in in_turn]
        stocked = _share_stock(priced, str(order["fulfilment"]), market)
        reasons = _reasons_to_hold(order, stocked, seen, market)
        if reasons:
            return _hold(stocked, reasons, market)
        accepted = _accept(order, stocked, market)
        if market.credit_approved or not exceeds_credit(accepted.total_minor, market.credit):
            return accepted
        return _hold(stocked, [OVER_CREDIT], market, status="awaiting")


# Without figures: not everybody who sees the order may know them.
OVER_CREDIT: Final = "It is over the customer's credit: a manager decides on it, by submitting it again"


UNPAID: Final = "Your company's plan is not paid. The order is kept, and judged as soon as it is"
"""Why an order waits that a device submitted meanwhile; nobody needs to do anything about it but pay."""


def exceeds_credit(total_minor: int, credit: Credit | None) -> bool:
    """Whether an order would make the account owe more than it may. One that costs nothing never does."""
    return credit is not None and total_minor > 0 and credit.used_minor + total_minor > credit.limit_minor


def waits_for_credit(order: Mapping[str, Any]) -> bool:
    """Whether an order is held for the credit alone: who may submit it in spite of that approves it by doing so."""
    return order["status"] == "awaiting" and str(order["status_reason"]).startswith(OVER_CREDIT)


def release(lines: Iterable[WireRow]) -> dict[str, Decimal]:
    """Base units per product that an order's lines hold reserved, to give back when it is cancelled."""
    held: defaultdict[str, Decimal] = defaultdict(Decimal)
    with localcontext(prec=DECIMAL_DIGITS):
        for row in lines:
            accepted = Decimal(str(row["quantity_accepted"] or 0))
            held[str(row["product_id"])] += accepted * Decimal(str(row["factor"]))
    return {product: quantity for product, quantity in held.items() if quantity > 0}


def _parse(row: WireRow) -> _Line:
    price = Decimal(str(row["list_price"]))
    return _Line(
        id=str(row["id"]),
        product=str(row["product_id"]),
        unit=str(row["unit"]),
        quantity=Decimal(str(row["quantity"])),
        asked_price=price,
        discount=Decimal(str(row["discount"])),
        price=price,
        factor=Decimal(str(row.get("factor") or 1)),
    )


def _judge_price(line: _Line, market: Market) -> _Line:
    key = (line.product, line.unit)
    factor = market.factors.get(key, Decimal(0))
    if line.product not in market.base_units:
        return _problem(line, "product_unknown", "This product is not in the catalogue")
    if factor <= 0:
        return _problem(line, "unit_unknown", f"This product is not sold by the {line.unit}")
    line = replace(line, factor=factor)
    now = _list_price(market.prices_now, line, market)
    if now is None:
        return _problem(line, "product_unknown", f"No price per {line.unit} in the order's price list")
    if line.quantity <= 0:
        return _problem(line, "quantity_invalid", f"Ordered {_plain(line.quantity)}: order more than 0")
    line = _choose_price(line, now, market)
    if not 0 <= line.discount <= market.discount_max:
        asked, most = _percent(line.discount), _percent(market.discount_max)
        return _problem(line, "discount_over_authority", f"Discount {asked}, allowed up to {most}")
    return line


def _list_price(prices: Mapping[tuple[str, str], Steps], line: _Line, market: Market) -> Decimal | None:
    own, base = prices.get((line.product, line.unit)), prices.get((line.product, market.base_units[line.product]))
    return list_price(own, base, line.quantity, line.factor)


def _choose_price(line: _Line, now: Decimal, market: Market) -> _Line:
    """The price that counts: the one of capture within the window, today's otherwise; more needs a yes."""
    at_capture = _list_price(market.prices_at_capture, line, market)
    at_capture = now if at_capture is None else at_capture
    asked = line.asked_price
    if asked == now:
        return line
    if market.within_window and asked == at_capture:
        text = f"Price is {_price(now, market)} by now, {_price(asked, market)} of the day of order kept"
        return replace(line, verdict="price_honoured", explanation=text)
    price = at_capture if market.within_window else now
    changed = replace(line, price=price, verdict="price_changed")
    text = f"Price is {_price(price, market)}, not {_price(asked, market)}"
    if _amount(changed, line.quantity, market) > _amount(line, line.quantity, market):
        return _problem(changed, "price_changed", f"{text}: confirm it")
    return replace(changed, explanation=f"{text}: {_price(price, market)} charged")


def _problem(line: _Line, verdict: str, explanation: str) -> _Line:
    return replace(line, verdict=verdict, problem=True, explanation=explanation)


def _share_stock(lines: list[_Line], fulfilment: str, market: Market) -> list[_Line]:
    left = {product: max(quantity, Decimal(0)) for product, quantity in market.stock.items()}
    return [line if line.problem else _take_stock(line, fulfilment, left) for line in lines]


def _take_stock(line: _Line, fulfilment: str, left: dict[str, Decimal]) -> _Line:
    """Accept what the stock allows, in whole units when it is short; `left` loses what was taken."""
    available = left.get(line.product, Decimal(0))
    if line.quantity * line.factor <= available:
        accepted = line.quantity
        text = line.explanation or f"{_plain(accepted)} accepted"
        line = replace(line, accepted=accepted, explanation=text)
    else:
        whole = available // line.factor
        accepted = Decimal(0) if fulfilment == "complete" else whole
        line = _short(line, accepted, fulfilment)
    left[line.product] = available - accepted * line.factor
    return line


def _short(line: _Line, accepted: Decimal, fulfilment: str) -> _Line:
    # Without the figure: the line, and its words, are read by people who may not read stocks.
    text = f"Ordered {_plain(line.quantity)}, more than is in stock: {_plain(accepted)} accepted"
    if fulfilment == "backorder":
        text += f", {_plain(line.quantity - accepted)} back-ordered"
    if line.explanation:
        text = f"{line.explanation}. {text}"
    verdict = "backordered" if fulfilment == "backorder" else "short_stock"
    return replace(line, verdict=verdict, accepted=accepted, explanation=text)


def _reasons_to_hold(order: WireRow, lines: list[_Line], seen: Mapping[str, object], market: Market) -> list[str]:
    if not lines:
        return ["The order has no lines"]
    reasons = [line.explanation for line in lines if line.problem]
    fulfilment = order["fulfilment"]
    if fulfilment == "complete" and any(line.short for line in lines):
        reasons.append("Not all is in stock, and the order is to be delivered complete or not at all")
    if fulfilment == "partial" and not reasons and not any(line.accepted for line in lines):
        reasons.append("Nothing of the order is in stock")
    if _differ(lines, seen.get("lines")):
        reasons.append("The lines are not those that were seen when it was submitted")
    seen_minor, now_minor = seen.get("total_minor"), _ordered_minor(lines, market)
    if not isinstance(seen_minor, int):
        reasons.append(f"Nobody has seen the total of {_money(now_minor, market)}")
    elif now_minor > seen_minor:
        reasons.append(f"The total is {_money(now_minor, market)}, not {_money(seen_minor, market)} as seen")
    return reasons


def _differ(lines: list[_Line], seen: object) -> bool:
    """Whether the person saw other products, units or quantities; False where nothing says what they saw."""
    if not isinstance(seen, list) or not seen:
        return False
    try:
        were = {str(s["id"]): (s["product_id"], s["unit"], Decimal(str(s["quantity"]))) for s in seen}
    except (ArithmeticError, KeyError, TypeError):
        return True
    return were != {line.id: (line.product, line.unit, line.quantity) for line in lines}


def _hold(lines: list[_Line], reasons: list[str], market: Market, *, status: str = "needs_attention") -> Judgement:
    waiting = [replace(line, accepted=Decimal(0), explanation=_explain_waiting(line)) for line in lines]
    verdicts = tuple(_verdict(line, line.quantity, market) for line in waiting)
    total_minor = order_total_minor(v.amount_minor for v in verdicts)
    return Judgement(status, _sentence(reasons), total_minor, verdicts, {})


def _sentence(reasons: list[str]) -> str:
    unique = list(dict.fromkeys(reasons))
    shown, hidden = unique[:REASONS_SHOWN_MAX], len(unique) - REASONS_SHOWN_MAX
    return ". ".join(shown) + (f". And {hidden} more: see the lines." if hidden > 0 else ".")


def _explain_waiting(line: _Line) -> str:
    if line.short:
        return f"{line.explanation.rpartition(':')[0]}: nothing accepted yet"
    if line.verdict == "accepted":
        return "Nothing is wrong with this line; it waits with the rest of the order"
    return line.explanation


def _accept(order: WireRow, lines: list[_Line], market: Market) -> Judgement:
    backordered = order["fulfilment"] == "backorder"
    verdicts = tuple(_verdict(x, x.quantity if backordered else x.accepted, market) for x in lines)
    reserved: defaultdict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        reserved[line.product] += line.accepted * line.factor
    short = sum(line.short for line in lines)
    return Judgement(
        status="partly_accepted" if short else "accepted",
        status_reason=f"{short} of {len(lines)} lines short of stock." if short else None,
        total_minor=order_total_minor(v.amount_minor for v in verdicts),
        lines=verdicts,
        reserved={product: quantity for product, quantity in reserved.items() if quantity > 0},
    )


def _verdict(line: _Line, quantity: Decimal, market: Market) -> LineVerdict:
    return LineVerdict(
        line_id=line.id,
        verdict=line.verdict,
        quantity_accepted=line.accepted,
        list_price=line.price,
        amount_minor=_amount(line, quantity, market),
        factor=line.factor,
        explanation=line.explanation,
    )


def _amount(line: _Line, quantity: Decimal, market: Market) -> int:
    return line_amount_minor(line.price, quantity, line.discount, market.currency)


def _ordered_minor(lines: list[_Line], market: Market) -> int:
    return order_total_minor(_amount(line, line.quantity, market) for line in lines)


def _integer(value: str | int | bool | None) -> int:
    return int(value or 0)


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"


def _price(price: Decimal, market: Market) -> str:
    """A unit price with the currency's digits, or as many more as it has."""
    digits = max(minor_digits(market.currency), -int(price.normalize().as_tuple().exponent))
    return f"{price:.{digits}f}"


def _percent(fraction: Decimal) -> str:
    return f"{_plain(fraction * 100)} %"


def _money(amount_minor: int, market: Market) -> str:
    return f"{Decimal(amount_minor).scaleb(-minor_digits(market.currency)):f} {market.currency}"
