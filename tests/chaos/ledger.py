"""What people were promised, and whether the server kept it: each thing that was acknowledged has one effect."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
from outrider_sdk.protocol.entities import ENTITIES
from psycopg import sql

from tests.chaos.phone import LINES

_TOKEN: Final = re.compile(r"chaos\.[\w.-]+")
_MADE: Final = {
    "create": "SELECT name, count(*) FROM contact WHERE name LIKE 'chaos.%' GROUP BY 1",
    "comment": "SELECT body, count(*) FROM comment WHERE body LIKE 'chaos.%' GROUP BY 1",
    "order": "SELECT note, count(*) FROM \"order\" WHERE note LIKE 'chaos.%' GROUP BY 1",
}
_WRITTEN: Final = """
    SELECT value, count(*) FROM audit_entry, unnest(new) AS value
    WHERE entity = %s AND field = 'description' AND value LIKE 'chaos.%%' GROUP BY 1
"""
_ON_RECORD: Final = "SELECT DISTINCT lost #>> '{}' FROM conflict WHERE field = 'description'"
_TORN: Final = """
    SELECT o.note, count(l.id) FROM "order" o LEFT JOIN order_line l ON l.order_id = o.id AND l.deleted_at IS NULL
    WHERE o.note LIKE 'chaos.%%' GROUP BY o.id HAVING count(l.id) <> %s
"""
_NUMBERED_TWICE: Final = """
    SELECT number FROM "order" o WHERE deleted_at IS NULL GROUP BY number HAVING count(*) > 1 + (
        SELECT count(*) FROM conflict c JOIN "order" d ON d.id = c.row_id
        WHERE c.field = 'number' AND d.number = o.number)
"""


@dataclass
class Ledger:
    """What each phone's SDK returned from, in order."""

    done: dict[str, list[tuple[str, str, str]]] = field(default_factory=dict)
    """Phone → (kind, token, row)."""
    excused: set[str] = field(default_factory=set)
    """Tokens that an older copy of a phone's file knew nothing of: the phone lost them, if they were not sent."""

    def note(self, phone: str, kind: str, token: str, row: str) -> None:
        """A call of the SDK returned."""
        self.done.setdefault(phone, []).append((kind, token, row))

    def excuse_since(self, phone: str, count: int) -> None:
        """The phone goes on from a copy that was made when it had done so many things."""
        self.excused |= {token for _, token, _ in self.done.get(phone, [])[count:]}

    @property
    def size(self) -> int:
        """How many things were acknowledged."""
        return sum(map(len, self.done.values()))

    def judge(self, conn: psycopg.Connection[Any], schema: str) -> Iterator[str]:
        """Every breach of S1, S2 and S4 that the server's tables show, in words."""
        conn.execute(sql.SQL("SET search_path = {}, pg_temp").format(sql.Identifier(schema)))
        refused = {
            token
            for (payload,) in conn.execute("SELECT payload::text FROM refused_mutation")
            for token in _TOKEN.findall(payload)
        }
        made: dict[str, Counter[str]] = {kind: Counter(dict(conn.execute(query))) for kind, query in _MADE.items()}
        made["edit"] = written = Counter(dict(conn.execute(_WRITTEN, (ENTITIES["contact"].code,))))
        kept = refused | written.keys() | {lost for (lost,) in conn.execute(_ON_RECORD)}
        for phone, done in self.done.items():
            last_edits = {row: token for kind, token, row in done if kind == "edit"}
            for kind, token, row in done:
                if made[kind][token] > 1:
                    yield f"S2: what {phone} did once ({kind} {token}) was done {made[kind][token]} times"
                if made[kind][token] == 1 and kind != "edit" and token in refused:
                    yield f"S2: {kind} {token} of {phone} was done, and refused"
                there = token in kept if kind == "edit" else made[kind][token] or token in refused
                is_last = kind != "edit" or last_edits[row] == token  # its person typed over the earlier ones
                if not there and is_last and token not in self.excused:
                    yield f"S1: {kind} {token} of {phone} was acknowledged, and is nowhere"
        for note, lines in conn.execute(_TORN, (LINES,)):
            yield f"S4: order {note} has {lines} lines on the server"
        for (number,) in conn.execute(_NUMBERED_TWICE):
            yield f"S2: two orders bear the number {number}, and nobody is told"
