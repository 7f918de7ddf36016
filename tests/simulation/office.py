"""What the office does on the server: plain SQL, imports, rights, merges and erasures."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from outrider_sdk.protocol.entities import CONTACT, Kind

from server.crm.erasure.personal import BLANKS
from server.crm.erasure.redact import WHY_UNKNOWN, redact_outcome
from server.crm.merge.rules import merged_values
from server.sync.state import Row
from tests.simulation import people, upkeep
from tests.simulation.records import Transaction
from tests.simulation.server import Locked

if TYPE_CHECKING:
    from tests.simulation.device import Rep
    from tests.simulation.run import Run

IMPORT_CHUNKS, CHUNK_ROWS = 3, 15
ROLES = (
    ("{}", "{}"),
    ("{}", '{"contact": {"job_title": "hidden"}, "outlet": {"description": "hidden"}}'),
    ("team", '{"contact": {"job_title": "readonly"}}'),
    ("territory", "{}"),
    ("all", "{}"),
)
"""Reach of all that the role reads, and its rules of fields."""
WIDENED = ("account", "outlet", "contact", "contact_channel", "agreement", "order", "order_line", "assignment", "merge")


def perform(run: "Run", act: str) -> None:
    """One writing transaction of the office, or several of an import."""
    if act in _ACTS:
        _ACTS[act](run)
        return
    if run.slow is not None:
        if run.chance.random() < 0.5:
            return  # it goes on, and whoever writes would wait for it
        run.note(f"the slow transaction of revision {run.slow.revision} commits")
        run.server.commit(run.slow)
        run.slow = None
        return
    for _ in range(IMPORT_CHUNKS if act == "import_rows" else 1):
        try:
            transaction = run.server.begin()
        except Locked:
            return
        run.operations += 1
        _WRITES[act](run, transaction)
        if act == "slow":
            run.note(f"plain SQL, revision {transaction.revision}, stays open")
            run.fault("long transaction")
            run.slow = transaction
            return
        run.note(f"the office: {act}, revision {transaction.revision}")
        run.server.commit(transaction)
        run.interleave()


def _somebody(run: "Run") -> "Rep":
    """A rep; often the one whose device is at the server now."""
    if run.at_server is not None and run.chance.random() < 0.5:
        return run.at_server
    return run.chance.choice(run.reps)


def _revoke(run: "Run") -> None:
    """A phone was lost, or somebody thinks so."""
    rep = _somebody(run)
    if not rep.is_revoked:
        run.server.devices[rep.id].revoked_at = run.now
        run.note(f"{rep.name} is revoked")
        run.operations += 1
        run.fault(f"revoked mid-{run.inside}" if run.depth and run.inside else "revoked")


def _back_up(run: "Run") -> None:
    """A backup is made; the last two are kept."""
    if run.server.holder is None:
        run.backups = [*run.backups[-1:], (run.server.back_up(), run.oracle.back_up())]
        run.note(f"a backup at revision {run.server.head}")
        run.operations += 1


def _restore(run: "Run") -> None:
    """The database is lost, and restored from a backup.

    One that can be read, in which nobody is whole who was erased since (erasures would be replayed first), and in which
    no file is to be wiped that was copied since: no copy comes back.
    """
    if not run.backups or run.server.holder is not run.slow:
        return
    if run.slow is not None:
        run.server.abort(run.slow)
        run.slow = None
    backup = run.chance.choice(run.backups)
    kept, known = backup
    copied = {rep.member_id for rep in run.reps if rep.copy is not None}
    wiped = {device.member_id for device in kept["devices"].values() if device.wipe_ordered_at is not None}
    if kept["erased"].keys() == run.server.erased.keys() and not copied & wiped:
        run.note(f"the server is restored to revision {kept['head']}")
        mid = run.inside if run.depth and run.inside else ""
        run.fault(f"server restored mid-{mid}" if mid else "server restored from a backup")
        if run.restored_from is backup:
            run.fault("backup restored twice")
        run.restored_from = backup
        undone = run.server.merged.items() - kept["merged"].items()
        run.mixed_words |= run.oracle.words_about({row_id for pair in undone for row_id in pair})
        run.oracle.merges_undone |= bool(undone)
        run.operations += 1
        run.server.restore(kept)
        run.oracle.restore(known)
        if run.chance.random() < 0.3:  # somebody left on that day, too
            upkeep.order_wipe(run)


def _move_horizon(run: "Run") -> None:
    """What is old is forgotten; who was away for that long pulls anew."""
    cursors = [rep.fact("cursor") for rep in run.reps]
    run.server.move_horizon(run.chance.choice(cursors) + run.chance.randrange(0, 12))
    if any(0 < cursor < run.server.horizon for cursor in cursors):
        run.fault("away behind the horizon")
    run.note(f"the horizon is at {run.server.horizon}")


def _neighbour(run: "Run") -> None:
    """Another tenant of the same installation writes, whatever this one is at."""
    try:
        run.neighbour.commit(run.neighbour.begin())
    except Locked:
        run.oracle.require("S7", False, "a writer of this tenant holds up another tenant")
    run.oracle.require("S7", True, "another tenant writes")


def _any(run: "Run", rows: Any) -> Row | None:
    found = list(rows)
    return run.chance.choice(found) if found else None


def _job_title(run: "Run", transaction: Transaction) -> None:
    """A contact has another job; or something else becomes of what a rep is at, too, whose device is at the server."""
    at_work = run.server.rows.by_key.get((run.at_server and run.at_server.at_work) or ("", ""))
    meets = at_work is not None and not at_work.deleted and run.chance.random() < 0.7
    row = at_work if meets else _any(run, run.server.live("contact"))
    if row is not None:
        name = people.MAIN_FIELD[row.entity.name]
        run.server.write(transaction, row.entity.name, row.id, **{name: run.word(name)})


def _channel(run: "Run", transaction: Transaction) -> None:
    """A field that older apps do not know."""
    outlet = _any(run, run.server.live("outlet"))
    if outlet is not None and run.server.schema > 1:
        run.server.write(transaction, "outlet", outlet.id, channel=run.word("channel"))


def _pair(run: "Run", transaction: Transaction) -> None:
    """Rows that are written together must be seen together."""
    token = run.word("pair")
    account = run.chance.choice(list(run.server.live("account")))
    run.server.write(transaction, "account", account.id, legal_name=token)
    for outlet in list(run.server.live("outlet")):
        if outlet.values["account_id"] == account.id:
            run.server.write(transaction, "outlet", outlet.id, time_zone=token)


def _price(run: "Run", transaction: Transaction) -> None:
    price = f"{run.chance.randrange(1500, 2200) / 100:.2f}"
    run.server.write(transaction, "price_item", run.ids["price"], price=price)


def _delete_contact(run: "Run", transaction: Transaction) -> None:
    contact = _any(run, run.server.live("contact"))
    if contact is not None:
        run.server.write(transaction, "contact", contact.id, deleted=True)


def _import_rows(run: "Run", transaction: Transaction) -> None:
    """A chunk of a large import; others write between the chunks."""
    run.fault("import in chunks")
    outlet = run.chance.choice(list(run.server.live("outlet")))
    for _ in range(CHUNK_ROWS):
        run.server.write(transaction, "contact", run.new_id(), account_id=outlet.values["account_id"],
                         outlet_id=outlet.id, name=run.word("imported"))  # fmt: skip


def _retire_field(run: "Run", transaction: Transaction) -> None:
    """A custom field goes out of use, or comes back."""
    active = run.server.rows.of["custom_field"][run.ids["colour"]].values["active"]
    run.server.write(transaction, "custom_field", run.ids["colour"], active=not active)
    run.fault("custom field retired")


# Rights


def _rights_change(run: "Run") -> None:
    run.fault(f"rights changed mid-{run.inside}" if run.depth and run.inside else "rights changed")


def _reassign(run: "Run", transaction: Transaction) -> None:
    """An outlet is given to a rep, or taken away; often it is the last one again, given back."""
    assignments, member = run.server.rows.of["assignment"], _somebody(run).member_id
    theirs = [a for a in assignments.values() if a.values["member_id"] == member] or list(assignments.values())
    again = run.chance.random() < (0.6 if run.depth else 0.3) and run.reassigned in assignments
    assignment = assignments[run.reassigned] if again else run.chance.choice(theirs)
    run.reassigned = assignment.id
    run.server.write(transaction, "assignment", assignment.id, deleted=not assignment.deleted)
    _rights_change(run)


def _role(run: "Run", transaction: Transaction) -> None:
    """The role's rights change, or a member gets another role."""
    if run.chance.random() < 0.5:
        reach, fields = run.chance.choice(ROLES)
        permissions = "{}" if reach == "{}" else json.dumps({name: {"read": reach} for name in WIDENED})
        run.server.write(transaction, "role", run.ids["role"], permissions=permissions, fields=fields)
    else:
        member = _somebody(run).member_id
        role = run.server.rows.of["member"][member].values["role"]
        run.server.write(transaction, "member", member, role="rep" if role == "lead" else "lead")
    _rights_change(run)


def _team(run: "Run", transaction: Transaction) -> None:
    team = run.ids[run.chance.choice(("team0", "team1"))]
    run.server.write(transaction, "member", _somebody(run).member_id, team_id=team)
    _rights_change(run)


def _territory(run: "Run", transaction: Transaction) -> None:
    if run.chance.random() < 0.5:
        manager = run.chance.choice([None, *(rep.member_id for rep in run.reps)])
        territory = run.ids[run.chance.choice(("north", "city"))]
        run.server.write(transaction, "territory", territory, manager_id=manager)
    else:
        outlet = run.chance.choice(list(run.server.live("outlet")))
        territory = run.chance.choice([None, run.ids["north"], run.ids["city"]])
        run.server.write(transaction, "outlet", outlet.id, territory_id=territory)
    _rights_change(run)


def _delegate(run: "Run", transaction: Transaction) -> None:
    standing = _any(run, run.server.live("delegation"))
    if standing is not None:
        run.server.write(transaction, "delegation", standing.id, deleted=True)
    else:
        one, other = run.chance.sample(run.reps, 2)
        ids = {"member_id": one.member_id, "substitute_id": other.member_id}
        run.server.write(transaction, "delegation", run.new_id(), **ids)
    _rights_change(run)


# Merges and erasures


def _merge(run: "Run", transaction: Transaction) -> None:
    """Two contacts of one account become one; what named the loser names the winner."""
    contacts = [c for c in run.server.live("contact") if c.id not in run.server.erased]
    winner = run.chance.choice(contacts) if contacts else None
    others = [c for c in contacts if winner and c.values["account_id"] == winner.values["account_id"] and c != winner]
    if winner is None or not others:
        return
    server, loser = run.server, run.chance.choice(others)
    values = merged_values(CONTACT, _documents(winner), _documents(loser), frozenset())
    server.write(transaction, "contact", winner.id, **{n: _as_wire(v) for n, v in values.items()})
    for channel in server.rows.of["contact_channel"].values():
        if channel.values["contact_id"] == loser.id:
            server.write(transaction, "contact_channel", channel.id, contact_id=winner.id)
    for earlier in list(server.rows.of["merge"].values()):
        if earlier.values["winner_id"] == loser.id:
            server.write(transaction, "merge", earlier.id, winner_id=winner.id)
    ids = {"winner_id": winner.id, "loser_id": loser.id}
    server.write(transaction, "merge", run.new_id(), entity="contact", **ids)
    server.write(transaction, "contact", loser.id, deleted=True)
    transaction.merged[loser.id] = winner.id
    run.fault("merge with offline work")


def _documents(row: Row) -> dict[str, Any]:
    return {
        f.name: json.loads(row.values[f.name]) if f.kind is Kind.JSON and row.values[f.name] else row.values[f.name]
        for f in row.entity.all_fields
    }


def _as_wire(value: Any) -> Any:
    return json.dumps(value, separators=(",", ":"), sort_keys=True) if isinstance(value, (dict, list)) else value


def _erase(run: "Run", transaction: Transaction) -> None:
    """A person asks to be forgotten: their rows, and what was said beside them."""
    contact = _any(run, (c for c in run.server.live("contact") if c.id not in run.server.erased))
    if contact is None:
        return
    server = run.server
    same = {contact.id} | {loser for loser, winner in server.merged.items() if winner == contact.id}
    rows = [server.rows.of["contact"][i] for i in same]
    rows += [c for c in server.rows.of["contact_channel"].values() if c.values["contact_id"] in same]
    rows += [c for c in server.rows.of["conflict"].values() if c.values["row_id"] in {row.id for row in rows}]
    run.erased_words |= run.oracle.words_about(same)
    for row in rows:
        buried = row.entity.name != "conflict" or row.deleted
        server.write(transaction, row.entity.name, row.id, **BLANKS[row.entity.name], deleted=buried)
        transaction.erased.add(row.id)
    _erase_outcomes(run, transaction.erased)
    run.fault("erasure with offline work")


def _erase_outcomes(run: "Run", ids: set[str]) -> None:
    """Outcomes that are kept say nothing of the person either."""
    for device in run.server.devices.values():
        for number, outcome in device.outcomes.items():
            if "conflicts" in outcome:
                device.outcomes[number] = redact_outcome(outcome, ids)
            quotes = outcome["status"] == "refused" and outcome["code"] != "erased"
            if quotes and any(i in run.server.payloads[outcome["digest"]] for i in ids):
                device.outcomes[number] = outcome | {"explanation": WHY_UNKNOWN}


_WRITES: dict[str, Callable[["Run", Transaction], None]] = {
    "job_title": _job_title, "channel": _channel, "pair": _pair, "reassign": _reassign, "price": _price,
    "delete_contact": _delete_contact, "slow": _job_title, "import_rows": _import_rows, "role": _role, "team": _team,
    "territory": _territory, "delegate": _delegate, "merge": _merge, "erase": _erase, "retire_field": _retire_field,
}  # fmt: skip
_ACTS: dict[str, Callable[["Run"], None]] = {
    "neighbour": _neighbour, "revoke": _revoke, "back_up": _back_up, "restore": _restore, "move_horizon": _move_horizon,
    "upgrade_server": upkeep.upgrade_server, "order_wipe": upkeep.order_wipe,
    "decide_quarantine": upkeep.decide_quarantine,
}  # fmt: skip
"""What is no writing transaction of the tenant."""
