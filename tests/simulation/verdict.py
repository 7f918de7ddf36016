"""What must hold in the end, once everything has healed and arrived."""

from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from outrider_sdk import Replica
from outrider_sdk.protocol.entities import ENTITIES, Kind

from server.sync.schemas import fields_unknown
from server.sync.state import same
from tests.simulation.device import Rep
from tests.simulation.oracle import HOLDING_STATUSES, Oracle, value_of


def judge(oracle: Oracle, rep: Rep) -> None:
    """Every promise to one device."""
    _nothing_lost(oracle, rep)
    _equal_to_server(oracle, rep)
    _refusals_wait_for_a_person(oracle, rep.life, rep.replica)


def _nothing_lost(oracle: Oracle, rep: Rep) -> None:
    life, record = rep.life, oracle.server.devices[rep.id]
    status = rep.replica.status()
    oracle.require("S8", status.pending == 0, f"{life} still has {status.pending} unanswered mutations")
    entries = rep.replica.query("SELECT number, digest, status FROM sync_outbox")
    outbox = {row["number"]: row["digest"] for row in entries}
    statuses = {row["number"]: row["status"] for row in entries}
    # What a lost history has refused waits for its person here; a restored server may not have heard of it.
    told = {n for n, status in statuses.items() if oracle.restored and status == "refused"}
    lost = [n for n in oracle.acknowledged.get(life, ()) if outbox.get(n) not in oracle.answered and n not in told]
    promise = "S11" if oracle.restored else "S1"
    oracle.require(promise, not lost, f"mutations {lost} of {life}, which the SDK returned, are gone")
    oracle.require(
        "S2",
        record.last_number == status.last_number == max(outbox, default=0),
        f"{life} made {status.last_number} mutations, the server has {record.last_number}",
    )
    (prefix,) = rep.replica.query("SELECT value FROM sync_meta WHERE key = 'number_prefix'")
    mine = rep.credentials.credentials.number_prefix
    oracle.require("S2", prefix["value"] == mine, f"{life} numbers orders as {prefix['value']}, and is {mine}")
    for row_id, (maker, number) in oracle.created.items():
        if maker == life and number in outbox:
            if outbox[number] in oracle.redacted:
                continue  # as refused before, or about an erased person
            made = any((name, row_id) in oracle.server.rows.by_key for name in ENTITIES)
            refused = statuses[number] == "refused"
            if number in oracle.discarded.get(life, set()):
                if rep.lives > 1:
                    continue  # the copy may have handed it in
                refused = True
            oracle.require("S2", made != refused, f"row {row_id} of mutation {number}: made {made}, refused {refused}")


def _equal_to_server(oracle: Oracle, rep: Rep) -> None:
    """What the device shows is what its member sees, as far as its app knows it."""
    server, replica, schema = oracle.server, rep.replica, rep.schema
    member = server.devices[rep.id].member_id
    access = server.sight.access(member)
    promise = "S3" if schema == server.schema else "S10"
    for entity in ENTITIES.values():
        hidden = access.right(entity.name).hidden | fields_unknown(entity, schema)
        expected = {
            UUID(row.id).bytes: {
                f.name: None if f.name in hidden else _stored(f.kind, row.values[f.name]) for f in entity.all_fields
            }
            for row in server.live(entity.name)
            if entity.since <= schema and server.sight.may_see(member, access, row)
        }
        shown = {row["id"]: row for row in replica.query(f'SELECT * FROM "{entity.name}"')}
        oracle.require(
            promise,
            shown == expected,
            lambda e=entity, s=shown, x=expected: f"{rep.id} differs in {e.name}: {_difference(s, x)}",  # type: ignore[misc]
        )
    problems = replica.verify()
    oracle.require("S3", not problems, f"{rep.id} finds itself broken: {problems}")


def _refusals_wait_for_a_person(oracle: Oracle, device: str, replica: Replica) -> None:
    items = {item.number: item for item in replica.attention() if item.number is not None}
    for number, outcome in oracle.outcomes.get(device, {}).items():
        if outcome["status"] == "refused":
            item = items.get(number)
            whole = item is not None and item.title and item.explanation and item.choices
            oracle.require("S12", bool(whole), f"nobody is told that mutation {number} of {device} was refused: {item}")


def settlements_are_complete(oracle: Oracle) -> None:
    """What was settled says how, by whom and when, and names both values still."""
    for conflict in oracle.server.live("conflict"):
        if conflict.id in oracle.server.erased:
            continue
        values, record = conflict.values, oracle.records[conflict.id]
        whole = all(values[name] for name in ("settlement", "settled_by", "settled_at"))
        oracle.require("S1", (values["status"] == "settled") == whole, f"half settled: {values}")
        kept = all(values[name] == record[name] for name in ("kept", "lost", "kept_by", "lost_by"))
        oracle.require("S1", kept, f"a record changed by its settlement: {values}")
        settled = conflict.id in oracle.settled
        oracle.require("S2", (values["status"] == "settled") == settled, f"settled {settled}, but: {values}")


def fields_are_as_typed(oracle: Oracle) -> None:
    """Every watched field holds what was typed last, or what a conflict kept."""
    for (entity, row_id, name), state in oracle.fields.items():
        value = value_of(oracle.server.rows.of[entity][row_id], name)
        oracle.require(
            "S1", value == state.value, f"{name} of {row_id} is “{value}”; by what was typed, “{state.value}”"
        )


def stock_is_conserved(oracle: Oracle) -> None:
    """What is reserved is what orders have accepted, no more and no less, and never more than there is."""
    server = oracle.server
    for stock in server.live("stock"):
        reserved = sum(
            (Decimal(line.values["quantity_accepted"] or 0) for line in server.live("order_line")
             if line.values["product_id"] == stock.values["product_id"]
             and server.rows.of["order"][line.values["order_id"]].values["status"] in HOLDING_STATUSES),
            Decimal(0),
        )  # fmt: skip
        held = Decimal(stock.values["reserved"])
        oracle.require("S2", held == reserved, f"{held} reserved, {reserved} accepted")
        oracle.require("S2", held <= Decimal(stock.values["quantity"]), f"{held} reserved of more than there is")


def erased_is_gone(oracle: Oracle, path: Path, words: set[str]) -> None:
    """Nothing that was said of an erased person is left in a replica's file, not even in its free pages."""
    content = path.read_bytes()
    left = [word for word in words if word.encode() in content]
    oracle.require("S6", not left, f"{left} of an erased person is still in {path.name}")


def _stored(kind: Kind, value: Any) -> Any:
    if value is None:
        return None
    if kind is Kind.ID:
        return UUID(value).bytes
    if kind is Kind.BOOLEAN:
        return int(value)
    return value


def _difference(shown: dict[bytes, Any], expected: dict[bytes, Any]) -> str:
    missing, extra = expected.keys() - shown.keys(), shown.keys() - expected.keys()
    wrong = [
        (str(UUID(bytes=i)), n, shown[i][n], expected[i][n])
        for i in shown.keys() & expected.keys()
        for n in expected[i]
        if not (shown[i][n] == expected[i][n] or same(Kind.TEXT, shown[i][n], expected[i][n]))
    ]
    absent, surplus = ([UUID(bytes=i).hex for i in ids] for ids in (missing, extra))
    return f"missing {absent}, too many {surplus}, wrong {wrong[:3]}"
