"""The stream of a pull and the rows of its pages, over the tables in memory."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from outrider_sdk.protocol.entities import ENTITIES, Entity

from server.auth.access import Access
from server.sync import schemas, snapshots
from server.sync.page_cache import Head, News
from server.sync.position import Position, PositionUnknown

if TYPE_CHECKING:
    from tests.simulation.server import MemoryServer

_BY_CODE = {e.code: e for e in ENTITIES.values()}
_ID_BYTES = 16


class _Record(tuple[Any, ...]):
    """An entry of the stream, as the driver would give it."""

    def __getitem__(self, key: Any) -> Any:
        """A column, by place or name."""
        return super().__getitem__({"held": 5, "entity": 4}.get(key, key))


class Paging:
    """What a pull asks of the database, beside its device."""

    _server: "MemoryServer"

    async def entries(
        self,
        device: dict[str, Any],
        access: Access,
        cursor: int,
        position: Position,
        page_rows: int,
        heads: Sequence[tuple[Any, ...]] | None,
    ) -> list[Any]:
        """The next entries of the stream, out of the scopes with news."""
        after = (position.effective, position.scope, position.revision, position.row)
        began_with = None if position.snapshot is None else await snapshots.find_snapshot(UUID(position.snapshot))
        if position.snapshot is not None and began_with is None:
            raise PositionUnknown
        held = frozenset(map(str, began_with.scopes)) if began_with else frozenset()
        stream = self._server.sight.stream(
            device["member_id"], access, cursor, position.began_at or 0, held, position.offered_at
        )
        news = None if heads is None else {scope for scope, *_ in heads}
        following = (e for e in stream if e[:4] > after and (news is None or e[1] in news))
        return [_Record(entry) for entry in sorted(following)[:page_rows]]

    async def load_heads(self, member_id: str, cursor: int) -> tuple[Head, ...]:
        """What is news for the member after the cursor."""
        return tuple(Head(*head, 0) for head in self._server.sight.heads(member_id, cursor))

    async def load_news(self, member_id: str, cursor: int, _head: int, *, is_recent: bool) -> News:
        """The same, and of which entities it is, where all of it are rows that were written in scopes held."""
        heads = await self.load_heads(member_id, cursor)
        entries = [e for scope in {head.scope for head in heads} for e in self._news_in(scope, cursor).values()]
        if not is_recent or any(head.granted for head in heads) or any(entry.gone for entry in entries):
            return News(heads)
        codes = sorted({ENTITIES[entry.entity].code for entry in entries})
        return News(heads, tuple(codes), _ID_BYTES * len(entries))

    def _news_in(self, scope: Any, cursor: int) -> dict[str, Any]:
        entries = self._server.sight.by_scope.get(scope, {})
        return {row_id: entry for row_id, entry in entries.items() if entry.revision > cursor}

    async def load_written(
        self, entity: Entity, access: Access, scopes: list[Any], cursor: int, _head: int, _packed: bool, schema: int
    ) -> dict[str, list[Any]]:
        """The rows of the entity that were written since in these scopes."""
        found = {
            row_id: self._server.rows.of[entity.name][row_id]
            for scope in scopes
            for row_id, entry in self._news_in(scope, cursor).items()
            if entry.entity == entity.name and not entry.gone
        }
        hidden = access.right(entity.name).hidden | schemas.fields_unknown(entity, schema)
        shown = [column for column in entity.columns if column not in hidden]
        return {column: [row.values[column] for row in found.values()] for column in shown} if found else {}

    async def contents(
        self, member_id: str, access: Access, entries: list[Any], _packed: bool, schema: int
    ) -> tuple[dict[str, Any], dict[str, list[str]]]:
        """The rows of the entries: puts for those in sight, drops for the others."""
        puts: dict[str, dict[str, list[Any]]] = {}
        drops: dict[str, list[str]] = {}
        for row_id, code in dict.fromkeys((entry[3], entry[4]) for entry in entries):
            entity = _BY_CODE[code]
            if not schemas.is_known(entity.name, schema):
                continue
            row = self._server.rows.of[entity.name][row_id]
            if not self._server.sight.sees(member_id, access, row):
                drops.setdefault(entity.name, []).append(row_id)
                continue
            hidden = access.right(entity.name).hidden | schemas.fields_unknown(entity, schema)
            columns = puts.setdefault(entity.name, {c: [] for c in entity.columns if c not in hidden})
            for column, values in columns.items():
                values.append(row.values[column])
        return puts, drops
