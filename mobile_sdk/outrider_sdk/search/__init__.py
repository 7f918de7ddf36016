"""Searching accounts, outlets, contacts and products, pending changes included, in any of the languages people type.

Every word of the query must begin a word of the row. Whole numbers and codes come first (a barcode, a SKU however it is
written), then names that begin so, then the rest by name. Digits also find a part of a phone's or another number.
"""

# ruff: noqa: S608  (names of tables and columns come from ENTITIES)

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from outrider_sdk.errors import InvalidValue
from outrider_sdk.kinds import id_text
from outrider_sdk.row import Row
from outrider_sdk.search import index
from outrider_sdk.search.documents import SOURCES, Document, read_documents
from outrider_sdk.search.words import WORDS_MAX, digits, joined, words
from outrider_sdk.store import Store

CANDIDATES_MAX = 500
"""Rows of each rank that are sorted; of more, which ones is left to the index."""
ENTITIES = tuple(SOURCES)


@dataclass(frozen=True, slots=True)
class Hit:
    """A row that was found."""

    entity: str
    row: Row
    exact: bool
    """The query is a whole number or code of the row."""


class Wanted(NamedTuple):
    """A query, taken apart."""

    words: list[str]
    code: str
    digits: str | None

    @classmethod
    def of(cls, text: str) -> "Wanted":
        """What a person typed."""
        return cls(words(text)[:WORDS_MAX], joined(text), digits(text))

    def rank(self, document: Document) -> int | None:
        """How well a row fits, 0 best; None where it does not."""
        known = f" {document.name} {document.words} {document.codes}"
        if self.code and f" {self.code} " in f" {document.codes} ":
            return 0
        if self.words and all(f" {word}" in known for word in self.words):
            return 1 if document.name.startswith(self.words[0]) else 2
        return 3 if self.digits and self.digits in document.codes else None


Key = tuple[str, str]
"""Entity and id."""


def find(
    store: Store,
    text: str,
    entities: Collection[str],
) -> Iterator[tuple[Key, bool]]:
    """Rows that fit, best first, each with whether it is exact."""
    for name in entities:
        if name not in SOURCES:
            raise InvalidValue(name, None, f"can't be searched; {', '.join(ENTITIES)} can")
    wanted = Wanted.of(text)
    if not (wanted.words or wanted.digits):
        return iter(())
    with store.read() as conn:
        if not (store.read_only or conn.in_transaction):
            index.update(store, entities)
        there = index.names(conn)
        indexed = [name for name in entities if index.is_in_step(store, there, SOURCES[name])]
        documents = list(_indexed(conn, wanted, indexed, there)) if indexed else []
        for name in entities:
            ids = f'(SELECT id FROM "{name}")'
            if name in indexed:
                ids = f"(SELECT id FROM sync_search_dirty WHERE entity = '{name}')"
            documents += read_documents(conn, SOURCES[name], ids, ())
    return _sorted(wanted, documents)


def _sorted(wanted: Wanted, documents: Iterable[Document]) -> Iterator[tuple[Key, bool]]:
    ranked = {}
    for document in documents:
        rank = wanted.rank(document)
        if rank is not None:
            ranked[document.entity, document.id] = (rank, document.name, document.id)
    for (entity, row_id), (rank, _, _) in sorted(ranked.items(), key=lambda item: item[1]):
        yield (entity, id_text(row_id)), rank == 0


def _indexed(conn: sqlite3.Connection, wanted: Wanted, entities: list[str], there: set[str]) -> Iterator[Document]:
    of = f"entity IN ({', '.join('?' * len(entities))})"
    columns, limit = "s.id, s.entity, s.name, s.words, s.codes", f"LIMIT {CANDIDATES_MAX}"
    plain = f"SELECT {columns} FROM sync_search s WHERE {of} AND {{}} {limit}"
    asked: list[tuple[str, str | None]]
    if index.FULL_TEXT in there:
        joins = f"SELECT {columns} FROM sync_search_fts JOIN sync_search s ON s.doc = sync_search_fts.rowid"
        asked = [(f"{joins} WHERE {of} AND sync_search_fts MATCH ? {limit}", match) for match in _matches(wanted)]
    else:
        asked = [(plain.format(condition), None) for condition in _conditions(wanted)]
    if wanted.digits:
        asked.append((plain.format(f"codes LIKE '%{wanted.digits}%'"), None))
    for sql, match in asked:
        parameters = (*entities, *([] if match is None else [match]))
        yield from (Document(*row) for row in conn.execute(sql, parameters).fetchall())


def _matches(wanted: Wanted) -> list[str]:
    """What FTS5 is asked for, rank by rank. Words are of letters and digits alone."""
    if not wanted.words:
        return []
    all_of_them = " AND ".join(f'"{word}" *' for word in wanted.words)
    begins = f'name : ^ "{wanted.words[0]}" *'
    return [f'codes : "{wanted.code}"', f"{begins} AND {all_of_them}", all_of_them]


def _conditions(wanted: Wanted) -> list[str]:
    """The same in plain SQL, which reads every document: some 30 ms for 100,000."""
    if not wanted.words:
        return []
    known = "' ' || name || ' ' || words || ' ' || codes"
    all_of_them = " AND ".join(f"{known} LIKE '% {word}%'" for word in wanted.words)
    return [
        f"' ' || codes || ' ' LIKE '% {wanted.code} %'",
        f"name LIKE '{wanted.words[0]}%' AND {all_of_them}",
        all_of_them,
    ]
