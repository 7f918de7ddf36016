"""Comparing what a device has with what its member sees: once a day each, over the rows themselves (ADR 0022).

Nothing is kept for it: whoever is asked looks at the rows, so that a trigger which forgot one is found out too.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from outrider_sdk.protocol.checksum import BUCKETS, NOTHING, Sum, sum_up_contents
from outrider_sdk.protocol.entities import ENTITIES, Entity

from server.auth.access import Access
from server.db import TenantRef, connection
from server.sync.page_cache import load_heads
from server.sync.rows import wire_expression
from server.sync.schemas import fields_unknown, is_known
from server.sync.sight import rows_in_sight

_log = logging.getLogger(__name__)

# The first eight bytes of SHA-256 over the id and the revision, as an integer.
_HASH: Final = """('x' || encode(substr(sha256(uuid_send({0}.id) || int8send({0}.revision)), 1, 8), 'hex'))::bit(64)"""

_PRESENT: Final = """
SELECT DISTINCT e.entity FROM scope_grant g CROSS JOIN LATERAL (
    SELECT DISTINCT entity FROM scope_entry WHERE scope = g.scope AND NOT gone) e
WHERE g.member_id = $1 AND NOT g.gone
"""


async def is_news(member_id: UUID, cursor: int, head: int) -> bool:
    """Whether the member's devices with this cursor have something to pull before they can be compared."""
    return cursor > head or (cursor < head and bool(await load_heads(member_id, cursor)))


@dataclass(frozen=True, slots=True)
class Compared:
    """What a device has, by its own sums."""

    schema: int
    sums: Mapping[str, Sum]
    bucket: int
    contents: Mapping[str, Sum]


async def list_differing(member_id: UUID, access: Access, device: Compared) -> list[str]:
    """Entities of which the device has other rows than the member sees. Within a snapshot transaction."""
    present = {code for (code,) in await connection().fetch(_PRESENT, member_id)}
    differing = []
    for entity in (e for e in ENTITIES.values() if is_known(e.name, device.schema)):
        readable = bool(access.right(entity.name).read) and entity.code in present
        real = await _sum_up(entity, access, member_id) if readable else NOTHING
        if real != device.sums.get(entity.name, NOTHING):
            differing.append(entity.name)
            continue
        real = await _sum_up_contents(entity, access, member_id, device) if real["count"] else NOTHING
        if real != device.contents.get(entity.name, NOTHING):
            differing.append(entity.name)
    return differing


async def _sum_up(entity: Entity, access: Access, member_id: UUID) -> Sum:
    row = await connection().fetchrow(_sums_sql(entity, access), member_id)
    assert row is not None
    return {"count": row[0], "xor": f"{(row[1] or 0) & (2**64 - 1):016x}"}


@lru_cache(maxsize=2_000)
def _sums_sql(entity: Entity, access: Access) -> str:
    table = f'"{entity.name}"'
    columns = f"count(*), bit_xor(({_HASH.format(table)})::bigint)"
    return rows_in_sight(entity, access, columns)


async def _sum_up_contents(entity: Entity, access: Access, member_id: UUID, device: Compared) -> Sum:
    records = await connection().fetch(_contents_sql(entity, access, device.schema), member_id, device.bucket)
    return await asyncio.to_thread(sum_up_contents, [tuple(record) for record in records])


@lru_cache(maxsize=2_000)
def _contents_sql(entity: Entity, access: Access, schema: int) -> str:
    table, hidden = f'"{entity.name}"', access.right(entity.name).hidden | fields_unknown(entity, schema)
    columns = ", ".join("NULL" if f.name in hidden else wire_expression(f, table) for f in entity.all_fields)
    in_bucket = f'get_byte(uuid_send(e."row"), 15) % {BUCKETS} = $2'
    return rows_in_sight(entity, access, columns, entries=in_bucket)


async def record_difference(tenant: TenantRef, device_id: UUID, cursor: int, view: str, differing: list[str]) -> None:
    """Put a difference on record, for operators: a device repairs itself, but what led to it is a bug."""
    _log.warning("Device %s of tenant %s differs in %s.", device_id, tenant.slug, ", ".join(differing))
    await connection().execute(
        'INSERT INTO replica_difference (device_id, "cursor", view, entities) VALUES ($1, $2, $3, $4)',
        device_id, cursor, view, differing,
    )  # fmt: skip


def clean_sums(sums: Mapping[str, Any]) -> dict[str, Sum]:
    """Sums as they came, without entities of which the device has none."""
    return {name: {"count": s.count, "xor": s.xor} for name, s in sums.items() if s.count}
