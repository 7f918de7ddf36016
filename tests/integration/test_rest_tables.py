"""The tables as code knows them are the tables as migrations made them."""

import pytest
from outrider_sdk.protocol.entities import ENTITIES

from server.crm.resources import RESOURCES
from server.db import SyncedTable, TenantRef, connection, tenant_transaction

TYPES = {
    "UUID": "uuid",
    "TEXT": "text",
    "BIGINT": "bigint",
    "NUMERIC": "numeric",
    "BOOLEAN": "boolean",
    "TIMESTAMPTZ": "timestamp with time zone",
    "DATE": "date",
    "JSONB": "jsonb",
}
KINDS = {
    "id": "uuid",
    "text": "text",
    "integer": "bigint",
    "decimal": "numeric",
    "boolean": "boolean",
    "instant": "timestamp with time zone",
    "date": "date",
    "json": "jsonb",
}
KEPT_BY_THE_SERVER = {"deleted_at", "stamps"}
KEPT_ELSEWHERE = {"member": {"identity_id", "email"}, "role": {"reach"}}
"""Columns that are the log-in's, or PostgreSQL's, to write."""
TABLES = {r.entity.name: r.table for r in RESOURCES}


def test_every_entity_is_a_resource():
    """Whoever adds an entity finds out here that the console cannot see it yet."""
    assert TABLES.keys() == ENTITIES.keys()


@pytest.mark.parametrize("name", TABLES)
async def test_table_schema_and_entity_agree(tenant: TenantRef, name: str):
    """Columns, types, nulls and defaults never drift apart."""
    async with tenant_transaction(tenant):
        stored = await connection().fetch(
            """SELECT column_name, data_type, is_nullable = 'YES' AS nullable, column_default IS NOT NULL AS has_default
            FROM information_schema.columns WHERE table_name = $1 AND table_schema = $2""",
            name,
            tenant.schema,
        )
    columns = {r["column_name"]: (r["data_type"], r["nullable"]) for r in stored}
    columns = {c: column for c, column in columns.items() if c not in KEPT_ELSEWHERE.get(name, set())}

    assert {c._meta.name: (TYPES[c.column_type], c._meta.null) for c in TABLES[name]._meta.columns} == columns
    fields = ENTITIES[name].all_fields
    assert {f.name for f in fields} == columns.keys() - KEPT_BY_THE_SERVER
    assert all(columns[f.name] == (KINDS[f.kind], not f.required) for f in fields)
    own = {f.name for f in ENTITIES[name].fields}
    required = {c._meta.name for c in TABLES[name]._meta.columns if c._meta.required}
    assert required == {r["column_name"] for r in stored if not r["nullable"] and not r["has_default"]} & own


@pytest.mark.parametrize("name", TABLES)
async def test_defaults_in_code_are_those_of_the_schema(tenant: TenantRef, name: str):
    """A row made by plain SQL and one made in code look the same."""
    table: type[SyncedTable] = TABLES[name]
    own = {f.name for f in ENTITIES[name].fields}
    async with tenant_transaction(tenant):
        for column in table._meta.columns:
            if column._meta.name in own and not (column._meta.null or column._meta.required):
                sql = await connection().fetchval(
                    "SELECT column_default FROM information_schema.columns"
                    " WHERE table_name = $1 AND table_schema = $2 AND column_name = $3",
                    name,
                    tenant.schema,
                    column._meta.name,
                )
                if column.column_type != "TIMESTAMPTZ":
                    assert await connection().fetchval(f"SELECT {sql}") == column.get_default_value(), column
