"""A row of any entity, with the rows that it refers to: for tests that go through all of them."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from outrider_sdk.protocol.entities import ENTITIES, Field, Kind
from outrider_sdk.protocol.ids import uuid7

from server.crm.rights import is_about_records
from server.db import SYSTEM, TenantRef, connection, tenant_write

_VALUES: dict[Kind, Any] = {
    Kind.TEXT: "x",
    Kind.INTEGER: 1,
    Kind.DECIMAL: 1,
    Kind.BOOLEAN: True,
    Kind.INSTANT: datetime(2026, 11, 25, tzinfo=UTC),
    Kind.DATE: date(2026, 11, 25),
    Kind.JSON: "{}",
}


async def insert_examples(tenant: TenantRef) -> dict[str, UUID]:
    """One row of each entity, by name; only what must be there is."""
    made: dict[str, UUID] = {}
    async with tenant_write(tenant, by=SYSTEM):
        for name in ENTITIES:
            await _insert(name, made)
    return made


async def insert_example(name: str) -> UUID:
    """One row of an entity, in the open transaction."""
    return await _insert(name, {})


async def _insert(name: str, made: dict[str, UUID]) -> UUID:
    if name not in made:
        values: dict[str, Any] = {"id": uuid7()}
        references = ENTITIES[name].references
        for field in ENTITIES[name].fields:
            if field.name == "entity" and is_about_records(ENTITIES[name]):
                values |= {"entity": "account", "row_id": await _insert("account", made)}
            elif field.name in values:
                continue
            elif field.required and field.name in references:
                values[field.name] = await _insert(references[field.name], made)
            elif (field.required and field.kind in _VALUES) or (field.kind is Kind.ID and field.required):
                values[field.name] = _value(field)
        columns = ", ".join(f'"{column}"' for column in values)
        places = ", ".join(f"${n + 1}" for n in range(len(values)))
        await connection().execute(f'INSERT INTO "{name}" ({columns}) VALUES ({places})', *values.values())
        made[name] = values["id"]
    return made[name]


def _value(field: Field) -> Any:
    if field.kind is Kind.ID:
        return uuid7()
    if field.name == "key":
        return f"x{uuid7().hex}"
    return field.values[0] if field.values else _VALUES[field.kind]
