"""What a rep records beside orders: returns, payments, visits, movements, consents; and what the device fills in."""

from decimal import Decimal
from typing import Any, ClassVar

from outrider_sdk import overlay, rows, rules
from outrider_sdk.errors import IllegalStatus, InvalidValue
from outrider_sdk.kinds import id_bytes, id_text
from outrider_sdk.orders import AgreedTable
from outrider_sdk.outbox import Derived
from outrider_sdk.overlay import WireRow
from outrider_sdk.protocol.entities import CONSENT, OUTLET, PAYMENT, PRODUCT, RETURN_ORDER
from outrider_sdk.queries import R
from outrider_sdk.tables import Table
from outrider_sdk.transaction import Transaction


class CapturedTable(Table[R]):
    """Rows that say when something happened: now, unless told otherwise."""

    _moments: ClassVar = {"visit": "checked_in_at", "stock_movement": "moved_at", "consent": "at", "payment": "paid_at"}

    def _completed(self, transaction: Transaction, given: WireRow) -> tuple[WireRow, WireRow]:
        sent = {self._moments[self.entity.name]: transaction.captured_at} | given
        return super()._completed(transaction, sent)


class VisitTable(CapturedTable[rows.Visit]):
    """Visits: created at check-in, and completed once, at check-out."""

    def check_out(self, row_id: str, **fields: Any) -> rows.Visit:
        """End a visit now, with its outcome, note or signature."""
        with self._begin() as transaction:
            return self.edit(row_id, **{"checked_out_at": transaction.captured_at} | fields)

    def _completed(self, transaction: Transaction, given: WireRow) -> tuple[WireRow, WireRow]:
        if "position" not in given:
            given = {**given, "position_absence": given.get("position_absence", "unavailable")}
        sent, derived = super()._completed(transaction, given)
        return sent, derived | {"member_id": self._store.meta("member_id")}


class ConsentTable(CapturedTable[rows.Consent]):
    """Consents: each record follows the last one that this device knows."""

    def _completed(self, transaction: Transaction, given: WireRow) -> tuple[WireRow, WireRow]:
        known = self._of(given)
        followed = {row["follows_id"] for row in known}
        last = [row["id"] for row in known if row["id"] not in followed]
        if last:
            given = {"follows_id": last[-1]} | given
        return super()._completed(transaction, given)

    def state(self, contact_id: str, purpose: str, channel_kind: str | None = None) -> str | None:
        """Whether the person agreed: "granted", "withdrawn", or None where nothing was said."""
        return rules.consent_state(
            self._of({"contact_id": str(contact_id), "purpose": purpose, "channel_kind": channel_kind})
        )

    def _of(self, given: WireRow) -> list[WireRow]:
        parameters = (id_bytes(str(given["contact_id"])), given.get("purpose"), given.get("channel_kind"))
        sql = "SELECT * FROM consent WHERE contact_id = ? AND purpose = ? AND channel_kind IS ? ORDER BY id"
        with self._store.read() as conn:
            return [overlay.wire_row(CONSENT, row) for row in conn.execute(sql, parameters)]


class PaymentTable(CapturedTable[rows.Payment]):
    """Payments: with company and currency of the account's agreement, and a receipt number of this device's."""

    def reverse(self, row_id: str, note: str | None = None) -> rows.Payment:
        """Take a whole payment back."""
        payment = self.get(row_id)
        names = ("account_id", "outlet_id", "legal_entity_id", "currency", "amount_minor", "method", "receipt_number")
        return self.create(**{n: payment[n] for n in names}, reversal_of_id=payment["id"], note=note)

    def _completed(self, transaction: Transaction, given: WireRow) -> tuple[WireRow, WireRow]:
        sent = dict(given)
        if "outlet_id" in sent and "account_id" not in sent:
            sent["account_id"] = transaction.get(OUTLET, str(sent["outlet_id"]))["account_id"]
        if "account_id" not in sent:
            raise InvalidValue(PAYMENT.name, "account_id", "is required")
        with self._store.read() as conn:
            agreement = conn.execute(
                "SELECT legal_entity_id, currency FROM agreement WHERE account_id = ? ORDER BY id LIMIT 1",
                (id_bytes(str(sent["account_id"])),),
            ).fetchone()
        if agreement is not None:
            sent.setdefault("legal_entity_id", id_text(agreement[0]))
            sent.setdefault("currency", agreement[1])
        if "receipt_number" not in sent:
            sent["receipt_number"] = self._next_receipt()
        return super()._completed(transaction, sent)

    def _next_receipt(self) -> str:
        prefix = self._store.meta("number_prefix")
        if prefix is None:
            raise InvalidValue(PAYMENT.name, "receipt_number", "this device is not enrolled yet; give one")
        return f"{prefix}-P{self._store.next_order_counter():05d}"


class ReturnOrderTable(AgreedTable[rows.ReturnOrder]):
    """Returns; beside the ways of `Table`, `submit` and `cancel`."""

    def submit(self, row_id: str) -> rows.ReturnOrder:
        """Hand the return in.

        Raises:
            NotFound: the device shows no such return.
            IllegalStatus: its status does not allow it.
            InvalidValue: it has no lines.
        """
        key = str(self._id(row_id))
        with self._begin() as transaction:
            shown = _allowed(transaction, key, "submitted")
            with self._store.read() as conn:
                lines = conn.execute("SELECT 1 FROM return_line WHERE return_order_id = ? LIMIT 1", (id_bytes(key),))
                if lines.fetchone() is None:
                    raise InvalidValue(RETURN_ORDER.name, None, "has no lines, and can't be submitted")
            transaction.intend("return_order.submit", key, {"total_minor": shown["total_minor"]})
            return self.get(key)

    def cancel(self, row_id: str) -> rows.ReturnOrder:
        """Call the return off.

        Raises:
            NotFound: the device shows no such return.
            IllegalStatus: its status does not allow it.
        """
        key = str(self._id(row_id))
        with self._begin() as transaction:
            shown = _allowed(transaction, key, "cancelled")
            transaction.intend("return_order.cancel", key, {"status": shown["status"]})
            return self.get(key)

    def _completed(self, transaction: Transaction, given: WireRow) -> tuple[WireRow, WireRow]:
        if "outlet_id" not in given:
            raise InvalidValue(RETURN_ORDER.name, "outlet_id", "is required")
        outlet = transaction.get(OUTLET, str(given["outlet_id"]))
        agreement = self._agreement(transaction, given, outlet)
        sent = {"agreement_id": agreement["id"]} | given
        sent.setdefault("number", self._next_number())
        sent, derived = super()._completed(transaction, sent)
        derived |= {name: agreement[name] for name in ("account_id", "legal_entity_id", "currency")}
        return sent, derived | {"maker_id": self._store.meta("member_id"), "captured_at": transaction.captured_at}

    def _adjusted(self, transaction: Transaction, row_id: str, wanted: WireRow) -> tuple[WireRow, Derived]:
        _draft(transaction, row_id)
        return wanted, None


class ReturnLineTable(Table[rows.ReturnLine]):
    """Lines of returns; a line may change only while its return is a draft."""

    def _completed(self, transaction: Transaction, given: WireRow) -> tuple[WireRow, WireRow]:
        for name in ("return_order_id", "product_id", "quantity", "reason"):
            if name not in given:
                raise InvalidValue(self.entity.name, name, "is required")
        parent = _draft(transaction, str(given["return_order_id"]))
        product = transaction.get(PRODUCT, str(given["product_id"]))
        sent: WireRow = {"unit": product["base_unit"], "price": "0", "position": 0} | given
        sent, derived = super()._completed(transaction, sent)
        return sent, derived | {"amount_minor": _amount(sent, parent)}

    def _adjusted(self, transaction: Transaction, row_id: str, wanted: WireRow) -> tuple[WireRow, Derived]:
        line = transaction.get(self.entity, row_id)
        parent = _draft(transaction, str(line["return_order_id"]))
        return wanted, {"amount_minor": _amount(line | wanted, parent)} if wanted else None


def _amount(line: WireRow, parent: WireRow) -> int:
    price, quantity = Decimal(str(line["price"])), Decimal(str(line["quantity"]))
    return rules.line_amount_minor(price, quantity, Decimal(0), str(parent["currency"]))


def _allowed(transaction: Transaction, row_id: str, status: str) -> WireRow:
    shown = transaction.get(RETURN_ORDER, row_id)
    if not rules.return_may_become(str(shown["status"]), status):
        raise IllegalStatus(status, str(shown["status"]))
    return shown


def _draft(transaction: Transaction, row_id: str) -> WireRow:
    shown = transaction.get(RETURN_ORDER, row_id)
    if shown["status"] != "draft":
        raise IllegalStatus("changed", str(shown["status"]))
    return shown
