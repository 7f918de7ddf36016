"""Windows of time: what is over for long stays in sight over REST, and leaves devices. In SQL; part of the scopes.

The entry of a row that is past its window is *away*: rights stand on it as before, a pull drops the row. It is written
by whatever brings entries in line, and for the passing of time by the daily job: a row that went by the clock alone
would go without a revision. A row that changes again comes back. What stands below a row goes and comes with it.
"""

from typing import Final

from outrider_sdk.protocol.entities import ENTITIES

ORDER_WINDOW_DAYS: Final = 90
"""For how long a device keeps what is done with, unless the tenant's setting `order_window_days` says otherwise."""
ROUTE_WINDOW_DAYS: Final = 7
"""For how long it keeps the routes of days gone by."""

_BEFORE: Final = "x.updated_at < {{schema}}.window_start()"
PAST: Final[dict[str, str]] = {
    "order": f"x.status IN ('delivered', 'closed', 'refused', 'cancelled') AND {_BEFORE}",
    "return_order": f"x.status IN ('closed', 'refused', 'cancelled') AND {_BEFORE}",
    "visit": _BEFORE,
    "route": f"x.day < current_date - {ROUTE_WINDOW_DAYS} AND x.updated_at < current_date - {ROUTE_WINDOW_DAYS}",
}
"""When a row (x) of the entity is past its window: never while somebody still has to do with it."""
_BELOW: Final = {"order_line": "order", "return_line": "return_order", "route_stop": "route"}
_BESIDE: Final = ("comment", "attachment")


def away_expression(entity: str) -> str | None:
    """SQL of whether a desired entry (d) is away; None for entities without a window."""
    if entity in PAST:
        return f'EXISTS (SELECT FROM {{{{schema}}}}."{entity}" x WHERE x.id = d."row" AND {PAST[entity]})'
    if entity in _BELOW:
        parent = _BELOW[entity]
        return (
            f'EXISTS (SELECT FROM {{{{schema}}}}."{entity}" c JOIN {{{{schema}}}}."{parent}" x ON x.id = c.{parent}_id'
            f' WHERE c.id = d."row" AND {PAST[parent]})'
        )
    if entity in _BESIDE:
        return (
            f'EXISTS (SELECT FROM {{{{schema}}}}."{entity}" c JOIN {{{{schema}}}}.scope_entry e ON e."row" = c.row_id'
            ' WHERE c.id = d."row" AND e.scope = d.scope AND e.away AND NOT e.gone)'
        )
    return None


def brought_back(entity: str) -> str:
    """Statement of the update trigger: rows that were away, and have changed, count as moved."""
    if entity not in PAST:
        return ""
    return """
    moved := moved || ARRAY(SELECT DISTINCT s."row" FROM {{schema}}.scope_entry s
        WHERE s."row" = ANY (ids) AND s.away AND s."row" <> ALL (moved));"""


def _refreshed(entity: str) -> str:
    below = "".join(
        f"    PERFORM {{{{schema}}}}.refresh_scopes_{child}("
        f'ARRAY(SELECT x.id FROM {{{{schema}}}}."{child}" x WHERE x.{entity}_id = ANY (ids)));\n'
        for child, parent in _BELOW.items()
        if parent == entity
    )
    rows = f'ARRAY(SELECT x.id FROM {{{{schema}}}}."{entity}" x WHERE x.id = ANY (ids))'
    return f"    PERFORM {{{{schema}}}}.refresh_scopes_{entity}({rows});\n{below}"


WINDOW_START_FUNCTION = f"""
CREATE FUNCTION {{{{schema}}}}.window_start() RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT (current_date - coalesce((
        SELECT CASE jsonb_typeof(s.value) WHEN 'number' THEN greatest((s.value #>> '{{}}')::numeric, 1)::integer END
        FROM {{{{schema}}}}.setting s WHERE s.key = 'order_window_days'), {ORDER_WINDOW_DAYS}))::timestamptz
$$;
"""

REFRESH_WINDOWS_FUNCTION = f"""
-- Brings rows, and what stands below them, in line with their windows.
CREATE FUNCTION {{{{schema}}}}.refresh_windows(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
{"".join(map(_refreshed, PAST))}END $$;
"""


def find_overdue_sql() -> str:
    """Rows that should be away and are not, or the other way round; within a transaction of the tenant."""
    return " UNION ALL ".join(
        f"""
SELECT x.id FROM "{name}" x WHERE x.deleted_at IS NULL AND {past}
AND NOT EXISTS (SELECT FROM scope_entry e WHERE e."row" = x.id AND e.away)
AND EXISTS (SELECT FROM scope_entry e WHERE e."row" = x.id AND NOT e.gone)
UNION ALL
SELECT x.id FROM "{name}" x WHERE NOT ({past})
AND x.id IN (SELECT e."row" FROM scope_entry e WHERE e.away AND NOT e.gone AND e.entity = {ENTITIES[name].code})"""
        for name, past in ((n, p.replace("{{schema}}.", "")) for n, p in PAST.items())
    )
