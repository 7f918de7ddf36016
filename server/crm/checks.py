"""Checks that several entities share. Each raises an error that names the field."""

from typing import Any

from server.crm.resource import Write
from server.db import connection
from server.errors import Conflict
from server.errors import refuse as refuse  # rules, which are pure, take it from there

DEPTH_MAX = 100
"""Levels of a tree that are looked at before it counts as circular."""


class AlreadyThere(Conflict):
    """There is a live row of the same key; change that one."""

    code = "already_there"


async def check_period(write: Write) -> None:
    """Refuse an end before its start.

    Raises:
        InvalidInput: `ends_on` comes before `starts_on`.
    """
    if write.deletes:
        return
    starts_on, ends_on = write.value("starts_on"), write.value("ends_on")
    if starts_on and ends_on and ends_on < starts_on:
        raise refuse("ends_on", "It ends before it starts.")


async def check_tree(write: Write, table: str) -> None:
    """Refuse a parent that is the row itself, or below it.

    Raises:
        InvalidInput: `parent_id` would make a circle.
    """
    parent_id = write.values.get("parent_id")
    if parent_id is None or write.before is None:
        return
    circular = await connection().fetchval(
        f"""WITH RECURSIVE up AS (
            SELECT id, parent_id, 1 AS depth FROM "{table}" WHERE id = $1
            UNION ALL
            SELECT t.id, t.parent_id, up.depth + 1 FROM "{table}" t JOIN up ON t.id = up.parent_id
            WHERE up.depth < {DEPTH_MAX}
        ) SELECT EXISTS (SELECT FROM up WHERE id = $2 OR depth = {DEPTH_MAX})""",  # noqa: S608 - names of our own
        parent_id,
        write.row_id,
    )
    if circular:
        raise refuse("parent_id", "It is below this one already: a circle.")


async def check_single(write: Write, table: str, *columns: str) -> None:
    """Refuse a second live row with the same values in the columns.

    Raises:
        AlreadyThere: there is one.
    """
    if write.deletes or not any(name in write.values for name in columns):
        return
    values: list[Any] = [write.value(name) for name in columns]
    same = " AND ".join(f'"{name}" = ${n}' for n, name in enumerate(columns, start=2))
    sql = f'SELECT EXISTS (SELECT FROM "{table}" WHERE id <> $1 AND deleted_at IS NULL AND {same})'  # noqa: S608
    if await connection().fetchval(sql, write.row_id, *values):
        names = " and ".join(name.removesuffix("_id").replace("_", " ") for name in columns)
        raise AlreadyThere(f"There is a {table.replace('_', ' ')} of this {names} already. Change that one.")
