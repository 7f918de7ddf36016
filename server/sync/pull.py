"""Pull: what changed for one member after a cursor, page by page.

For a member, all entries of all scopes make one stream, ordered by *effective revision*: that of the entry, or that of
the grant where the scope was gained later (its content comes whole). What changes meanwhile moves to the stream's end,
so no head is pinned: a page continues at a position, and the page that reaches the end is complete and names the
cursor. Each page is one REPEATABLE READ transaction: a row of the page is put if the member sees it in that moment, and
dropped if not, or if it is past its window of time. A new replica is told of no drops but those of rows that it may
have got in this very pull.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any
from uuid import UUID

import asyncpg
from outrider_sdk.protocol.entities import ENTITIES, SCHEMA_VERSION

from server.auth.access import Access
from server.auth.devices import DeviceRevoked
from server.auth.service import ACCESS_COLUMNS, ROLE_OF_MEMBER, access_from
from server.auth.wipes import WipeOrdered
from server.clock import now, to_micros
from server.crm.rights import is_about_records
from server.db import Actor, connection, current_tenant
from server.sync.cursors import EPOCH_BITS, Cursor, is_position_void, judge_cursor
from server.sync.forms import Form, encode_rows
from server.sync.outcomes import list_decided_otherwise, list_unacknowledged
from server.sync.page_cache import IS_RECENT, Heads, Made, News, load_news, pages
from server.sync.page_rows import Drops, Puts, find_written, load_contents
from server.sync.position import LAST, NIL, REVISION_MAX, Position, PositionUnknown
from server.sync.schemas import view_name
from server.sync.snapshots import Snapshot, find_offer, find_snapshot

_log = logging.getLogger(__name__)

PAGE_ROWS = 10_000
ROW_BYTES = 1_000
"""What a row that is not encoded counts in the cache."""
_BY_CODE = {e.code: e for e in ENTITIES.values()}
_ABOUT_RECORDS = frozenset(e.code for e in ENTITIES.values() if is_about_records(e))
# The stream after a position ($3 effective revision, $4 scope, $5 entry revision, $6 row), for cursor $2, at most $7
# entries; what is gone since $8 is told; $9 says, by the entity's number, how far the member reads it; the pull began
# at $10. Where it began with a snapshot of that revision, the scopes in it ($11) count as held since then, if they were
# granted before it was offered ($12). 1. Scopes gained since the cursor, whole. 2. Entries that came or went since, of
# scopes held, and 3. rows of theirs that were written since. (Those of a scope that was gained come with it, as they
# are: only what was written since the pull began may come too late for that.) 4. Scopes lost since: what was in them.
# Where it is known which scopes have news (of 1, 2 and 4: $13; of 3: $14), no others are looked into. A
# scope is entered where the position stands, by its index, and left after a page: a million rows of one import cost no
# page more than its own.
_WHOLE = """
    SELECT g.revision AS effective, g.scope, e.revision, e."row", e.entity, NOT (g.gone OR e.absent) AS held
    FROM (SELECT * FROM grants WHERE {grants} AND (revision, scope) >= ($3, $4) ORDER BY revision, scope) g
    CROSS JOIN LATERAL (
        SELECT e.revision, e."row", e.entity, e.gone OR e.away AS absent FROM scope_entry e
        WHERE e.scope = g.scope AND {entries} (NOT (e.gone OR e.away) OR e.revision > $8)
        AND g.level <= ($9::smallint[])[e.entity]
        AND (e.revision, e."row") > (
            CASE WHEN g.revision = $3 AND g.scope = $4 THEN $5 ELSE -1 END,
            CASE WHEN g.revision = $3 AND g.scope = $4 THEN $6 ELSE '{nil}'::uuid END)
        ORDER BY e.revision, e."row" LIMIT $7
    ) e
    ORDER BY g.revision, g.scope, e.revision, e."row" LIMIT $7"""
_CHANGED = f"""
    SELECT e.revision AS effective, g.scope, e.revision, e."row", e.entity, NOT e.absent AS held
    FROM grants g CROSS JOIN LATERAL (
        SELECT e.revision, e."row", e.entity, e.gone OR e.away AS absent FROM scope_entry e
        WHERE e.scope = g.scope AND (NOT (e.gone OR e.away) OR e.revision > $8)
        AND g.level <= ($9::smallint[])[e.entity]
        AND e.revision > greatest(g.since, CASE WHEN g.revision > g.held_before THEN g.revision ELSE 0 END)
        AND (e.revision, e."row") > (
            $3, CASE WHEN g.scope < $4 THEN '{LAST}'::uuid WHEN g.scope = $4 AND $5 = $3 THEN $6 ELSE '{NIL}' END)
        ORDER BY e.revision, e."row" LIMIT $7
    ) e
    WHERE g.moved AND NOT g.gone
    ORDER BY e.revision, g.scope, e."row" LIMIT $7"""
_WRITTEN = f"""
    SELECT w.revision AS effective, g.scope, w.revision, w."row", w.entity, true AS held
    FROM grants g CROSS JOIN LATERAL (
        SELECT c.revision, r."row", c.entity FROM scope_change c CROSS JOIN LATERAL unnest(c.rows) AS r ("row")
        WHERE c.scope = g.scope AND g.level <= ($9::smallint[])[c.entity]
        AND c.revision > CASE WHEN g.revision > g.held_before THEN $10 ELSE g.since END AND c.revision >= $3
        AND (c.revision, r."row") > (
            $3, CASE WHEN g.scope < $4 THEN '{LAST}'::uuid WHEN g.scope = $4 AND $5 = $3 THEN $6 ELSE '{NIL}' END)
        AND EXISTS (SELECT FROM scope_entry e WHERE e."row" = r."row" AND e.scope = g.scope AND NOT (e.gone OR e.away))
        ORDER BY c.revision, r."row" LIMIT $7
    ) w
    WHERE g.written AND NOT g.gone
    ORDER BY w.revision, g.scope, w."row" LIMIT $7"""
_AS_GAINED = "e.revision <= g.revision AND"
_STREAM = f"""
WITH grants AS MATERIALIZED (
    SELECT g.scope, g.level, g.revision, g.gone, CASE WHEN s.scope IS NULL THEN $2::bigint ELSE $10 END AS since,
        CASE WHEN s.scope IS NULL THEN $2::bigint ELSE $12 END AS held_before,
        $13::uuid[] IS NULL OR v.scope IS NOT NULL AS moved, $14::uuid[] IS NULL OR w.scope IS NOT NULL AS written
    FROM scope_grant g LEFT JOIN unnest($11::uuid[]) AS s (scope) ON s.scope = g.scope
    LEFT JOIN unnest($13::uuid[]) AS v (scope) ON v.scope = g.scope
    LEFT JOIN unnest($14::uuid[]) AS w (scope) ON w.scope = g.scope
    WHERE g.member_id = $1::uuid AND ($13::uuid[] IS NULL OR v.scope IS NOT NULL OR w.scope IS NOT NULL)
), gained AS ({_WHOLE.format(grants="NOT gone AND revision > held_before", entries=_AS_GAINED, nil=NIL)}
), changed AS ({_CHANGED}
), written AS ({_WRITTEN}
), lost AS ({_WHOLE.format(grants="gone AND revision > greatest($8, held_before)", entries="", nil=NIL)}
)
SELECT effective, scope, revision, "row", entity, held FROM (
    SELECT * FROM gained UNION ALL SELECT * FROM changed UNION ALL SELECT * FROM written UNION ALL SELECT * FROM lost
) stream ORDER BY effective, scope, revision, "row" LIMIT $7
"""


async def pull(
    cursor: int,
    position: Position,
    *,
    actor: Actor,
    view: str | None = None,
    token: str | None = None,
    schema: int = SCHEMA_VERSION,
    acked_through: int = 0,
    page_rows: int = PAGE_ROWS,
    form: Form | None = None,
    snapshots: Sequence[str] = (),
    may_build: bool = False,
) -> dict[str, Any]:
    """One page of what changed for the member after `cursor`; within a snapshot transaction of the tenant.

    Args:
        view: of what the device has. Where the member's is another by now, all comes anew, whatever the cursor.
        token: the cursor's, as the device has it. Where it is another history's, all comes anew, too.
        schema: that of the device; what came later is left out.
        form: of the reply: the rows come encoded in it, as `part`, in place of `puts` and `drops`.
        snapshots: encodings in which the device takes a snapshot in place of the first pages.
        may_build: the caller would have one built.

    Raises:
        DeviceRevoked: the device, or its member, may no longer sync.
        WipeOrdered: it is to erase what it holds, in place of getting more.
        SnapshotMissing: one should be built; only with `may_build`.
        PositionUnknown: the member's view has changed since the page before, or the horizon went over it.
    """
    device = await connection().fetchrow(_DEVICE, actor.device_id, min(cursor, REVISION_MAX), position.head)
    if device is None or device["revoked_at"] is not None or not device["active"]:
        raise DeviceRevoked
    if device["wipe_ordered_at"] is not None:
        raise WipeOrdered(now=device["wipe_now"])
    access = access_from(device)
    named = view_name(access.view, schema)
    is_start = position.began_at is None
    position = _begin(device, position, cursor, token, is_other=view != named, view=named)
    if is_start and snapshots and schema == SCHEMA_VERSION and (position.anew or cursor == 0):
        ready = await find_offer(device["member_id"], access, snapshots, may_build=may_build)
        if ready is not None:
            return await _offer_page(device, position, ready, form)
    asked_from = 0 if position.anew else min(cursor, REVISION_MAX)
    rows = await _find_rows(device, access, asked_from, position, page_rows, form, schema)
    complete = rows.end is None
    page = _page(device, position, None if rows.end is None else _end_of(rows.end, position, device), rows, form)
    if complete:
        page["outcomes"] = await list_unacknowledged(device, access, acked_through)
        if cursor >> EPOCH_BITS != device["head"] >> EPOCH_BITS:
            told = page["outcomes"] + await list_decided_otherwise(device, access, cursor)
            page["outcomes"] = list({outcome["number"]: outcome for outcome in told}.values())
    if complete and cursor > 0 and (position.anew or cursor < device["head"]):
        page["erased"] = await _erased_ever() if position.anew else list(device["erased"])
    return page


async def _find_rows(
    device: asyncpg.Record,
    access: Access,
    cursor: int,
    position: Position,
    page_rows: int,
    form: Form | None,
    schema: int,
) -> Made:
    """The rows of the page, encoded; kept for others, unless it is of a first pull, which nobody shares."""

    packed = form is not None and form.is_packed

    async def make(news: News | None = None) -> Made:
        if news is not None:
            written = await find_written(access, cursor, device["head"], position, page_rows, news, packed, schema)
            if written is not None:
                return await _made(written, {}, form)
        heads = None if news is None else news.heads
        entries = await _entries(device, access, cursor, position, page_rows, heads)
        puts, drops = await load_contents(device["member_id"], access, entries, packed, schema)
        end = None if len(entries) < page_rows else tuple(entries[-1])[:4]
        return await _made(puts, drops, form, end, shared=all(map(_is_shared, entries)))

    if cursor == device["head"]:
        return await _nothing(form)  # the question that is asked most: nothing can be newer than the head
    if not cursor:
        return await make()
    news = await load_news(device["member_id"], cursor, device["head"], is_recent=device["recent"])
    if not news.heads:
        return await _nothing(form)
    place = replace(position, head=0, token=None)  # a page of the same place is the same, whenever the last one was
    began = None if replace(place, began_at=None) == Position(view=position.view) else place.text()
    key = (current_tenant().id, str(device["epoch"]), position.view, cursor, began, page_rows, form, news.heads)
    return await pages.get(key, partial(make, news))


async def _nothing(form: Form | None) -> Made:
    return await _made({}, {}, form)


async def _made(
    puts: Puts,
    drops: Drops,
    form: Form | None,
    end: tuple[Any, ...] | None = None,
    *,
    shared: bool = True,
) -> Made:
    """Rows in the form of a reply."""
    if form is None:
        count = sum(len(columns["id"]) for columns in puts.values()) + sum(map(len, drops.values()))
        return Made((puts, drops), end, count * ROW_BYTES, shared)
    part, size_bytes = await encode_rows(form, puts, drops)
    return Made(part, end, size_bytes, shared)


def _is_shared(entry: asyncpg.Record) -> bool:
    """Whether all members who see the scope get the row alike."""
    return entry["held"] and entry["entity"] not in _ABOUT_RECORDS


def _page(
    device: asyncpg.Record, position: Position, end: Position | None, rows: Made, form: Form | None
) -> dict[str, Any]:
    """What every page says, and its rows."""
    part = {"part": rows.part} if form is not None else dict(zip(("puts", "drops"), rows.part, strict=True))
    return {
        **part,
        "cursor": device["head"],
        "cursor_token": str(device["head_token"]),
        "epoch": str(device["epoch"]),
        "view": position.view,
        "anew": position.anew,
        "complete": end is None,
        "position": None if end is None else end.text(),
        "applied_through": device["last_number"],
        "durable_through": device["durable_through"],
        "incarnation": device["incarnation"],
        "outcomes": [],
        "server_time": to_micros(now()),
    }


async def _offer_page(device: asyncpg.Record, position: Position, ready: Snapshot, form: Form | None) -> dict[str, Any]:
    """A first page whose rows are in a snapshot; the next one goes on from the revision of that."""
    began_with = {"began_at": ready.revision, "snapshot": str(ready.id), "offered_at": device["head"]}
    end = replace(position, **began_with, head=device["head"], token=str(device["head_token"]))
    return _page(device, position, end, await _nothing(form), form) | {"snapshot": ready.offer()}


def _begin(
    device: asyncpg.Record, position: Position, cursor: int, token: str | None, *, is_other: bool, view: str
) -> Position:
    """The position, where a pull begins or goes on; whether all comes anew is decided once, at the beginning."""
    head, horizon = device["head"], device["horizon"]
    if position.began_at is None:
        worth = judge_cursor(cursor, token, head=head, horizon=horizon, known=device["cursor_token"])
        if worth is Cursor.FOREIGN and cursor >> EPOCH_BITS == head >> EPOCH_BITS:
            _log.warning(
                "Device %s has revision %d of another history: was this database restored? See `outrider adopt`.",
                device["id"],
                cursor,
            )
        anew = worth is not Cursor.NONE and (is_other or worth is not Cursor.GOOD)
        return replace(position, began_at=head, view=view, anew=anew)
    is_known = position.head <= head and str(device["position_token"]) == position.token
    asked_from = 0 if position.anew else cursor
    if position.view != view or is_position_void(asked_from, position.began_at, horizon=horizon, is_known=is_known):
        raise PositionUnknown
    return position


async def _erased_ever() -> list[str]:
    """Rows of people who were erased; as in those since the cursor, also of those who are out of the member's sight.

    A device may still hold what it once sent of them. An id alone says nothing.
    """
    return [r[0] for r in await connection().fetch('SELECT "row"::text FROM erasure')]


async def _entries(
    device: asyncpg.Record, access: Access, cursor: int, position: Position, page_rows: int, heads: Heads | None
) -> list[asyncpg.Record]:
    """The next entries of the stream; `heads` has all scopes with news since the cursor, if it is known."""
    began_with = None if position.snapshot is None else await find_snapshot(UUID(position.snapshot))
    if position.snapshot is not None and began_with is None:
        raise PositionUnknown
    return await connection().fetch(
        _STREAM,
        device["member_id"],
        cursor,
        position.effective,
        position.scope,
        position.revision,
        position.row,
        page_rows,
        cursor or position.began_at,
        _reaches(access),
        position.began_at,
        began_with.scopes if began_with else (),
        position.offered_at,
        *_scopes_with_news(heads, cursor),
    )


def _scopes_with_news(heads: Heads | None, cursor: int) -> tuple[list[UUID] | None, list[UUID] | None]:
    """The scopes that came or went, or in which rows did; and those in which rows were written. None: all may have."""
    if heads is None:
        return None, None
    moved = {head.scope for head in heads if head.granted or head.moved > cursor}
    return list(moved), list({head.scope for head in heads if head.written > cursor})


@lru_cache(maxsize=1_000)
def _reaches(access: Access) -> list[int]:
    """How far the member may read each entity, by its number."""
    reaches = [0] * max(_BY_CODE)
    for code, entity in _BY_CODE.items():
        reaches[code - 1] = int(access.right(entity.name).read)
    return reaches


_DEVICE = f"""
SELECT d.id, d.member_id, d.revoked_at, d.wipe_ordered_at, d.wipe_now, d.last_number,
    d.acked_through, d.incarnation, d.earlier, {ACCESS_COLUMNS},
    m.active AND m.deleted_at IS NULL AS active, d.durable_through, c.revision AS head, c.token AS head_token,
    c.horizon, c.epoch, (SELECT t.token FROM revision_token t WHERE t.revision = $2) AS cursor_token,
    (SELECT t.token FROM revision_token t WHERE t.revision = $3) AS position_token,
    ARRAY(SELECT "row"::text FROM erasure WHERE revision > $2) AS erased, {IS_RECENT} AS recent
FROM device d JOIN member m ON m.id = d.member_id LEFT JOIN {ROLE_OF_MEMBER} CROSS JOIN revision_counter c
WHERE d.id = $1
"""


def _end_of(end: tuple[Any, ...], position: Position, device: asyncpg.Record) -> Position:
    effective, scope, revision, row = end
    place = {"effective": effective, "scope": str(scope), "revision": revision, "row": str(row)}
    return replace(position, **place, head=device["head"], token=str(device["head_token"]))
