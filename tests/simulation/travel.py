"""What travels between server and devices, and what a device shows after it: judged by the oracle's account."""

import json
import re
from typing import Any
from uuid import UUID

from outrider_sdk import Replica
from outrider_sdk.protocol.entities import ENTITIES

from server.auth.access import Access
from server.sync.cursors import EPOCH_BITS
from server.sync.schemas import fields_unknown
from tests.simulation.oracle import WATCHED, Key, Oracle

_BASES = " UNION ALL ".join(
    f"SELECT '{name}', id, revision FROM \"{name}\""
    f" WHERE id NOT IN (SELECT id FROM sync_shadow WHERE entity = '{name}')"
    for name in ENTITIES
)
_SHADOWED = "SELECT entity, id, json_extract(base, '$.revision') FROM sync_shadow WHERE base IS NOT NULL"


def on_reply(oracle: Oracle, member_id: str, message: Any) -> None:
    """No field travels that the member may not read; what they typed themselves they may be told."""
    hidden = [(e, f) for e, f in oracle.server.sight.access(member_id).hidden_fields() if f in WATCHED.get(e, ())]
    if hidden:
        text = json.dumps(message, ensure_ascii=False)
        for _, name in hidden:
            told = set(re.findall(rf"{name} \d{{5}}", text)) - oracle.own_words.get(member_id, set())
            oracle.require("S6", not told, f"{told} is hidden from {member_id}, and travels")


def on_page(oracle: Oracle, device_id: str, page: dict[str, Any], schema: int) -> dict[Any, int] | None:
    """Only what is in sight travels. Of the last page: what the device must have once it has shown it."""
    record = oracle.server.devices[device_id]
    member_id = record.member_id
    oracle.require("S6", record.revoked_at is None, f"{device_id} was revoked, and gets a page")
    if oracle.server.holder is not None:
        oracle.require("S7", True, "whoever reads waits for nobody")
    on_reply(oracle, member_id, page)
    access = oracle.server.sight.access(member_id)
    sight = _sight(oracle, member_id, access)
    for name, columns in page["puts"].items():
        ids = columns["id"]
        if schema < oracle.server.schema:
            unknown = fields_unknown(ENTITIES[name], schema) & columns.keys()
            known = ENTITIES[name].since <= schema and not unknown
            oracle.require("S10", known, f"{name} with {unknown} travels to an app of schema {schema}")
        oracle.require(
            "S6",
            all((name, i) in sight for i in ids),
            lambda n=name: f"a {n} out of sight of {member_id} travels",  # type: ignore[misc]
        )
        fields = access.right(name).hidden & columns.keys()
        oracle.require("S6", not fields, f"{fields} of {name}, hidden from {member_id}, travels")
    known = {key: revision for key, revision in sight.items() if ENTITIES[key[0]].since <= schema}
    return known if page["complete"] else None


def _sight(oracle: Oracle, member_id: str, access: Access) -> dict[Any, int]:
    sight = oracle.server.sight
    rows = oracle.server.rows.by_key.values()
    return {r.key: r.values["revision"] for r in rows if not r.deleted and sight.may_see(member_id, access, r)}


def own_writes(oracle: Oracle, device: str, replica: Replica, pending: range) -> None:
    """What a person typed they see, until the server's word on it arrives with a pull."""
    answered, typed = oracle.outcomes.get(device, {}), dict[tuple[str, str, str], list[Any]]()
    for (maker, number), edits in sorted(oracle.typed.items()):
        if maker != device or number not in pending:
            continue
        refused = answered.get(number, {}).get("status") == "refused"
        for each in edits:
            may_show = typed.get((*each.key, each.field), [])
            if not refused:
                typed[*each.key, each.field] = [each.value]
            elif may_show:  # what was refused is shown until then as well
                may_show.append(each.value)
    erased = {i for outcome in answered.values() for i in outcome.get("erased", ())}
    for (entity, row_id, name), values in typed.items():
        if row_id in erased:  # the answer to other work told of it: the device has forgotten what was typed
            continue
        shown = replica.table(entity).find(row_id) if name not in ("", "*") else None
        if shown is not None and shown["id"] == row_id:  # of one merged away, the other is shown
            there = shown_value(shown, name)
            oracle.require("S4", there in values, f"{device} shows “{there}” where its person typed {values}")


def after_pull(
    oracle: Oracle,
    device: str,
    replica: Replica,
    cursor: int,
    expected: dict[Any, int] | None,
    *,
    behind: bool,
    damaged: set[Key],
) -> None:
    """The device has what the last page promised; nothing went backwards; what belongs together is together."""
    oracle.require("S4", cursor >= oracle.cursors.get(device, 0), f"the cursor of {device} went back to {cursor}")
    if cursor >> EPOCH_BITS != oracle.cursors.get(device, 0) >> EPOCH_BITS:
        oracle.bases.pop(device, None)  # of before the restore, when rows were newer
    oracle.cursors[device] = cursor
    bases = bases_of(replica)
    if expected is not None:
        late = [key for key, revision in expected.items() if bases.get(key, -1) < revision and key not in damaged]
        story = f"{device} is at {cursor}, and has not what was committed: {late[:5]}"
        oracle.require("S9" if behind else "S5", not late, story)
        surplus = sorted(bases.keys() - expected.keys())
        story = f"{device} still has what its user lost: {surplus[:5]}"
        oracle.require("S9" if behind else "S6", not surplus, story)
    before = oracle.bases.get(device, {})
    older = [key for key, revision in bases.items() if revision < before.get(key, 0) and key not in damaged]
    oracle.require("S4", not older, lambda: f"{device} shows rows as they once were: {older[:5]}")
    oracle.bases[device] = bases
    _shows_whole(oracle, device, replica)


def _shows_whole(oracle: Oracle, device: str, replica: Replica) -> None:
    pairs = replica.query(
        "SELECT o.time_zone AS a, c.legal_name AS b FROM outlet o JOIN account c ON c.id = o.account_id"
        " WHERE o.time_zone IS NOT c.legal_name"
    )
    oracle.require("S4", not pairs, f"{device} shows half of a transaction: {pairs}")
    halves = replica.query(
        "SELECT c.name FROM contact c WHERE c.name LIKE 'new %' AND NOT EXISTS "
        "(SELECT 1 FROM contact_channel h WHERE h.contact_id = c.id)"
    )
    whole = not halves or oracle.merges_undone
    oracle.require("S4", whole, f"{device} shows a contact without the phone made with it: {halves}")


def shown_value(row: dict[str, Any], name: str) -> Any:
    """The value of a field, or of a key of `custom`, of a row as the SDK shows it."""
    return row["custom"].get(name.removeprefix("custom.")) if name.startswith("custom.") else row[name]


def bases_of(replica: Replica) -> dict[Any, int]:
    """Row → revision of the server's rows that a device has, under what is pending."""
    found: dict[Any, int] = {}
    for sql in (_BASES, _SHADOWED):
        for row in replica.query(sql):
            name, stored_id, revision = row.values()
            found[name, str(UUID(bytes=stored_id))] = revision
    return found
