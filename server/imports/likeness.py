"""Accounts that seem to be there already: by tax id, phone, e-mail or name. The trash counts, and so do earlier lines.

Compared by the keys of all duplicates (`name_key`, `tax_id_key`, `channel_key`; ADR 0015), a query for each kind and
chunk. A likeness is a hint, not a block: two shops of one chain have one name, and two tills of one shop one phone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final, NamedTuple
from uuid import UUID

from server.crm.duplicate.search import ROWS_PER_KEY_MAX
from server.db import connection
from server.imports.known import Case
from server.imports.pieces import Record

LIKENESSES_SHOWN: Final = 3

Mark = tuple[str, str]
"""What of a record could be that of another: (kind, value)."""

_KEYS: Final = """
SELECT CASE m.kind WHEN 'name' THEN name_key(m.value) WHEN 'tax id' THEN tax_id_key(m.value)
    WHEN 'e-mail' THEN channel_key('email', m.value) ELSE channel_key('phone', m.value) END
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS m (kind, value, place) ORDER BY m.place"""
# ruff: noqa: S608  (all names are of this file)
_OF_ACCOUNT: Final = f"""
SELECT k.key, a.* FROM unnest($1::text[]) k (key) CROSS JOIN LATERAL (
    SELECT id, name, deleted_at FROM account WHERE {{same}} LIMIT {ROWS_PER_KEY_MAX + 1}) a"""
_OF_CHANNEL: Final = f"""
SELECT k.key, a.* FROM unnest($1::text[]) k (key) CROSS JOIN LATERAL (
    SELECT a.id, a.name, coalesce(a.deleted_at, c.deleted_at, h.deleted_at) AS deleted_at FROM contact_channel h
    JOIN contact c ON c.id = h.contact_id JOIN account a ON a.id = c.account_id
    WHERE channel_key(h.channel_kind, h.value) = k.key LIMIT {ROWS_PER_KEY_MAX + 1}) a"""
_FOUND_BY: Final = {
    "name": _OF_ACCOUNT.format(same="name_key(account.name) = k.key"),
    "tax id": _OF_ACCOUNT.format(same="tax_id_key(account.tax_id) = k.key"),
    "phone": _OF_CHANNEL,
    "e-mail": _OF_CHANNEL,
}


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest())


@dataclass(slots=True)
class Likenesses:
    """Compares the lines of a run with the tenant's accounts, and with each other."""

    lines: dict[int, str] = field(default_factory=dict)
    """Hash of a key → the line of this run that has it."""

    async def find(self, cases: Sequence[Case], file: str) -> dict[int, list[str]]:
        """Line → what it is like, in words; only lines that would make a new row are compared."""
        created = [case for case in cases if case.found and case.creates and not case.record.problems]
        marks = [(case, mark) for case in created for mark in _marks(case.record)]
        wanted: dict[int, list[Mark]] = {}
        for (case, (kind, _)), key in zip(marks, await _keys_of([mark for _, mark in marks]), strict=True):
            if key is not None:
                wanted.setdefault(case.record.line, []).append((kind, key))
        stored = await _find_stored({mark for keys in wanted.values() for mark in keys})
        found: dict[int, list[str]] = {}
        for case in created:
            line = case.record.line
            mine, keys = set(case.ids), wanted.get(line, [])
            rows = [row for key in keys for row in stored.get(key, ()) if row.id not in mine]
            like = _in_words(rows) + self._among_lines(keys, f"{file}, line {line}")
            if like:
                found[line] = like[:LIKENESSES_SHOWN]
        return found

    def _among_lines(self, marks: Iterable[Mark], place: str) -> list[str]:
        kinds: dict[str, list[str]] = {}
        for kind, value in marks:
            other = self.lines.setdefault(_hash(f"{kind} {value}"), place)
            if other != place:
                kinds.setdefault(other, []).append(kind)
        return [f"{other} (same {' and '.join(same)})" for other, same in kinds.items()]


async def _keys_of(marks: Sequence[Mark]) -> list[str | None]:
    """What each is compared by; None where it tells nothing."""
    if not marks:
        return []
    kinds, values = zip(*marks, strict=True)
    return [record[0] for record in await connection().fetch(_KEYS, list(kinds), list(values))]


async def _find_stored(keys: set[Mark]) -> dict[Mark, list["_Alike"]]:
    """By key, the accounts that have it, unless so many have it that it is no sign."""
    found: dict[Mark, list[_Alike]] = {}
    for kind, sql in _FOUND_BY.items():
        of_kind = [key for each, key in keys if each == kind]
        for row in await connection().fetch(sql, of_kind) if of_kind else ():
            alike = _Alike(row["id"], row["name"], row["deleted_at"] is not None, kind)
            found.setdefault((kind, row["key"]), []).append(alike)
    return {mark: rows for mark, rows in found.items() if len(rows) <= ROWS_PER_KEY_MAX}


class _Alike(NamedTuple):
    """An account that has something in common with a line."""

    id: UUID
    name: str
    buried: bool
    kind: str


def _in_words(rows: Sequence[_Alike]) -> list[str]:
    """Each account once, with all that it has in common."""
    words = []
    for row_id in dict.fromkeys(row.id for row in rows):
        same = [row for row in rows if row.id == row_id]
        trash = ", in the trash" if all(row.buried for row in same) else ""
        kinds = " and ".join(dict.fromkeys(row.kind for row in same))
        words.append(f"account “{same[0].name}” (same {kinds}{trash})")
    return words


def _marks(record: Record) -> Iterable[tuple[str, str]]:
    """What of a record could be that of another: (kind, value)."""
    for piece in record.pieces:
        values = piece.values
        if piece.part.entity_name == "account":
            if values.get("name"):
                yield "name", values["name"]
            if values.get("tax_id"):
                yield "tax id", values["tax_id"]
        elif piece.part.entity_name == "contact_channel" and values["channel_kind"] in ("phone", "email"):
            yield "e-mail" if values["channel_kind"] == "email" else "phone", values["value"]
