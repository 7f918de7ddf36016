"""What the server derives and checks for rows that devices make, entity by entity. Pure.

The rules themselves are in `server/crm/<room>/rules.py`: REST asks the same.
"""

from collections.abc import Callable
from decimal import Decimal, localcontext
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from outrider_sdk.protocol.entities import ASSIGNMENT, ENTITIES, STOCK

from server.crm.contact.rules import PHONE_KINDS, normalise_phone
from server.crm.order.rules import DECIMAL_DIGITS
from server.crm.record.rules import check_attachment, check_record
from server.crm.stock.rules import moved_quantity
from server.crm.visit.rules import check_visit
from server.errors import InvalidInput, refuse
from server.sync.attempt import Attempt
from server.sync.duplicates import flag_channel, flag_line, flag_number, flag_tax_id
from server.sync.orders import complete_line, complete_order, complete_return, complete_return_line, plain
from server.sync.payments import complete_payment
from server.sync.refusals import Refusal
from server.sync.state import Row


def complete(attempt: Attempt, row: Row) -> None:
    """Fill in what the server derives for a new row, and check what its kind asks for.

    Raises:
        Refusal: `value_invalid`, naming the field.
    """
    rule = _RULES.get(row.entity.name)
    if rule is None:
        return
    _checked(rule, attempt, row)


def _checked(rule: Callable[..., None], *asked: Any) -> None:
    """Ask a rule of REST, and refuse as sync does."""
    try:
        rule(*asked)
    except InvalidInput as error:
        first = error.extra["errors"][0]
        raise Refusal("value_invalid", f"“{first['field']}”: {first['message']}", field=first["field"]) from None


def recomplete(attempt: Attempt, row: Row) -> None:
    """The same for what was derived from fields that an edit changed."""
    if row.entity.name == "order_line":
        complete_line(attempt, row)
    elif row.entity.name == "return_line":
        complete_return_line(attempt, row)
    elif row.entity.name == "visit" and row.values["position_out"] is not None:
        _checked(check_visit, {n: row.values[n] for n in ("position", "position_absence", "position_out")})


def _complete_account(attempt: Attempt, account: Row) -> None:
    flag_tax_id(attempt, account)


def _assign_to_maker(attempt: Attempt, outlet: Row) -> None:
    """Who opens an outlet works it: without an assignment they would lose it at the next pull."""
    values: dict[str, Any] = dict.fromkeys(ASSIGNMENT.columns) | ASSIGNMENT.defaults
    values |= {
        "id": str(uuid5(NAMESPACE_OID, f"{outlet.id}/{attempt.state.device.member_id}")),
        "member_id": attempt.state.device.member_id,
        "outlet_id": outlet.id,
        "assortment_id": attempt.state.facts.own_assortment_id,  # who sells a part of the catalogue goes on doing so
    }
    attempt.create(Row(ASSIGNMENT, values))


def _complete_channel(attempt: Attempt, channel: Row) -> None:
    channel.values["value"] = normalised(attempt, channel, "value", channel.values["value"])
    flag_channel(attempt, channel)


NORMALISED = frozenset({"contact_channel"})
"""Entities of which some value is stored in another form than it is typed."""


def normalised(attempt: Attempt, row: Row, name: str, value: Any) -> Any:
    """The value in the form in which it is stored: phone numbers in E.164, where they can be read as such."""
    if row.entity.name == "contact_channel" and name == "value" and row.values["channel_kind"] in PHONE_KINDS:
        return normalise_phone(value, attempt.state.facts.country)
    return value


def _complete_consent(attempt: Attempt, consent: Row) -> None:
    if consent.values["follows_id"] is None:
        return
    followed = attempt.get("consent", consent.values["follows_id"])
    if any(followed.values[n] != consent.values[n] for n in ("contact_id", "purpose", "channel_kind")):
        raise refuse("follows_id", "This is a consent of another person, purpose or channel.")


def _complete_order(attempt: Attempt, order: Row) -> None:
    complete_order(attempt, order)
    flag_number(attempt, order)


def _complete_order_line(attempt: Attempt, line: Row) -> None:
    complete_line(attempt, line)
    flag_line(attempt, line)


def _complete_movement(attempt: Attempt, movement: Row) -> None:
    """Move the stock with it; a rep moves what is in the van that they drive."""
    values = movement.values
    warehouse = attempt.get("warehouse", values["warehouse_id"]).values
    if warehouse["warehouse_kind"] != "van" or warehouse["member_id"] != attempt.state.device.member_id:
        raise Refusal("field_not_writable", "Only movements of your own van are yours to record.", field="warehouse_id")
    if values["source_entity"] is not None and values["source_entity"] not in ENTITIES:
        raise refuse("source_entity", "There are no such records.")
    found = attempt.children("stock", values["warehouse_id"])
    stock = next((row for row in found if row.values["product_id"] == values["product_id"]), None)
    on_hand = Decimal(stock.values["quantity"]) if stock else Decimal(0)
    with localcontext(prec=DECIMAL_DIGITS):
        quantity = moved_quantity(values, on_hand)
        values["quantity"] = plain(quantity)
        left = plain(on_hand + quantity)
    if stock is not None:
        as_of = max(stock.values["as_of"], values["moved_at"])
        attempt.change(stock).values |= {"quantity": left, "as_of": as_of}
        return
    fresh: dict[str, Any] = dict.fromkeys(STOCK.columns) | STOCK.defaults
    fresh |= {
        "id": str(uuid5(NAMESPACE_OID, f"{values['warehouse_id']}/{values['product_id']}/{movement.id}")),
        "warehouse_id": values["warehouse_id"],
        "product_id": values["product_id"],
        "quantity": left,
        "as_of": values["moved_at"],
    }
    attempt.create(Row(STOCK, fresh))


def _complete_comment(attempt: Attempt, comment: Row) -> None:
    check_record(comment.values)
    _require_record(attempt, comment)


def _complete_attachment(attempt: Attempt, attachment: Row) -> None:
    check_attachment(attachment.values)
    _require_record(attempt, attachment)


def _require_record(attempt: Attempt, row: Row) -> None:
    try:
        record = attempt.get(row.values["entity"], row.values["row_id"])
    except Refusal as refusal:
        if refusal.code == "not_found":
            refusal = Refusal("parent_missing", f"“row_id”: {refusal.explanation}", field="row_id")
        raise refusal from None
    if record.deleted:
        raise Refusal("parent_missing", "“row_id”: what it belongs to was deleted meanwhile.", field="row_id")


def _complete_visit(attempt: Attempt, visit: Row) -> None:
    """A visit is of whoever records it. A position that is missing without a word never stops it."""
    values = visit.values
    values["member_id"] = attempt.state.device.member_id
    if values["position"] is not None:
        values["position_absence"] = None
    elif values["position_absence"] is None:
        values["position_absence"] = "unavailable"
    check_visit({name: values[name] for name in ("position", "position_absence", "position_out")})


_RULES: dict[str, Callable[[Attempt, Row], None]] = {
    "account": _complete_account,
    "outlet": _assign_to_maker,
    "contact_channel": _complete_channel,
    "consent": _complete_consent,
    "order": _complete_order,
    "order_line": _complete_order_line,
    "return_order": complete_return,
    "return_line": complete_return_line,
    "stock_movement": _complete_movement,
    "payment": complete_payment,
    "comment": _complete_comment,
    "attachment": _complete_attachment,
    "visit": _complete_visit,
}
