"""Generates the triggers that note events for webhooks: in the writer's own transaction, whoever writes.

Events of an entity are noted only while a webhook waits for some of them; else a statement costs one look at a small
table. The tables and `note_events` are hand-written, at the end of the recorded schema.
"""

from outrider_sdk.protocol.entities import COMMON_FIELDS, Entity

_KEPT_BY_TRIGGERS = {"id", "revision", "updated_at", "created_at", "created_by"}


def event_triggers(e: Entity) -> str:
    """The two functions and triggers of one entity.

    Transition tables are compared by EXCEPT, which has one plan for all sizes (ADR 0003).
    """
    name, table = e.name, f'{{{{schema}}}}."{e.name}"'
    head = "LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$"
    guard = f"IF NOT {{{{schema}}}}.is_watched('{name}') THEN RETURN NULL; END IF;"
    return f"""
CREATE FUNCTION {{{{schema}}}}.note_insert_{name}() RETURNS trigger {head}
BEGIN
    {guard}
    PERFORM {{{{schema}}}}.note_events('{name}', 'created', ARRAY(SELECT id FROM new_rows), '{{}}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {table} REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{{{schema}}}}.note_insert_{name}();
CREATE FUNCTION {{{{schema}}}}.note_update_{name}() RETURNS trigger {head}
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    {guard}
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{{{schema}}}}.note_events('{name}', 'deleted', buried, '{{}}');
    PERFORM {{{{schema}}}}.note_events('{name}', 'restored', revived, '{{}}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM ({_differences(e)}) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{{{schema}}}}.note_events('{name}', 'changed', part.ids, part.changed);
    END LOOP;{_status(e)}
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {table} REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{{{schema}}}}.note_update_{name}();
"""


def _differences(e: Entity) -> str:
    fields = [f.name for f in (*COMMON_FIELDS, *e.fields) if f.name not in _KEPT_BY_TRIGGERS]
    return "\n            UNION ALL ".join(
        f'SELECT id, \'{f}\' AS field FROM (SELECT id, "{f}" FROM new_rows EXCEPT SELECT id, "{f}" FROM old_rows) x'
        for f in fields
    )


def _status(e: Entity) -> str:
    """An event of its own for each status that a row reaches."""
    if not has_status(e):
        return ""
    return f"""
    FOR part IN
        SELECT s.status, array_agg(s.id) AS ids FROM (SELECT id, status FROM new_rows EXCEPT SELECT id, status FROM old_rows) s
        GROUP BY s.status
    LOOP
        PERFORM {{{{schema}}}}.note_events('{e.name}', part.status, part.ids, '{{status}}');
    END LOOP;"""


def has_status(e: Entity) -> bool:
    """Whether its rows go through statuses."""
    status = e.by_name.get("status")
    return status is not None and bool(status.values)
