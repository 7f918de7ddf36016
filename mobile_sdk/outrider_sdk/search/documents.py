"""What can be searched, and by which words: accounts, outlets, contacts with their channels, products with barcodes."""

# ruff: noqa: S608  (names of tables and columns come from ENTITIES)

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from outrider_sdk.protocol.tables import quoted
from outrider_sdk.search.words import joined, words

TEXT_MAX = 1_000
"""Characters of one field that are searched."""


@dataclass(frozen=True, slots=True)
class Child:
    """Rows of another entity whose words count for the row that they refer to."""

    entity: str
    refers: str
    code: str


@dataclass(frozen=True, slots=True)
class Source:
    """An entity that can be searched."""

    entity: str
    texts: tuple[str, ...]
    """Its name first; then others, text or JSON."""
    codes: tuple[str, ...] = ()
    """Fields that are found as a whole, however they are written."""
    child: Child | None = None

    @property
    def watched(self) -> list[tuple[str, str, tuple[str, ...]]]:
        """Tables whose changes change its documents: name, column with the row's id, columns that matter."""
        own = (self.entity, "id", (*self.texts, *self.codes))
        child = self.child
        return [own, (child.entity, child.refers, (child.refers, child.code))] if child else [own]


SOURCES = {
    source.entity: source
    for source in (
        Source("account", ("name", "legal_name", "tags"), ("tax_id",)),
        Source("outlet", ("name", "address", "channel", "tags")),
        Source("contact", ("name", "job_title"), child=Child("contact_channel", "contact_id", "value")),
        Source("product", ("name", "names"), ("sku",), Child("product_unit", "product_id", "barcode")),
    )
}


class Document(NamedTuple):
    """A row as it is searched: words joined by blanks."""

    id: bytes
    entity: str
    name: str
    words: str
    codes: str


def read_documents(conn: sqlite3.Connection, source: Source, ids: str, parameters: Sequence[Any]) -> Iterator[Document]:
    """Documents of the rows whose ids an SQL expression (`(?, ?)`, or a SELECT in brackets) names."""
    columns = ", ".join(quoted(name) for name in ("id", *source.texts, *source.codes))
    sql = f"SELECT {columns} FROM {quoted(source.entity)} WHERE id IN {ids} ORDER BY id"
    children = _read_children(conn, source.child, ids, parameters) if source.child else {}
    for row_id, name, *rest in conn.execute(sql, parameters).fetchall():
        texts, codes = rest[: len(source.texts) - 1], rest[len(source.texts) - 1 :]
        known = [code for code in (*codes, *children.get(row_id, ())) if code]
        told = [word for text in texts if text for word in _words(text)]
        told += [word for code in known for word in words(code)]
        exact = (joined(code) for code in known)
        yield Document(row_id, source.entity, " ".join(words(name or "")), _distinct(told), _distinct(exact))


def _distinct(told: Iterable[str]) -> str:
    return " ".join(dict.fromkeys(told))


def _read_children(
    conn: sqlite3.Connection, child: Child, ids: str, parameters: Sequence[Any]
) -> dict[bytes, list[str]]:
    found: dict[bytes, list[str]] = defaultdict(list)
    refers, code = quoted(child.refers), quoted(child.code)
    sql = f"SELECT {refers}, {code} FROM {quoted(child.entity)} WHERE {refers} IN {ids} ORDER BY id"
    for row_id, value in conn.execute(sql, parameters):
        found[row_id].append(value)
    return found


def _words(text: str) -> list[str]:
    if text[0] not in "[{":
        return words(text[:TEXT_MAX])
    try:
        return words(" ".join(_texts(json.loads(text)))[:TEXT_MAX])
    except ValueError:
        return words(text[:TEXT_MAX])


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif value is not None:
        yield str(value)
