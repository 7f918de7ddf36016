"""Writes a company into a tenant: all of it in one transaction, a statement for each table.

A row is known again by its external id, so that importing the same twice adds nothing. What is there
already stays as it is: people may have changed it since.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from outrider_sdk.protocol.entities import ENTITIES, Entity

from server.crm.tables import COLUMN_TYPES
from server.db import connection
from server.demo.company import Company
from server.demo.rows import derived_id, make_rows


@dataclass(slots=True)
class Loaded:
    """How many rows were added, and how many were there already, by entity; and the ids of them all."""

    added: Counter[str] = field(default_factory=Counter)
    known: Counter[str] = field(default_factory=Counter)
    ids: dict[tuple[str, str], UUID] = field(default_factory=dict)
    """(entity, key) → row."""


async def load_company(company: Company, members: Mapping[str, UUID]) -> Loaded:
    """Write the company's rows, within a writing transaction of the tenant.

    Args:
        members: person → member, made before: people log in, and that is the platform's matter.
    """
    known = await _load_known(company.system)
    loaded = Loaded(ids={("member", key): member for key, member in members.items()})

    def id_of(entity: str, key: str) -> str:
        row_id = known.get((entity, key)) or derived_id(company.system, entity, key)
        loaded.ids[entity, key] = row_id
        return str(row_id)

    rows = make_rows(company, members, id_of)
    for name, entity in ENTITIES.items():
        wanted = rows.get(name, [])
        fresh = [row for row in wanted if (name, row["key"]) not in known]
        await _insert(entity, fresh)
        loaded.added[name], loaded.known[name] = len(fresh), len(wanted) - len(fresh)
    await _remember(company.system, loaded.ids)
    return loaded


async def _load_known(system: str) -> dict[tuple[str, str], UUID]:
    records = await connection().fetch('SELECT entity, value, "row" FROM external_id WHERE system = $1', system)
    return {(r["entity"], r["value"]): r["row"] for r in records}


async def _insert(entity: Entity, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    fields = [entity.by_name[name] for name in rows[0] if name != "key"]
    names = ", ".join(f'"{f.name}"' for f in fields)
    types = ", ".join(f'"{f.name}" {COLUMN_TYPES[f.kind]}' for f in fields)
    await connection().execute(
        f'INSERT INTO "{entity.name}" ({names}) SELECT {names} FROM jsonb_to_recordset($1::jsonb) AS r ({types})',  # noqa: S608
        json.dumps(rows, ensure_ascii=False),
    )


async def _remember(system: str, ids: Mapping[tuple[str, str], UUID]) -> None:
    keys = list(ids)
    await connection().execute(
        """INSERT INTO external_id (system, entity, value, "row")
        SELECT $1, * FROM unnest($2::text[], $3::text[], $4::uuid[]) ON CONFLICT DO NOTHING""",
        system,
        [entity for entity, _ in keys],
        [key for _, key in keys],
        [ids[each] for each in keys],
    )
