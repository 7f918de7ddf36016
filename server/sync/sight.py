"""SQL for all rows of an entity that a member sees, or sees in some scopes: what pages would put, said at once."""

from outrider_sdk.protocol.entities import Entity

from server.auth.access import Access
from server.crm.rights import is_about_records, not_about_hidden, reach_of_record


def rows_in_sight(
    entity: Entity, access: Access, columns: str, *, scopes: str | None = None, entries: str = "true"
) -> str:
    """A query of the rows of an entity that the member ($1) sees; its table bears the entity's name.

    Each row counts at the nearest level at which one of the scopes has it, as everywhere (`server.crm.rights`).

    Args:
        scopes: an SQL expression of the only ones that count; None: all that are granted.
        entries: an SQL condition on the entries (`e`) that count.
    """
    right = access.right(entity.name)
    table = f'"{entity.name}"'
    only = f"JOIN unnest({scopes}) s (scope) ON s.scope = g.scope" if scopes else ""
    conditions = []
    if is_about_records(entity):
        conditions = [f"seen.level <= {reach_of_record(access, entity)}", *not_about_hidden(access, entity)]
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"""
    WITH granted AS MATERIALIZED (
        SELECT g.scope, g.level FROM scope_grant g {only}
        WHERE g.member_id = $1 AND NOT g.gone AND g.level <= {int(right.read)}
    ), seen AS (
        SELECT e."row", min(g.level) AS level FROM granted g JOIN scope_entry e ON e.scope = g.scope
        WHERE e.entity = {entity.code} AND NOT (e.gone OR e.away) AND {entries} GROUP BY e."row"
    )
    SELECT {columns} FROM seen JOIN {table} ON {table}.id = seen."row" {where}"""  # noqa: S608 - our own names
