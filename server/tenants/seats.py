"""Seats: who of a tenant's members works on those that it has. Buying more is billing's; assigning is here.

The rows are the platform's, and the members the tenant's: no transaction spans both. So whoever has no row yet counts
as seated while a seat is free, and `follow_members`, which may be repeated at any time, brings the rows in line.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from server import clock
from server.db import connection


@dataclass(frozen=True, slots=True)
class Seats:
    """Who has a seat, the earliest first, and from whom one was taken. Pure."""

    holders: tuple[UUID, ...] = ()
    withdrawn: frozenset[UUID] = frozenset()
    _turns: Mapping[UUID, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_turns", {member_id: turn for turn, member_id in enumerate(self.holders)})

    def seats(self, member_id: UUID, seats_max: int | None) -> bool:
        """Whether the member works on one of so many seats. Where there are too few, those who came first do."""
        if member_id in self.withdrawn:
            return False
        if seats_max is None:
            return True
        return self._turns.get(member_id, len(self.holders)) < seats_max


NO_SEATS: Final = Seats()


async def follow_members(tenant_id: UUID, member_ids: Sequence[UUID]) -> tuple[int, int]:
    """Give each of the members a row, and free the rows of all others; how many came and went (platform).

    Args:
        member_ids: all who need a seat, those first who come first. A seat that was withdrawn from one of them
            stays withdrawn.
    """
    conn = connection()
    gone = await conn.fetch(
        "DELETE FROM seat WHERE tenant_id = $1 AND member_id <> ALL ($2::uuid[]) RETURNING 1",
        tenant_id, list(member_ids),
    )  # fmt: skip
    come = await conn.fetch(_ASSIGN, tenant_id, list(member_ids), clock.now())
    return len(come), len(gone)


async def count_holders(tenant_id: UUID) -> int:
    """How many members have a seat (platform)."""
    found: int = await connection().fetchval(
        "SELECT count(*) FROM seat WHERE tenant_id = $1 AND withdrawn_at IS NULL", tenant_id
    )
    return found


_ASSIGN: Final = """
INSERT INTO seat (tenant_id, member_id, assigned_at)
SELECT b.tenant_id, m.id, $3::timestamptz + make_interval(secs => m.turn / 1e6)
FROM billing_account b, unnest($2::uuid[]) WITH ORDINALITY AS m (id, turn) WHERE b.tenant_id = $1
ON CONFLICT (tenant_id, member_id) DO NOTHING RETURNING 1
"""
