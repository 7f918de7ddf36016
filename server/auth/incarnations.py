"""A replica's further lives: what a copied, restored or repaired replica goes on as (docs/sync-protocol.md 2.7).

Each incarnation is a device of its own, with an id, a refresh token, numbers and a number prefix that no other has. It
takes over the chain of digests at a point that its replica names, so its outbox travels as it is; what an earlier
incarnation handed in already is recognised by its digest when it is pushed (`server.sync.lineage`).

All of it belongs in the tenant's transaction. Nothing here replicates, so no revision is taken.
"""

import json
import logging
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import asyncpg

from server.auth import credentials
from server.auth.devices import DeviceRevoked, create_device, get_device
from server.auth.tables import Device
from server.db import connection
from server.errors import Conflict, Forbidden

INCARNATIONS_MAX: Final = 100

log = logging.getLogger(__name__)


class ProofInvalid(Forbidden):
    """Whoever asks does not have the secret of the device that the replica was."""

    code = "proof_invalid"

    def __init__(self) -> None:
        super().__init__("The proof was not made with the device's secret. Enrol this device again with a new code.")


class IncarnationsExhausted(Conflict):
    """A device begins anew again and again: something restores it each time."""

    code = "incarnations_exhausted"

    def __init__(self) -> None:
        super().__init__(
            f"This device has begun anew {INCARNATIONS_MAX} times. Find out what restores it, and enrol it again."
        )


@dataclass(frozen=True, slots=True)
class Heritage:
    """What a replica brings along: who it was, and points of its chain that it may go on from, newest first."""

    device_id: UUID
    key: UUID
    """Of the replica's making: the same request again gets the same answer."""
    proof: str
    points: list[tuple[int, str]]
    lost: tuple[int, int | None] | None = None


async def begin_incarnation(heritage: Heritage, *, by: UUID) -> Device:
    """Make the replica that was `heritage.device_id` a device of its own; again, with the same key, is the same.

    Args:
        by: the device whose token was shown: the one that the replica was, or another incarnation of it.

    Raises:
        ProofInvalid: the secret is another one's, or the devices are not of one origin.
        DeviceRevoked: it may no longer sync.
        IncarnationsExhausted: there were too many.
    """
    past = await _lock_past(heritage)
    if past is None:
        raise ProofInvalid
    if past["revoked_at"] is not None:
        raise DeviceRevoked
    asking = await connection().fetchrow(
        "SELECT coalesce(origin_id, id) AS origin, revoked_at, wipe_ordered_at, wipe_ordered_by, wipe_now"
        " FROM device WHERE id = $1",
        by,
    )
    if asking is None or asking["origin"] != past["origin"]:
        raise ProofInvalid
    if asking["revoked_at"] is not None:  # its token lives on for minutes, and its copies share its secret
        raise DeviceRevoked
    made = await connection().fetchval(
        "SELECT id FROM device WHERE incarnation_key = $1 AND origin_id = $2", heritage.key, past["origin"]
    )
    if made is not None:
        return await get_device(made)
    cause = "lost" if heritage.lost else "forked"
    ordered = asking if asking["wipe_ordered_at"] is not None else past
    return await _inherit(
        past, heritage, cause=cause, name=past["name"], secret_hash=past["secret_hash"], ordered=ordered
    )


async def enrol_again(heritage: Heritage, member_id: UUID, name: str, secret_hash: bytes) -> Device:
    """Enrol a replica that was a device of the same member before, by a code that was redeemed just now.

    Where this server does not know who it was (another member's device, or none since a restore), nothing is in common:
    the device hands in all that it holds.
    """
    past = await _lock_past(heritage)
    if past is not None and past["wiped_at"] is not None:
        raise DeviceRevoked  # a copy of a file that was to be erased does not come back by a code
    if past is None or past["member_id"] != member_id:
        return await create_device(member_id, name, secret_hash, after=heritage.points[-1])
    return await _inherit(past, heritage, cause="enrolled_again", name=name, secret_hash=secret_hash, ordered=past)


async def _lock_past(heritage: Heritage) -> asyncpg.Record | None:
    """The device that the replica was, if it has its secret; two of its copies wait for each other at its origin."""
    conn = connection()
    past = await conn.fetchrow(
        "SELECT *, coalesce(origin_id, id) AS origin FROM device WHERE id = $1", heritage.device_id
    )
    if past is None or not credentials.proves(heritage.proof, str(heritage.key), past["secret_hash"]):
        return None
    await conn.execute("SELECT FROM device WHERE id = $1 FOR UPDATE", past["origin"])
    return past


async def _inherit(
    past: asyncpg.Record,
    heritage: Heritage,
    *,
    cause: str,
    name: str,
    secret_hash: bytes,
    ordered: asyncpg.Record,
) -> Device:
    """Make the next life of `past`; an order to wipe the device, of whom `ordered` is, stands in it too."""
    conn, origin = connection(), past["origin"]
    kin = await conn.fetch("SELECT id, incarnation FROM device WHERE id = $1 OR origin_id = $1", origin)
    if len(kin) >= INCARNATIONS_MAX:
        raise IncarnationsExhausted
    number, digest = await _common_point(past, [r["id"] for r in kin], heritage.points)
    lost_from, lost_to = heritage.lost or (None, None)
    log.warning("Device %s goes on from change no. %d in another incarnation: %s", past["id"], number, cause)
    return await create_device(
        past["member_id"],
        name,
        secret_hash,
        after=(number, digest),
        enrolled_at=past["enrolled_at"],
        origin_id=origin,
        incarnation=max(r["incarnation"] for r in kin) + 1,
        cause=cause,
        earlier=json.dumps(earlier_of(str(past["id"]), json.loads(past["earlier"]), number)),
        lost_from=lost_from,
        lost_to=lost_to,
        incarnation_key=heritage.key,
        **{name: ordered[name] for name in ("wipe_ordered_at", "wipe_ordered_by", "wipe_now")},
    )


def earlier_of(past_id: str, earlier: dict[str, int], number: int) -> dict[str, int]:
    """What a replica has in common with each device that it was, once it parts from the last at a number. Pure."""
    return {past_id: number} | {device_id: min(through, number) for device_id, through in earlier.items()}


async def _common_point(past: asyncpg.Record, kin: list[UUID], points: list[tuple[int, str]]) -> tuple[int, str]:
    """The newest point that this server knows; without any, the oldest: what follows is handed in again."""
    known: set[Any] = set(
        map(tuple, await connection().fetch(
            "SELECT number, digest FROM mutation_outcome WHERE device_id = ANY ($1) AND number = ANY ($2::bigint[])"
            " UNION SELECT last_number, last_digest FROM device WHERE id = ANY ($1)",
            kin,
            [number for number, _ in points],
        ))
    )  # fmt: skip
    if points[0][0] <= past["last_number"]:
        return points[0]  # it had answers so far; that the digests are no longer known only means that it is long ago
    return next((point for point in points if point in known or point[0] == 0), points[-1])
