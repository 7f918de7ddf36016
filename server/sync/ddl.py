"""Generates the DDL of a tenant's schema from the entities: tables, scopes, triggers.

Not used while serving: its output is recorded in `server/tenants/migrations/`, and provisioning replays the record.
`python -m server.sync.ddl` prints it. `{{schema}}` stands for the tenant's quoted schema, so that the functions, which
run as their owner (SECURITY DEFINER), never depend on a search_path.

The net for plain SQL, per table: BEFORE STATEMENT takes the revision, and refuses TRUNCATE; BEFORE ROW stamps, refuses a
change of id, and makes a tombstone of a DELETE, so that devices learn of it; AFTER STATEMENT, over transition tables,
writes the audit, scope entries, changes and grants.
"""

from pathlib import Path
from uuid import NAMESPACE_OID, uuid5

from outrider_sdk.protocol.entities import COMMON_FIELDS, ENTITIES, ROLE, ROLES, Entity, Field, Kind

from server.crm.tables import COLUMN_TYPES
from server.sync.audit_ddl import audit_changed, audit_created
from server.sync.catalogue import EFFECTS
from server.sync.event_triggers import event_triggers
from server.sync.grants_ddl import grants_sql
from server.sync.scopes import (
    CASCADES,
    CASCADES_ON_INSERT,
    FOLLOWERS,
    GRANTS_CHANGED_BY,
    MOVED_BY,
    OFFICE_SCOPE,
    SCOPE_QUERIES,
    TENANT_SCOPE,
    TENANT_WIDE,
)
from server.sync.windows import REFRESH_WINDOWS_FUNCTION, WINDOW_START_FUNCTION, away_expression, brought_back

_NOW_BY_DEFAULT = {"created_at", "updated_at", "as_of"}
"""Instants that a create may leave out; all other defaults are the fields' own."""

# A reference needs no index for its constraint's sake: rows are never really deleted and ids never change, so nothing
# looks for the rows that refer to one. These are the ones by which nobody searches either.
_UNINDEXED = {
    ("warehouse", "legal_entity_id"),
    ("agreement", "legal_entity_id"),
    ("assignment", "delegated_by"),
    ("order", "credited_id"),
    ("order", "legal_entity_id"),
    ("order", "agreement_id"),
    ("order", "warehouse_id"),
    ("order", "price_list_id"),
    ("order", "source_order_id"),
    ("product", "tax_category_id"),
    ("tax_rate", "tax_category_id"),
    ("assortment_item", "outlet_id"),
    ("assignment", "assortment_id"),
    ("stock_movement", "product_id"),
    ("consent", "follows_id"),
    ("return_order", "maker_id"),
    ("return_order", "legal_entity_id"),
    ("return_order", "agreement_id"),
    ("return_order", "warehouse_id"),
    ("return_order", "source_order_id"),
    ("return_line", "product_id"),
    ("return_line", "source_line_id"),
    ("invoice", "legal_entity_id"),
    ("receivable", "legal_entity_id"),
    ("receivable", "invoice_id"),
    ("payment", "legal_entity_id"),
    ("payment", "reversal_of_id"),
    ("route_stop", "outlet_id"),
    ("visit", "route_stop_id"),
    ("visit", "signature_id"),
}

_EXTRA_COLUMNS = {
    "member": "identity_id uuid, email text, UNIQUE (identity_id)",
    "role": "reach smallint GENERATED ALWAYS AS ({{schema}}.reach_of(permissions)) STORED",
}
_EXTRA_INDEXES = {
    "role": 'CREATE UNIQUE INDEX ON {{schema}}.role ("key") WHERE deleted_at IS NULL;\n',
    # Whether a tenant gives anybody a part of its catalogue is asked at each change of an assignment.
    "assignment": "CREATE INDEX ON {{schema}}.assignment (assortment_id) WHERE assortment_id IS NOT NULL;\n",
}

_SORTED_LISTS = {
    "account": ("name",),
    "outlet": ("name",),
    "contact": ("name",),
    "product": ("name", "sku"),
    "order": ("number", "submitted_at"),
    "conflict": ("row_id",),
    "invoice": ("number",),
    "payment": ("receipt_number",),
    "comment": ("row_id",),
    "attachment": ("row_id",),
    "merge": ("loser_id", "winner_id"),
}

_COMPARED_BY = {
    "account": ("{{schema}}.name_key(name)", "{{schema}}.tax_id_key(tax_id)"),
    "contact": ("{{schema}}.name_key(name), account_id",),
    "contact_channel": ("{{schema}}.channel_key(channel_kind, value)",),
}
"""Expressions under which rows meet that may be the same (ADR 0015)."""

_LOOKED_UP_BY = {"account": ("tax_id",), "contact_channel": ("value",)}
"""Columns by which duplicates are found, and rows that people name."""

_FRAME = Path(__file__).with_name("frame.sql").read_text(encoding="utf-8")


def create_schema_sql() -> str:
    """All statements of a tenant's schema, in an order in which they can run."""
    parts = [_FRAME]
    parts += [_table(e) for e in ENTITIES.values()]
    parts += [_foreign_keys(e) for e in ENTITIES.values()]
    parts.append(_built_in_roles())
    parts.append(grants_sql())
    parts.append(WINDOW_START_FUNCTION)
    parts += [_refresh_scopes(e) for e in ENTITIES.values()]
    parts.append(REFRESH_WINDOWS_FUNCTION)
    parts += [_row_triggers(e) + _statement_triggers(e) for e in ENTITIES.values()]
    parts += [event_triggers(e) for e in ENTITIES.values()]
    return "\n".join(parts)


def _built_in_roles() -> str:
    """The roles that every tenant has, under the same ids everywhere; before any trigger, in revision 0."""
    rows = ",\n    ".join(
        f"('{uuid5(NAMESPACE_OID, 'role/' + key)}', '{key}', '{key.title()}', '{key}')" for key in ROLES
    )
    return f"""
INSERT INTO {_quoted("role")} (id, "key", name, base) VALUES
    {rows};
INSERT INTO {{{{schema}}}}.scope_entry ("row", scope, entity, revision, gone)
SELECT id, '{OFFICE_SCOPE}', {ROLE.code}, 0, false FROM {_quoted("role")};
"""


def _quoted(name: str) -> str:
    return f'{{{{schema}}}}."{name}"'


def _column(field: Field) -> str:
    sql = f'"{field.name}" {COLUMN_TYPES[field.kind]}'
    if field.required and field.name != "id":
        sql += " NOT NULL"
        sql += _default(field)
    if field.name == "id":
        sql += " PRIMARY KEY"
    if field.values:
        allowed = ", ".join(f"'{v}'" for v in field.values)
        sql += f' CHECK ("{field.name}" IN ({allowed}))'
    return sql


def _default(field: Field) -> str:
    if field.name in _NOW_BY_DEFAULT:
        return " DEFAULT now()"
    match field.default:
        case None:
            return ""
        case bool(value):
            return f" DEFAULT {str(value).lower()}"
        case int(number):
            return f" DEFAULT {number}"
        case text:
            return f" DEFAULT {text}" if field.kind is Kind.DECIMAL else f" DEFAULT '{text}'"


def _table(e: Entity) -> str:
    columns = [_column(f) for f in COMMON_FIELDS]
    columns += ["deleted_at timestamptz", "stamps jsonb NOT NULL DEFAULT '{}'"]
    columns += [_column(f) for f in e.fields]
    if e.name in _EXTRA_COLUMNS:
        columns.append(_EXTRA_COLUMNS[e.name])
    body = ",\n    ".join(columns)
    # Room on each page for a row's next version: an update then touches no index, and costs a third.
    sql = f"\nCREATE TABLE {_quoted(e.name)} (\n    {body}\n) WITH (fillfactor = 80);\n"
    for column in _SORTED_LISTS.get(e.name, ()):
        sql += f'CREATE INDEX ON {_quoted(e.name)} ("{column}", id);\n'
    for column in _LOOKED_UP_BY.get(e.name, ()):
        sql += f'CREATE INDEX ON {_quoted(e.name)} ("{column}");\n'
    for expression in _COMPARED_BY.get(e.name, ()):
        sql += f"CREATE INDEX ON {_quoted(e.name)} ({expression});\n"
    return sql + _EXTRA_INDEXES.get(e.name, "")


def _foreign_keys(e: Entity) -> str:
    keys = [
        f'ADD FOREIGN KEY ("{column}") REFERENCES {_quoted(target)} (id)' for column, target in e.references.items()
    ]
    sql = f"ALTER TABLE {_quoted(e.name)} " + ",\n    ".join(keys) + ";\n" if keys else ""
    for column in e.references:
        if (e.name, column) not in _UNINDEXED:
            sql += f'CREATE INDEX ON {_quoted(e.name)} ("{column}");\n'
    return sql


def _refresh_scopes(e: Entity) -> str:
    query, away = SCOPE_QUERIES[e.name].strip(), away_expression(e.name)
    column, value = (", away", f", {away}") if away else ("", "")
    again = "s.gone OR s.away <> excluded.away" if away else "s.gone"
    return f"""
CREATE FUNCTION {{{{schema}}}}.refresh_scopes_{e.name}(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{{{schema}}}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        {query}
    ), left_scope AS (
        UPDATE {{{{schema}}}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{{{schema}}}}.scope_entry AS s ("row", scope, entity, revision, gone{column})
        SELECT DISTINCT d."row", d.scope, {e.code}::smallint, r, false{value} FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE {again}
        RETURNING s.scope
    )
    INSERT INTO {{{{schema}}}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -{e.code}, '{{}}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
{_followers(e)}{_REFRESHED_ALONG.get(e.name, "")}END $$;
"""


_REFRESHED_ALONG = {
    "agreement": """    PERFORM {{schema}}.refresh_lists(
        ids, ARRAY(SELECT DISTINCT x.price_list_id FROM {{schema}}.agreement x WHERE x.id = ANY (ids)));
"""
}
"""What depends on who holds the rows."""


def _followers(e: Entity) -> str:
    """Takes along what stands beside the rows that move."""
    if e.name in FOLLOWERS:
        return ""
    return "".join(
        f"""    followers := ARRAY(SELECT x.id FROM {_quoted(name)} x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{{{schema}}}}.refresh_scopes_{name}(followers); END IF;
"""
        for name in FOLLOWERS
    )


# Each key of `custom` has a stamp of its own, as `custom.key`.
_STAMPED_CUSTOM = """
    IF NEW.custom IS DISTINCT FROM OLD.custom THEN
        NEW.stamps := NEW.stamps || coalesce((
            SELECT jsonb_object_agg('custom.' || k.key, current_setting('outrider.stamp')::jsonb)
            FROM (
                SELECT jsonb_object_keys(CASE jsonb_typeof(x) WHEN 'object' THEN x ELSE '{}' END) AS key
                FROM (VALUES (OLD.custom), (NEW.custom)) AS v (x)
            ) k
            WHERE OLD.custom -> k.key IS DISTINCT FROM NEW.custom -> k.key
            AND NEW.stamps -> ('custom.' || k.key) IS NOT DISTINCT FROM OLD.stamps -> ('custom.' || k.key)), '{}');
    END IF;"""


def _row_triggers(e: Entity) -> str:
    stamped = [f.name for f in e.fields if f.writable or f.once]
    each = "".join(
        f"""
        IF NEW."{name}" IS DISTINCT FROM OLD."{name}" AND NEW.stamps -> '{name}' IS NOT DISTINCT FROM OLD.stamps -> '{name}' THEN
            NEW.stamps := jsonb_set(NEW.stamps, '{{{name}}}', current_setting('outrider.stamp')::jsonb);
        END IF;"""
        for name in stamped
    )
    any_changed = " OR ".join(f'NEW."{name}" IS DISTINCT FROM OLD."{name}"' for name in stamped)
    stamping = f"""
    IF {any_changed} THEN{each}
    END IF;"""
    table = _quoted(e.name)
    custom = _STAMPED_CUSTOM if e.editable else ""
    return f"""
CREATE FUNCTION {{{{schema}}}}.stamp_{e.name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {table} x SET deleted_at = (SELECT n.at FROM {{{{schema}}}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{{*}}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of {e.name} never changes: devices know it by that.';
    END IF;{stamping if stamped else ""}{custom}
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {{{{schema}}}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {{{{schema}}}}.stamp_{e.name}();
"""


def _record_change(e: Entity) -> str:
    """Tells the devices that hold the updated rows; of what the whole tenant sees, without a look at the entries."""
    if e.name not in TENANT_WIDE:
        return f"    PERFORM {{{{schema}}}}.record_change({e.code}::smallint, ids);"
    return f"""    INSERT INTO {{{{schema}}}}.scope_change (scope, revision, entity, rows)
    VALUES ('{TENANT_SCOPE}', highest, {e.code}, ids);"""


def _cascade(e: Entity, rows: str, *, inserted: bool = False) -> str:
    """Refreshes what lives in scopes of this entity's rows; `rows` is a table expression of old and new rows."""
    sql = ""
    cascades = CASCADES.get(e.name, ()) if not inserted or e.name in CASCADES_ON_INSERT else ()
    for target, select in cascades:
        ids = select.format(rows=rows)
        sql += f"    PERFORM {{{{schema}}}}.refresh_scopes_{target}(ARRAY({ids}));\n"
    for members, scopes in GRANTS_CHANGED_BY.get(e.name, ()):
        sql += f"    PERFORM {{{{schema}}}}.refresh_grants({members.format(rows=rows)}, {scopes.format(rows=rows)});\n"
    effect, on_insert = EFFECTS.get(e.name, ("", False))
    return sql + effect.replace("{rows}", rows) if on_insert or not inserted else sql


def _history(table: str, kept: str, read: str, of: str = "") -> str:
    """Keeps what old rows said until now, where new ones say something else."""
    values = ", ".join(f"o.{column}" for column in read.split(", "))
    return f"""
    INSERT INTO {{{{schema}}}}.{table} ({kept}, until, revision)
    SELECT {values}, c.at, c.revision
    FROM (SELECT {read} FROM old_rows{of} EXCEPT SELECT {read} FROM new_rows{of}) o
    CROSS JOIN {{{{schema}}}}.revision_counter c;"""


_ROLE = '"key", base, permissions, fields'
_HISTORIES = {
    "price_item": _history("price_change", "price_item_id, price", "id, price"),
    "member": _history("member_role_change", "member_id, role", "id, role"),
    "role": _history("role_change", _ROLE, _ROLE, " WHERE deleted_at IS NULL"),
}


def _statement_triggers(e: Entity) -> str:
    # Transition tables have no statistics, and a plan cached for one row would join 10,000 row by row: hence arrays and
    # EXCEPT, which have one plan for all sizes, and no join but a full one, which is hashed or merged.
    name, table = e.name, _quoted(e.name)
    moved = (*MOVED_BY.get(name, ()), "deleted_at")
    head = "LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$"
    return f"""
CREATE FUNCTION {{{{schema}}}}.after_insert_{name}() RETURNS trigger {head}
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;{audit_created(e)}
    PERFORM {{{{schema}}}}.refresh_scopes_{name}(ARRAY(SELECT n.id FROM new_rows n));
{_cascade(e, "new_rows", inserted=True)}    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {table} REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{{{schema}}}}.after_insert_{name}();
CREATE FUNCTION {{{{schema}}}}.after_update_{name}() RETURNS trigger {head}
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;{_HISTORIES.get(name, "")}{audit_changed(e, moved)}{brought_back(name)}
{_record_change(e)}
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{{{schema}}}}.refresh_scopes_{name}(moved);
{_cascade(e, "(SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved))")}    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {table} REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{{{schema}}}}.after_update_{name}();
"""


if __name__ == "__main__":
    print(create_schema_sql())  # noqa: T201 - the command's output
