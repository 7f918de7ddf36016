"""Accounts that seem to be there already: by tax id, phone, e-mail or name. The trash counts, and so do earlier lines.

A likeness is a hint, not a block: two shops of one chain have one name, and two tills of one shop one phone.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final, NamedTuple
from uuid import UUID

from server.db import connection
from server.imports.known import Case
from server.imports.pieces import Record

NAMES_MAX: Final = 500_000
"""Accounts whose names are compared; a tenant with more is compared by the other three."""
LIKENESSES_SHOWN: Final = 3

_LEGAL_FORMS: Final = frozenset({
    "ltd", "llc", "inc", "corp", "co", "company", "gmbh", "ag", "kg", "ohg", "bv", "nv", "sa", "sas", "sarl",
    "srl", "spa", "ab", "as", "oy", "oü", "sia", "uab", "plc", "pty", "limited", "ооо", "оао", "зао", "пао",
    "ао", "ип", "тоо", "жшс", "чп", "фоп", "тов", "одо", "уп", "чуп", "ск",
})  # fmt: skip
_WORDS: Final = re.compile(r"\w+")
_BY_TAX_ID: Final = """
SELECT tax_id AS value, 'tax id' AS kind, id, name, deleted_at FROM account WHERE tax_id = ANY ($1::text[])"""
_BY_CHANNEL: Final = """
SELECT h.value, CASE h.channel_kind WHEN 'email' THEN 'e-mail' ELSE 'phone' END AS kind, a.id, a.name,
    coalesce(a.deleted_at, c.deleted_at, h.deleted_at) AS deleted_at
FROM contact_channel h JOIN contact c ON c.id = h.contact_id JOIN account a ON a.id = c.account_id
WHERE h.value = ANY ($1::text[]) AND h.channel_kind IN ('phone', 'email')"""


def normal_name(name: str) -> str:
    """A name without case, punctuation and legal form: “ООО «Ромашка»” and “Ромашка” are one."""
    words = _WORDS.findall(name.casefold())
    return " ".join(word for word in words if word not in _LEGAL_FORMS) or " ".join(words)


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest())


@dataclass(slots=True)
class Likenesses:
    """Compares the lines of a run with the tenant's accounts, and with each other."""

    names: dict[int, bytes] = field(default_factory=dict)
    """Hash of a normal name → account."""
    lines: dict[int, str] = field(default_factory=dict)
    """Hash of a name, tax id, phone or e-mail → the line of this run that has it."""

    async def load_names(self) -> None:
        """Remember the names of all accounts, those in the trash as well."""
        sql = "SELECT id, name FROM account LIMIT $1"
        async for record in connection().cursor(sql, NAMES_MAX + 1, prefetch=2_000):
            self.names[_hash(normal_name(record["name"]))] = record["id"].bytes
        if len(self.names) > NAMES_MAX:
            self.names.clear()

    async def find(self, cases: Sequence[Case], file: str) -> dict[int, list[str]]:
        """Line → what it is like, in words; only lines that would make a new row are compared."""
        created = [case for case in cases if case.found and case.creates and not case.record.problems]
        wanted = {case.record.line: list(_marks(case.record)) for case in created}
        stored = await self._find_stored({mark for marks in wanted.values() for mark in marks})
        found: dict[int, list[str]] = {}
        for case in created:
            line = case.record.line
            mine = set(case.ids)
            rows = [row for mark in wanted[line] for row in stored.get(mark, ()) if row.id not in mine]
            like = _in_words(rows) + self._among_lines(wanted[line], f"{file}, line {line}")
            if like:
                found[line] = like[:LIKENESSES_SHOWN]
        return found

    def _among_lines(self, marks: Iterable[tuple[str, str]], place: str) -> list[str]:
        kinds: dict[str, list[str]] = {}
        for kind, value in marks:
            other = self.lines.setdefault(_hash(f"{kind} {value}"), place)
            if other != place:
                kinds.setdefault(other, []).append(kind)
        return [f"{other} (same {' and '.join(same)})" for other, same in kinds.items()]

    async def _find_stored(self, marks: set[tuple[str, str]]) -> dict[tuple[str, str], list["_Alike"]]:
        tax_ids = [value for kind, value in marks if kind == "tax id"]
        channels = [value for kind, value in marks if kind in ("phone", "e-mail")]
        rows: list[Any] = []
        rows += await connection().fetch(_BY_TAX_ID, tax_ids) if tax_ids else []
        rows += await connection().fetch(_BY_CHANNEL, channels) if channels else []
        found: dict[tuple[str, str], list[_Alike]] = {}
        for row in rows:
            alike = _Alike(row["id"], row["name"], row["deleted_at"] is not None, row["kind"])
            found.setdefault((row["kind"], row["value"]), []).append(alike)
        named = {
            value: self.names[_hash(value)] for kind, value in marks if kind == "name" and _hash(value) in self.names
        }
        sql = "SELECT id, name, deleted_at FROM account WHERE id = ANY ($1::uuid[])"
        accounts = await connection().fetch(sql, [UUID(bytes=each) for each in named.values()]) if named else []
        by_id = {row["id"].bytes: row for row in accounts}
        for value, raw in named.items():
            row = by_id[raw]
            found["name", value] = [_Alike(row["id"], row["name"], row["deleted_at"] is not None, "name")]
        return found


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
            yield "name", normal_name(values.get("name", ""))
            if values.get("tax_id"):
                yield "tax id", values["tax_id"]
        elif piece.part.entity_name == "contact_channel" and values["channel_kind"] in ("phone", "email"):
            yield "e-mail" if values["channel_kind"] == "email" else "phone", values["value"]
