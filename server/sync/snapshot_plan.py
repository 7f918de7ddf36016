"""Which scopes a snapshot for a member holds, and the key under which other members share it. Reads, writes nothing.

Two kinds are made. The *whole*: all scopes of the member, but for their own and their van's, which nobody else has;
whoever reads what is other members' holds those scopes too, and then their own are among them for everyone. And the
*catalogue*: what is neither an outlet's nor a member's, for members whose outlets hold little.

Levels matter only as far as a right of the view makes a difference between them: the key says, for each reach that
occurs in the view, which scopes lie within it. Equal keys, equal rows.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from outrider_sdk.protocol.entities import SCHEMA_VERSION
from outrider_sdk.protocol.tables import SNAPSHOT_FORMAT

from server.auth.access import Access
from server.db import connection
from server.sync.catalogue import CATALOGUE_SCOPE

WHOLE_ROWS_MIN: Final = 10_000
"""Fewer rows than these, beside the catalogue, are pulled as fast as they would be built."""
CATALOGUE_ROWS_MIN: Final = 2_000


@dataclass(frozen=True, slots=True)
class Plan:
    """A snapshot that would serve a member."""

    key: str
    scopes: tuple[UUID, ...]
    view: str


@dataclass(frozen=True, slots=True)
class Grant:
    """A scope that the member holds, at which level; and whose it is."""

    scope: UUID
    level: int
    of_outlet: bool
    of_member: bool
    of_van: bool


_GRANTS: Final = f"""
SELECT g.scope, g.level, o.id IS NOT NULL, m.id IS NOT NULL, v.scope IS NOT NULL FROM scope_grant g
LEFT JOIN outlet o ON o.id = g.scope LEFT JOIN member m ON m.id = g.scope
LEFT JOIN (
    SELECT pair_scope(w.id, p.scope) AS scope FROM warehouse w
    CROSS JOIN (SELECT '{CATALOGUE_SCOPE}'::uuid AS scope UNION ALL SELECT a.id FROM assortment a) p
    WHERE w.member_id IS NOT NULL
) v ON g.of_place AND v.scope = g.scope
WHERE g.member_id = $1 AND NOT g.gone
"""  # noqa: S608 - a constant of ours


async def list_plans(member_id: UUID, access: Access) -> tuple[Plan, ...]:
    """The whole and the catalogue, as the member's grants are in this transaction."""
    records = await connection().fetch(_GRANTS, member_id)
    return plans_from([Grant(*record) for record in records], member_id, access)


def plans_from(grants: Iterable[Grant], member_id: UUID, access: Access) -> tuple[Plan, ...]:
    """The same from grants that are known. Pure."""
    grants = list(grants)
    sees_others = any(g.of_member and g.scope != member_id for g in grants)
    whole = [g for g in grants if sees_others or not (g.of_member or g.of_van)]
    catalogue = [g for g in grants if not (g.of_outlet or g.of_member or g.of_van)]
    return _plan(whole, access), _plan(catalogue, access)


def _plan(grants: list[Grant], access: Access) -> Plan:
    digest = hashlib.sha256(f"{SCHEMA_VERSION} {SNAPSHOT_FORMAT} {access.view}".encode())
    scopes = sorted((g.scope.bytes, g.level) for g in grants)
    for reach in sorted({int(right.read) for right in access.rights.values() if right.read}):
        digest.update(b"%d" % reach)
        digest.update(b"".join(scope for scope, level in scopes if level <= reach))
    return Plan(digest.hexdigest(), tuple(UUID(bytes=scope) for scope, _ in scopes), access.view)


async def choose(plans: tuple[Plan, ...]) -> Plan | None:
    """The one that is worth being built: the whole where it holds much, else the catalogue, or none."""
    whole, catalogue = plans
    beside = tuple(scope for scope in whole.scopes if scope not in catalogue.scopes)
    if await _count_rows(beside, WHOLE_ROWS_MIN) >= WHOLE_ROWS_MIN:
        return whole
    if await _count_rows(catalogue.scopes, CATALOGUE_ROWS_MIN) >= CATALOGUE_ROWS_MIN:
        return catalogue
    return None


async def _count_rows(scopes: tuple[UUID, ...], at_most: int) -> int:
    """How many rows the scopes hold; no more than so many are counted."""
    return int(
        await connection().fetchval(
            """SELECT count(*) FROM (
                SELECT FROM unnest($1::uuid[]) s (scope) CROSS JOIN LATERAL (
                    SELECT FROM scope_entry e WHERE e.scope = s.scope AND NOT (e.gone OR e.away) LIMIT $2
                ) e LIMIT $2) counted""",
            scopes,
            at_most,
        )
    )
