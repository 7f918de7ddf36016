"""`outrider-replica`: the replica from a terminal. Tables for people, `--json` for programs, progress on stderr.

Exit code 0: done; 1: refused or failed, in one line on stderr; 2: the command itself was wrong.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from outrider_sdk import attention, rules
from outrider_sdk.errors import InvalidValue, NotFound, OutriderError
from outrider_sdk.kinds import to_python, to_stored, to_wire
from outrider_sdk.protocol.entities import Kind
from outrider_sdk.replica import Replica
from outrider_sdk.report import Progress
from outrider_sdk.row import Row
from outrider_sdk.tables import Table

CELL_WIDTH_MAX = 40
_COLUMNS = {
    "account": ("id", "name", "tax_id", "tags"),
    "outlet": ("id", "name", "channel", "tags"),
    "contact": ("id", "name", "job_title", "account_id"),
    "contact_channel": ("id", "contact_id", "channel_kind", "value", "preferred"),
    "product": ("id", "sku", "name", "base_unit", "category_id"),
    "return_order": ("id", "number", "status", "total_minor", "currency", "outlet_id"),
    "payment": ("id", "receipt_number", "amount_minor", "currency", "method", "allocated_minor"),
    "receivable": ("id", "document_number", "due_on", "balance_minor", "currency", "account_id"),
    "visit": ("id", "outlet_id", "checked_in_at", "checked_out_at", "outcome"),
    "order": ("id", "number", "status", "total_minor", "currency", "outlet_id"),
    "conflict": ("id", "entity", "row_id", "field", "kept", "lost", "status", "settlement"),
    "order_line": ("id", "order_id", "product_id", "quantity", "unit", "list_price", "discount", "amount_minor"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command."""
    options = _parser().parse_args(arguments)
    try:
        with Replica.open(options.file, read_only=options.reads) as crm:
            options.run(crm, options)
    except OutriderError as error:
        print(f"outrider-replica: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        sys.stderr.close()  # whoever read the output has seen enough
        return 0
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="outrider-replica", description="Work with an offline replica of Outrider.")
    parser.add_argument("--file", default="crm.db", help="the replica (default: crm.db)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Any, *, reads: bool = False) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=run.__doc__, description=run.__doc__)
        added.add_argument("--file", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        added.set_defaults(run=run, reads=reads)
        return added

    enrol = command("enrol", _enrol)
    enrol.add_argument("url", nargs="?", help="what the QR code says; or --server, --tenant and --code")
    for name in ("--server", "--tenant", "--code"):
        enrol.add_argument(name, default="")
    enrol.add_argument("--name", default="device")
    enrol.add_argument("--again", action="store_true", help="a replica that the server no longer lets in")
    command("sync", _sync)
    listing = command("list", _list, reads=True)
    listing.add_argument("entity")
    listing.add_argument("--where", action="append", default=[], metavar="FIELD=VALUE")
    listing.add_argument("--json", action="store_true")
    listing.add_argument("--limit", type=int)
    show = command("show", _show, reads=True)
    show.add_argument("entity")
    show.add_argument("id")
    show.add_argument("--json", action="store_true")
    edit = command("edit", _edit)
    edit.add_argument("entity")
    edit.add_argument("id")
    edit.add_argument("fields", nargs="+", metavar="FIELD=VALUE")
    create = command("create", _create)
    create.add_argument("entity")
    create.add_argument("fields", nargs="+", metavar="FIELD=VALUE")
    order = command("order", _order)
    order.add_argument("outlet", help="id or name of the outlet")
    order.add_argument("--line", action="append", required=True, metavar="SKU:QUANTITY[:DISCOUNT]")
    order.add_argument("--note")
    order.add_argument("--submit", action="store_true")
    cancel = command("cancel", _cancel)
    cancel.add_argument("order", help="id or number of the order")
    command("status", _status, reads=True).add_argument("--json", action="store_true")
    command("diagnostics", _diagnostics, reads=True)
    command("attention", _attention, reads=True).add_argument("--json", action="store_true")
    resolve = command("resolve", _resolve)
    resolve.add_argument("item", help="its number, or the id of the conflict or order, as `attention` prints it")
    resolve.add_argument("choice")
    command("reopen", _reopen).add_argument("number", type=int)
    command("wipe", _wipe).add_argument("--now", action="store_true", help="what was not sent is lost")
    return parser


def _enrol(crm: Replica, options: argparse.Namespace) -> None:
    """make this device known to a server by a one-time code"""
    made = crm.enrol(
        options.url,
        server=options.server,
        tenant=options.tenant,
        code=options.code,
        name=options.name,
        again=options.again,
    )
    print(f"Enrolled as device {made.device_id}; orders are numbered {made.number_prefix}-00001 on.")


def _wipe(crm: Replica, options: argparse.Namespace) -> None:
    """hand in what is pending, then erase all that this device holds; with --now, without handing in"""
    crm.wipe(now=options.now)
    print("Everything of this replica was erased.")


def _sync(crm: Replica, options: argparse.Namespace) -> None:
    """send what is pending, fetch what is new"""
    report = crm.sync(on_progress=_show_progress)
    print(
        f"Pushed {report.pushed} (applied {report.applied}, merged {report.merged}, refused {report.refused}); "
        f"pulled {report.rows_put} rows, dropped {report.rows_dropped}; {report.seconds:.2f} s."
    )
    if report.needs_attention:
        print(f"{len(report.needs_attention)} need attention: outrider-replica attention")


def _show_progress(progress: Progress) -> None:
    print(progress, file=sys.stderr)


def _list(crm: Replica, options: argparse.Namespace) -> None:
    """list rows of an entity"""
    table = crm.table(options.entity)
    rows = table.list(where=_fields(table, options.where), limit=options.limit)
    if options.json:
        print(json.dumps(rows, default=_plain, ensure_ascii=False, indent=1))
    else:
        columns = _COLUMNS.get(options.entity, ("id", *(f.name for f in table.entity.fields[:5])))
        _print_table(columns, rows)


def _show(crm: Replica, options: argparse.Namespace) -> None:
    """show one row whole"""
    row = crm.table(options.entity).get(options.id)
    if options.json:
        print(json.dumps(row, default=_plain, ensure_ascii=False, indent=1))
    else:
        _print_row(row)


def _edit(crm: Replica, options: argparse.Namespace) -> None:
    """change fields of a row"""
    table = crm.table(options.entity)
    _print_row(table.edit(options.id, **_fields(table, options.fields)))


def _create(crm: Replica, options: argparse.Namespace) -> None:
    """add a row"""
    table = crm.table(options.entity)
    _print_row(table.create(**_fields(table, options.fields)))


def _order(crm: Replica, options: argparse.Namespace) -> None:
    """write an order for an outlet, and hand it in with --submit"""
    outlet = _one(crm.outlets, options.outlet, "name")
    with crm.transaction():
        order = crm.orders.create(outlet_id=outlet.id, note=options.note)
        for line in options.line:
            sku, _, rest = line.partition(":")
            quantity, _, discount = rest.partition(":")
            product = _one(crm.products, sku, "sku")
            crm.order_lines.create(
                order_id=order.id, product_id=product.id, quantity=quantity, discount=discount or "0"
            )
        order = crm.orders.submit(order.id) if options.submit else crm.orders.get(order.id)
    total = Decimal(order.total_minor).scaleb(-rules.minor_digits(order.currency))
    print(f"{order.number}  {order.status}  {total} {order.currency}  {order.id}")


def _cancel(crm: Replica, options: argparse.Namespace) -> None:
    """call an order off"""
    order = crm.orders.cancel(_one(crm.orders, options.order, "number").id)
    print(f"{order.number}  {order.status}  {order.id}")


def _diagnostics(crm: Replica, options: argparse.Namespace) -> None:
    """Print what support needs to see; no personal data."""
    print(json.dumps(crm.diagnostics(), indent=1))


def _status(crm: Replica, options: argparse.Namespace) -> None:
    """how the replica stands, without contact"""
    status = asdict(crm.status())
    print(json.dumps(status, default=_plain, indent=1)) if options.json else _print_row(status)


def _attention(crm: Replica, options: argparse.Namespace) -> None:
    """what waits for a person"""
    items = crm.attention()
    if options.json:
        print(json.dumps([asdict(item) for item in items], default=_plain, ensure_ascii=False, indent=1))
        return
    for item in items:
        print(f"{item.number or attention.id_of(item)}  {item.title}")
        if item.explanation:
            print(f"   {item.explanation}")
        for verdict in item.verdicts:
            print(f"   {verdict.get('verdict')}: {verdict.get('explanation')}")
        if item.choices:
            print("   " + "; ".join(f"{choice['code']}: {choice['label']}" for choice in item.choices))
    if not items:
        print("Nothing needs attention.")


def _resolve(crm: Replica, options: argparse.Namespace) -> None:
    """deal with an item of `attention` by one of its choices"""
    crm.resolve(int(options.item) if options.item.isdecimal() else options.item, options.choice)
    print(f"{options.item}: {options.choice}")


def _reopen(crm: Replica, options: argparse.Namespace) -> None:
    """take a refused change up again, as a new one"""
    reopened = crm.reopen(options.number)
    for left in reopened.left:
        print(f"Not taken up: {left.change['op']} of {left.change['id']}: {left.reason}")
    if reopened.order_id:
        print(f"Draft {crm.orders.get(reopened.order_id).number}  {reopened.order_id}")
    print(f"{options.number} is now {reopened.number}." if reopened.number else "Nothing could be taken up again.")


def _fields(table: Table[Any], given: Sequence[str]) -> dict[str, Any]:
    """FIELD=VALUE as an application would give it; nothing after the = stands for an empty field."""
    fields = {}
    for text in given:
        name, is_pair, value = text.partition("=")
        field = table.entity.by_name.get(name)
        if not is_pair or field is None:
            raise InvalidValue(table.entity.name, name, "there is no such field; write FIELD=VALUE")
        typed: Any = value or None
        if value and field.kind is Kind.BOOLEAN:
            typed = {"true": True, "false": False}.get(value.lower(), value)
        elif value and field.kind in (Kind.INTEGER, Kind.JSON):
            try:
                typed = json.loads(value)
            except ValueError:
                raise InvalidValue(table.entity.name, name, f"{value!r} is not {field.kind}") from None
        elif value and field.kind is Kind.INSTANT:
            try:
                typed = datetime.fromisoformat(value)
            except ValueError:
                raise InvalidValue(table.entity.name, name, f"{value!r} is not an ISO 8601 instant") from None
        if typed is not None:
            typed = to_python(field, to_stored(field, to_wire(table.entity.name, field, typed)))
        fields[name] = typed
    return fields


def _one(table: Table[Any], text: str, field: str) -> Row:
    """The row that has this id, or alone has this value in a field."""
    found: list[Row] = table.list(where={field: text}, limit=2)
    if len(found) == 1:
        return found[0]
    if found:
        raise InvalidValue(table.entity.name, field, f"several have {text!r}; give the id")
    try:
        row: Row = table.get(text)
        return row
    except InvalidValue:
        raise NotFound(table.entity.name, text) from None


def _plain(value: object) -> object:
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return str(value)


def _cell(value: object) -> str:
    text = "" if value is None else str(_plain(value)) if not isinstance(value, (dict, list)) else json.dumps(value)
    text = " ".join(text.split())
    return text if len(text) <= CELL_WIDTH_MAX else text[: CELL_WIDTH_MAX - 1] + "…"


def _print_table(columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    cells = [list(columns), *([_cell(row.get(column)) for column in columns] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _print_row(row: dict[str, Any]) -> None:
    width = max(map(len, row))
    for name, value in row.items():
        if isinstance(value, (dict, list)):
            value = json.dumps(value, ensure_ascii=False)
        if value is not None:
            print(f"{name.ljust(width)}  {_plain(value)}")


if __name__ == "__main__":
    sys.exit(main())
