"""Orders and their lines: what the device fills in by itself, and the acts that only the server decides."""

from decimal import Decimal, InvalidOperation
from typing import Any

from outrider_sdk import overlay, rows, rules
from outrider_sdk.errors import IllegalStatus, InvalidValue
from outrider_sdk.kinds import FRACTION_DIGITS_MAX, id_bytes, id_text, moment
from outrider_sdk.outbox import Derived
from outrider_sdk.overlay import WireRow
from outrider_sdk.protocol.entities import AGREEMENT, ORDER, ORDER_LINE, OUTLET, PRICE_LIST, PRODUCT
from outrider_sdk.queries import R
from outrider_sdk.store import Store
from outrider_sdk.tables import Table
from outrider_sdk.transaction import Transaction

FULFILMENT_DEFAULT = "partial"
AMOUNT_MAX_MINOR = 10**15
"""What one line may cost: an order's thousands of them still fit 64 bits."""
_PRICE = """
    SELECT price FROM price_item
    WHERE price_list_id = :list AND product_id = :product AND unit = :unit
      AND CAST(minimum_quantity AS REAL) <= :quantity
      AND coalesce(starts_on, '') <= :today AND coalesce(ends_on, '9999-12-31') >= :today
    ORDER BY CAST(minimum_quantity AS REAL) DESC, coalesce(starts_on, '') DESC, id
    LIMIT 1"""


class AgreedTable(Table[R]):
    """What is made under an account's agreement, with a number of this device's."""

    def _agreement(self, transaction: Transaction, given: WireRow, outlet: WireRow) -> WireRow:
        if "agreement_id" in given:
            return transaction.get(AGREEMENT, str(given["agreement_id"]))
        account = id_bytes(str(outlet["account_id"]))
        with self._store.read() as conn:
            found = conn.execute(
                "SELECT * FROM agreement WHERE account_id = ? ORDER BY id LIMIT 1", (account,)
            ).fetchone()
        if found is None:
            raise InvalidValue(ORDER.name, "agreement_id", "the outlet's account has no agreement on this device")
        return overlay.wire_row(AGREEMENT, found)

    def _depot(self, agreement: WireRow) -> str:
        owner = id_bytes(str(agreement["legal_entity_id"]))
        with self._store.read() as conn:
            found = conn.execute(
                "SELECT id FROM warehouse WHERE warehouse_kind = 'depot' "
                "ORDER BY legal_entity_id IS ? DESC, id LIMIT 1",
                (owner,),
            ).fetchone()
        if found is None:
            raise InvalidValue(ORDER.name, "warehouse_id", "there is no depot on this device; name a warehouse")
        return id_text(found[0])

    def _next_number(self) -> str:
        prefix = self._store.meta("number_prefix")
        if prefix is None:
            raise InvalidValue(ORDER.name, "number", "this device is not enrolled yet, and has no series of numbers")
        counter = self._store.next_order_counter()
        return f"{prefix}-{counter:05d}"


class OrderTable(AgreedTable[rows.Order]):
    """Orders; beside the ways of `Table`, `submit` and `cancel`."""

    def submit(self, row_id: str) -> rows.Order:
        """Hand the order in, with the lines, prices and total that the person saw.

        Raises:
            NotFound: the device shows no such order.
            IllegalStatus: the order's status does not allow it.
            InvalidValue: the order has no lines.
        """
        key = str(self._id(row_id))
        with self._begin() as transaction:
            order = _allowed(transaction, key, "submitted")
            lines = seen_lines(self._store, key)
            if not lines:
                raise InvalidValue(ORDER.name, None, "has no lines, and can't be submitted; add one, or cancel it")
            transaction.intend("order.submit", key, {"total_minor": order["total_minor"], "lines": lines})
            return self.get(key)

    def cancel(self, row_id: str) -> rows.Order:
        """Call the order off.

        Raises:
            NotFound: the device shows no such order.
            IllegalStatus: the order's status does not allow it.
        """
        key = str(self._id(row_id))
        with self._begin() as transaction:
            order = _allowed(transaction, key, "cancelled")
            transaction.intend("order.cancel", key, {"status": order["status"]})
            return self.get(key)

    def _completed(self, transaction: Transaction, given: WireRow) -> tuple[WireRow, WireRow]:
        if "outlet_id" not in given:
            raise InvalidValue(ORDER.name, "outlet_id", "is required")
        outlet = transaction.get(OUTLET, str(given["outlet_id"]))
        agreement = self._agreement(transaction, given, outlet)
        price_list = transaction.get(PRICE_LIST, str(agreement["price_list_id"]))
        sent = {"agreement_id": agreement["id"], "fulfilment": FULFILMENT_DEFAULT} | given
        sent.setdefault("warehouse_id", self._depot(agreement))
        sent.setdefault("number", self._next_number())
        _, derived = super()._completed(transaction, sent)
        member_id = self._store.meta("member_id")
        derived |= dict.fromkeys(("maker_id", "owner_id", "credited_id"), member_id)
        derived |= {name: agreement[name] for name in ("account_id", "legal_entity_id", "price_list_id", "currency")}
        derived |= {"price_list_version": price_list["version"], "address_snapshot": outlet["address"]}
        return sent, derived | {"status": "draft", "total_minor": 0, "captured_at": transaction.captured_at}

    def _adjusted(self, transaction: Transaction, row_id: str, wanted: WireRow) -> tuple[WireRow, Derived]:
        _editable(transaction, row_id)
        return wanted, None


class OrderLineTable(Table[rows.OrderLine]):
    """Lines of orders; a line may change only while its order may."""

    def _completed(self, transaction: Transaction, given: WireRow) -> tuple[WireRow, WireRow]:
        for name in ("order_id", "product_id", "quantity"):
            if name not in given:
                raise InvalidValue(ORDER_LINE.name, name, "is required")
        order = _editable(transaction, str(given["order_id"]))
        product = transaction.get(PRODUCT, str(given["product_id"]))
        sent: WireRow = {"unit": product["base_unit"], "discount": "0"} | given
        factor = self._factor(product, str(sent["unit"]))
        sent.setdefault("position", self._next_position(str(order["id"])))
        if "list_price" not in sent:
            sent["list_price"] = self._price(transaction, order, product, sent, factor)
        _check_amounts(sent, str(order["currency"]))
        _, derived = super()._completed(transaction, sent)
        return sent, derived | {"factor": format(factor, "f"), "amount_minor": 0}

    def _adjusted(self, transaction: Transaction, row_id: str, wanted: WireRow) -> tuple[WireRow, Derived]:
        line = transaction.get(ORDER_LINE, row_id)
        order = _editable(transaction, str(line["order_id"]))
        if "unit" not in wanted or wanted["unit"] == line["unit"]:
            _check_amounts(line | wanted, str(order["currency"]))
            return wanted, None
        product = transaction.get(PRODUCT, str(line["product_id"]))
        factor = self._factor(product, str(wanted["unit"]))
        if "list_price" not in wanted:
            wanted["list_price"] = self._price(transaction, order, product, line | wanted, factor)
        _check_amounts(line | wanted, str(order["currency"]))
        return wanted, {"factor": format(factor, "f")}

    def _next_position(self, order_id: str) -> int:
        with self._store.read() as conn:
            highest = conn.execute(
                "SELECT max(position) FROM order_line WHERE order_id = ?", (id_bytes(order_id),)
            ).fetchone()[0]
        return (highest or 0) + 1

    def _factor(self, product: WireRow, unit: str) -> Decimal:
        with self._store.read() as conn:
            found = conn.execute(
                "SELECT factor FROM product_unit WHERE product_id = ? AND unit = ? ORDER BY id LIMIT 1",
                (id_bytes(str(product["id"])), unit),
            ).fetchone()
        if found is None and unit != product["base_unit"]:
            raise InvalidValue(ORDER_LINE.name, "unit", f"{product['name']} is not sold by {unit!r}")
        return Decimal(found[0]) if found else Decimal(1)

    def _price(self, transaction: Transaction, order: WireRow, product: WireRow, line: WireRow, factor: Decimal) -> str:
        """Price of one unit as entered: the list's own for the unit, else the base unit's times the factor."""
        quantity = Decimal(str(line["quantity"]))
        wanted: dict[str, Any] = {
            "list": id_bytes(str(order["price_list_id"])),
            "product": id_bytes(str(product["id"])),
            "unit": line["unit"],
            "quantity": float(quantity),
            "today": moment(transaction.captured_at).date().isoformat(),
        }
        in_base = wanted | {"unit": product["base_unit"], "quantity": float(quantity * factor)}
        with self._store.read() as conn:
            found = conn.execute(_PRICE, wanted).fetchone()
            if found is None:
                found = conn.execute(_PRICE, in_base).fetchone()
                found = found and (_rounded(Decimal(found[0]) * factor),)
        if found is None:
            reason = f"the price list has no price of {product['name']}; give one"
            raise InvalidValue(ORDER_LINE.name, "list_price", reason)
        return str(found[0])


def _rounded(price: Decimal) -> str:
    """In the digits that a price may have on the wire."""
    exponent = price.as_tuple().exponent
    assert isinstance(exponent, int)
    return format(round(price, FRACTION_DIGITS_MAX) if exponent < -FRACTION_DIGITS_MAX else price, "f")


def seen_lines(store: Store, order_id: str) -> list[dict[str, object]]:
    """The order's lines as its person sees them, in wire form and order of position."""
    names = ("id", "product_id", "unit", "quantity", "list_price", "discount", "amount_minor")
    with store.read() as conn:
        found = conn.execute(
            "SELECT * FROM order_line WHERE order_id = ? ORDER BY position, id", (id_bytes(order_id),)
        ).fetchall()
    rows = [overlay.wire_row(ORDER_LINE, line) for line in found]
    return [{name: row[name] for name in names} for row in rows]


def _allowed(transaction: Transaction, order_id: str, status: str) -> WireRow:
    order = transaction.get(ORDER, order_id)
    if not rules.may_become(str(order["status"]), status):
        raise IllegalStatus(status, str(order["status"]))
    return order


def _editable(transaction: Transaction, order_id: str) -> WireRow:
    order = transaction.get(ORDER, order_id)
    if order["status"] not in rules.EDITABLE_STATUSES:
        raise IllegalStatus("changed", str(order["status"]))
    return order


def _check_amounts(line: WireRow, currency: str) -> None:
    quantity, price, discount = (Decimal(str(line[name])) for name in ("quantity", "list_price", "discount"))
    if quantity <= 0:
        raise InvalidValue(ORDER_LINE.name, "quantity", "must be more than 0")
    if not 0 <= discount <= 1:
        raise InvalidValue(ORDER_LINE.name, "discount", "is a fraction of the price, from 0 to 1")
    try:
        amount = rules.line_amount_minor(price, quantity, discount, currency)
    except InvalidOperation:
        amount = AMOUNT_MAX_MINOR + 1
    if amount > AMOUNT_MAX_MINOR:
        raise InvalidValue(ORDER_LINE.name, "quantity", "makes the line cost more than can be counted")
