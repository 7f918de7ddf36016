"""Generates what the statement triggers write into the audit, for each entity.

By the column, not by the row: a statement adds one entry for each field that it changed, with the ids of the rows,
their old and their new values as arrays. Ten thousand rows cost a fraction of what ten thousand entries would, and no
index holds them: a row's own history is a chain, as each statement's head says which revision each of its rows had
before.

Old and new rows are paired by a FULL JOIN on the id. Both sides always have the row, so it could be an inner join; but
a full one is never planned as a nested loop, and a plan that was made for one row serves ten thousand.
"""

from outrider_sdk.protocol.entities import Entity, Kind

from server.crm.audit.stored import stored_text

_UNAUDITED = {"id", "revision", "created_at", "updated_at"}
"""What never changes, and what changes with every write."""

_LOCAL_COLUMNS = {"member": ("email", "identity_id")}
"""Columns that do not replicate, and of which it matters who changed them."""

_LOCAL_KINDS = {"deleted_at": Kind.INSTANT, "email": Kind.TEXT, "identity_id": Kind.ID}

_PAIRED = "FROM new_rows n FULL JOIN old_rows o ON o.id = n.id"


def audited_columns(e: Entity) -> tuple[str, ...]:
    """The columns whose old and new values are kept."""
    return (*(f.name for f in e.all_fields if f.name not in _UNAUDITED), "deleted_at", *_LOCAL_COLUMNS.get(e.name, ()))


def audit_created(e: Entity) -> str:
    """Statements of the insert trigger: who made which rows, without values.

    The first value of a field is that of the row, or the old one of its first change: a copy would double each import.
    """
    return f"""
    PERFORM {{{{schema}}}}.audit_statement({e.code}::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;"""


def audit_changed(e: Entity, moved_by: tuple[str, ...]) -> str:
    """Statements of the update trigger: sets `ids` and `moved`, and writes an entry for each field that changed.

    Args:
        moved_by: the columns whose change moves a row to other scopes.
    """
    columns = audited_columns(e)
    new, old = (", ".join(f'{side}."{column}"' for column in moved_by) for side in ("n", "o"))
    changed = ", ".join(f"""CASE WHEN bool_or(n."{c}" IS DISTINCT FROM o."{c}") THEN '{c}' END""" for c in columns)
    return f"""
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE ({new}) IS DISTINCT FROM ({old})), '{{}}'),
        ARRAY[{changed}]
    INTO ids, previous, lowest, highest, moved, changed {_PAIRED};
    pushed := {{{{schema}}}}.audit_statement({e.code}::smallint, ids, previous, lowest, highest);""" + "".join(
        _audit_field(e, column) for column in columns
    )


def _audit_field(e: Entity, name: str) -> str:
    field = e.by_name.get(name)
    captured = "NULL"
    if name == "deleted_at" or (field is not None and (field.writable or field.once)):
        captured = f"array_agg((n.stamps -> '{name}' ->> 1)::bigint) FILTER (WHERE pushed)"
    old, new = (stored_text(field.kind if field else _LOCAL_KINDS[name], f'{side}."{name}"') for side in ("o", "n"))
    return f"""
    IF '{name}' = ANY (changed) THEN
        INSERT INTO {{{{schema}}}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, {e.code}, '{name}', array_agg(n.id), array_agg({old}), array_agg({new}), {captured}
        {_PAIRED} WHERE n."{name}" IS DISTINCT FROM o."{name}";
    END IF;"""
