"""Encoded pages that many devices ask for: made once, kept for a while, within a bound of bytes.

What a page of rows holds follows from few things: the scopes of its member in which something happened after the
cursor, with how far each is granted and the last revision in it (`Heads`), the view, the cursor and the position. Two
devices for which these are equal get the same rows, whoever they are; so they are the key. Rights come first thereby:
the grants are read from the database for each request, in the snapshot that would make the page.

Two things follow from more than that, and are not shared: whether a row that left one scope is still seen through
another, and what is said of records. Nor is what concerns the device itself: outcomes, its numbers, the cursor.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from uuid import UUID

from server.db import connection

BYTES_MAX: Final = 48 * 1024 * 1024
PAGE_BYTES_MAX: Final = 6 * 1024 * 1024
"""A larger page is made anew for each."""
AGE_MAX_S: Final = 300.0
"""No page is asked for longer than this after its rows changed; and what was erased leaves the memory, too."""


class Head(NamedTuple):
    """A scope in which something is news for a member, at one of the levels at which they hold it."""

    scope: UUID
    level: int
    granted: int
    """The revision of the grant, where that is news; else 0."""
    gone: bool
    moved: int
    """The last revision in which rows came into the scope or left it, where that is news."""
    written: int
    """The last one in which rows that were in it were written, where that is news."""


Heads = tuple[Head, ...]


@dataclass(frozen=True, slots=True)
class News:
    """What is news for a member after a cursor: in which scopes, and, where the list of changes says it, of what."""

    heads: Heads
    entities: tuple[int, ...] | None = None
    """Numbers of the entities of which rows were written, where nothing else is news; None: anything may be."""
    ids_bytes: int = 0
    """What the lists of these rows weigh."""


IS_RECENT: Final = """coalesce((SELECT min(revision) FROM scope_change) <= $2, false)
    AND NOT EXISTS (SELECT FROM scope_change WHERE revision > $2 OFFSET 500)"""
"""SQL: whether all that happened after the cursor ($2) is in the list of changes, and is not much.

Of the list only the oldest is ever taken away: what is older than the cursor stands for all that is newer. Where more
was noted since, two looks at an index for each of the member's scopes are cheaper.
"""

# The changes first, which are few, and then the member's grants of their scopes. The head ($3) is named as the end,
# though nothing is beyond it: a range with two ends PostgreSQL takes to be small, whatever they will be. With one, it
# thought of a third of all changes, found that dear, and made a new plan for each pull.
_RECENT = """
WITH news AS MATERIALIZED (
    SELECT scope, max(revision) FILTER (WHERE entity < 0) AS moved, max(revision) FILTER (WHERE entity > 0) AS written,
        array_agg(entity) AS entities, sum(pg_column_size(rows)) FILTER (WHERE entity > 0) AS bytes
    FROM scope_change WHERE revision > $2 AND revision <= $3 GROUP BY scope
)
SELECT g.scope, g.level, CASE WHEN g.revision > $2 THEN g.revision ELSE 0 END, g.gone,
    coalesce(n.moved, 0), coalesce(n.written, 0), n.entities, coalesce(n.bytes, 0)
FROM scope_grant g LEFT JOIN news n ON n.scope = g.scope
WHERE g.member_id = $1 AND (g.revision > $2 OR (NOT g.gone AND n.scope IS NOT NULL))
ORDER BY 1, 2
"""
_HEADS = """
SELECT g.scope, g.level, CASE WHEN g.revision > $2 THEN g.revision ELSE 0 END, g.gone,
    CASE WHEN e.head > $2 THEN e.head ELSE 0 END, CASE WHEN c.head > $2 THEN c.head ELSE 0 END
FROM scope_grant g
CROSS JOIN LATERAL (SELECT max(revision) AS head FROM scope_entry WHERE scope = g.scope) e
CROSS JOIN LATERAL (SELECT max(revision) AS head FROM scope_change WHERE scope = g.scope) c
WHERE g.member_id = $1 AND (g.revision > $2 OR (NOT g.gone AND greatest(e.head, c.head) > $2))
ORDER BY 1, 2
"""


async def load_news(member_id: UUID, cursor: int, head: int, *, is_recent: bool) -> News:
    """What is news for the member after the cursor.

    Args:
        head: the tenant's last revision.
        is_recent: what `IS_RECENT` said in the same snapshot.
    """
    if not is_recent:
        return News(await load_heads(member_id, cursor))
    records = await connection().fetch(_RECENT, member_id, cursor, head)
    heads = tuple(Head._make(record[:6]) for record in records)
    if any(head.granted or head.moved for head in heads):
        return News(heads)
    entities = sorted({code for record in records for code in record[6]})
    return News(heads, tuple(entities), sum(int(record[7]) for record in records))


async def load_heads(member_id: UUID, cursor: int) -> Heads:
    """What is news for the member after the cursor; empty where nothing is. Two looks at an index for each scope."""
    return tuple(map(Head._make, await connection().fetch(_HEADS, member_id, cursor)))


@dataclass(frozen=True, slots=True)
class Made:
    """A page's rows as they go out, and where they end in the stream (None: it is the last)."""

    part: Any
    end: Any
    size_bytes: int
    shared: bool
    """Whether the key says all that the rows follow from."""


Key = tuple[Hashable, ...]


class PageCache:
    """Pages of this process. Of any number who ask for one at the same time, one makes it."""

    def __init__(self, *, bytes_max: int = BYTES_MAX, age_max_s: float = AGE_MAX_S) -> None:
        self._bytes_max, self._age_max_s = bytes_max, age_max_s
        self._pages: OrderedDict[Key, tuple[float, Made]] = OrderedDict()
        self._under_way: dict[Key, asyncio.Future[Made | None]] = {}
        self.size_bytes = 0
        self.made = 0
        """How many pages had to be made."""

    async def get(self, key: Key, make: Callable[[], Awaitable[Made]]) -> Made:
        """The page of this key; made, unless it is there or just being made by another."""
        while True:
            kept = self._find(key)
            if kept is not None:
                return kept
            under_way = self._under_way.get(key)
            if under_way is None:
                return await self._make(key, make)
            shared = await asyncio.shield(under_way)
            if shared is not None:
                return shared
            if self._under_way.get(key) is None and self._find(key) is None:
                return await make()  # it failed, or is not to be shared: everybody for themselves

    async def _make(self, key: Key, make: Callable[[], Awaitable[Made]]) -> Made:
        under_way: asyncio.Future[Made | None] = asyncio.get_running_loop().create_future()
        self._under_way[key] = under_way
        made = None
        try:
            made = await make()
            self.made += 1
            if made.shared:
                self._keep(key, made)
            return made
        finally:
            del self._under_way[key]
            under_way.set_result(made if made is not None and made.shared else None)

    def _find(self, key: Key) -> Made | None:
        entry = self._pages.get(key)
        if entry is None:
            return None
        if time.monotonic() - entry[0] > self._age_max_s:
            self._forget(key)
            return None
        self._pages.move_to_end(key)
        return entry[1]

    def _keep(self, key: Key, made: Made) -> None:
        if made.size_bytes > min(PAGE_BYTES_MAX, self._bytes_max):
            return
        self._pages[key] = (time.monotonic(), made)
        self.size_bytes += made.size_bytes
        while self.size_bytes > self._bytes_max:
            self._forget(next(iter(self._pages)))

    def _forget(self, key: Key) -> None:
        self.size_bytes -= self._pages.pop(key)[1].size_bytes

    def clear(self) -> None:
        """Forget all pages."""
        self._pages.clear()
        self.size_bytes = 0


pages: Final = PageCache()
"""The pages of this process."""
