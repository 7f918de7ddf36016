"""Taking a refused mutation up again: what the person had typed becomes new changes of rows as they are now."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from outrider_sdk import attention, outbox, overlay
from outrider_sdk.errors import InvalidValue, OutriderError
from outrider_sdk.kinds import to_python, to_stored
from outrider_sdk.protocol import Change
from outrider_sdk.protocol.entities import ENTITIES, ORDER, ORDER_LINE
from outrider_sdk.store import Store

if TYPE_CHECKING:
    from outrider_sdk.replica import Replica

_ORDER_FIELDS = ("outlet_id", "agreement_id", "warehouse_id", "fulfilment", "delivery_date", "delivery_window", "note")
_LINE_FIELDS = ("product_id", "unit", "quantity", "list_price", "discount")


@dataclass(frozen=True, slots=True)
class LeftOver:
    """A change that could not be made anew, and why."""

    change: Change
    reason: str


@dataclass(slots=True)
class Reopened:
    """What became of a refused mutation that was taken up again."""

    number: int | None = None
    """Of the new mutation; None where nothing could be made anew, and the refused one still waits."""
    order_id: str | None = None
    """The new draft that revises an order."""
    left: list[LeftOver] = field(default_factory=list)


def reopen(crm: "Replica", store: Store, number: int) -> Reopened:
    """Make a new mutation of a refused one; see `Replica.reopen`."""
    with store.read() as conn:
        outcome = attention.refusal(conn, number)
        entry = next(outbox.entries(conn, "number = ?", (number,)), None)
    offered = {choice["code"] for choice in outcome.get("choices", [])} if outcome else set()
    if entry is None or not offered & {"edit", "revise"}:
        raise InvalidValue("attention", None, f"nothing under {number} can be taken up again")
    reopened = Reopened()
    with store.read() as conn, crm.transaction() as transaction:
        # Where no pull has taken it out of the overlay yet, its values would count as shown already.
        conn.execute("UPDATE sync_outbox SET overlaid = 0 WHERE number = ?", (number,))
        overlay.restore(conn)
        overlay.recompute(conn)
        if "revise" in offered:
            _revise(crm, entry.changes, reopened)
        else:
            _redo(crm, entry.changes, reopened)
        if transaction.size:
            conn.execute("UPDATE sync_outbox SET resolved = 1 WHERE number = ?", (number,))
    reopened.number = transaction.number
    return reopened


def _redo(crm: "Replica", changes: list[Change], reopened: Reopened) -> None:
    ids: dict[str, str] = {}
    for change in changes:
        try:
            _make(crm, change, ids)
        except OutriderError as error:
            reopened.left.append(LeftOver(change, str(error)))


def _make(crm: "Replica", change: Change, ids: dict[str, str]) -> None:
    """Make one change anew; `ids` says which row stands for one that was refused."""
    row_id = ids.get(change["id"], change["id"])
    if change["op"] == "intent":
        act = {"order.submit": crm.orders.submit, "order.cancel": crm.orders.cancel}.get(change["name"])
        if act is None:
            raise InvalidValue(change["name"], None, "is decided anew, where it is shown")
        act(row_id)
        return
    table = crm.table(change["entity"])
    if change["op"] == "create":
        fields = {name: ids.get(str(value), value) for name, value in change["fields"].items()}
        ids[change["id"]] = table.create(**_typed(change["entity"], fields))["id"]
    elif change["op"] == "edit":
        values = {name: edit["value"] for name, edit in change["fields"].items()}
        table.edit(row_id, **_typed(change["entity"], values))
    else:
        table.delete(row_id)


def _typed(entity: str, values: dict[str, Any]) -> dict[str, Any]:
    """Wire values as an application gives them."""
    fields = ENTITIES[entity].by_name
    return {name: to_python(fields[name], to_stored(fields[name], value)) for name, value in values.items()}


def _revise(crm: "Replica", changes: list[Change], reopened: Reopened) -> None:
    """A new draft with the lines that the order has, as the refused changes would have left them."""
    order_id = _order_of(crm, changes)
    order = crm.orders.find(order_id) if order_id else None
    if order_id is None or order is None:
        reopened.left += [LeftOver(change, "The order is no longer on this device.") for change in changes]
        return
    wanted = {line["id"]: {name: line[name] for name in _LINE_FIELDS} for line in _lines(crm, order_id)}
    fields = {name: order[name] for name in _ORDER_FIELDS}
    for change in changes:
        if change["op"] == "edit" and (change["entity"], change["id"]) == (ORDER.name, order_id):
            fields |= _typed(ORDER.name, {name: edit["value"] for name, edit in change["fields"].items()})
        elif change["op"] != "intent" and change["entity"] == ORDER_LINE.name:
            _change_line(wanted, change)
    draft = crm.orders.create(**fields, revises_order_id=order_id)
    reopened.order_id = draft["id"]
    for line in wanted.values():
        crm.order_lines.create(order_id=draft["id"], **line)


def _change_line(wanted: dict[str, dict[str, Any]], change: Any) -> None:
    match change["op"]:
        case "create":
            values = {name: value for name, value in change["fields"].items() if name in _LINE_FIELDS}
            wanted[change["id"]] = _typed(ORDER_LINE.name, values)
        case "edit":
            values = {name: edit["value"] for name, edit in change["fields"].items() if name in _LINE_FIELDS}
            wanted.get(change["id"], {}).update(_typed(ORDER_LINE.name, values))
        case _:
            wanted.pop(change["id"], None)


def _order_of(crm: "Replica", changes: list[Change]) -> str | None:
    for change in changes:
        entity, row_id = overlay.target(change)
        if entity == ORDER.name:
            return row_id
        if entity == ORDER_LINE.name:
            line = crm.order_lines.find(row_id)
            order_id = (
                line["order_id"] if line else change["fields"].get("order_id") if change["op"] == "create" else None
            )
            if order_id:
                return str(order_id)
    return None


def _lines(crm: "Replica", order_id: str) -> list[Any]:
    return crm.order_lines.list(where={"order_id": order_id}, order_by=("position", "id"))
