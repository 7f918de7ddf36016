"""A replica's further lives: what a copied, restored or repaired replica goes on as (docs/sync-protocol.md 2.7).

Each incarnation is a device of its own, with an id, a refresh token, numbers and a number prefix that no other has. It
takes over the chain of digests at a point that its replica names, so its outbox travels as it is; what an earlier
incarnation handed in already is recognised by its digest when it is pushed (`server.sync.lineage`).

All of it belongs in the tenant's transaction. Nothing here replicates, so no revision is taken.
"""

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import asyncpg
from outrider_sdk.protocol.digest import GENESIS_DIGEST

from server import clock
from server.auth import credentials
from server.auth.devices import DeviceRevoked, create_device, get_device
from server.auth.tables import Device
from server.auth.wipes import find_remembered, remember_of
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
        if await _is_adopted(heritage, by):
            return await get_device(by)
        past = await _lock_what_is_left(heritage, by)
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
    order = _order_to_wipe((asking, past))
    return await _inherit(past, heritage, cause=cause, name=past["name"], secret_hash=past["secret_hash"], order=order)


async def enrol_again(heritage: Heritage, member_id: UUID, name: str, secret_hash: bytes) -> Device:
    """Enrol a replica that was a device of the same member before, by a code that was redeemed just now.

    A server that was restored may not know who it was, and still know a device that it was before: by the digests,
    which nobody has but who has that past. Where nothing is in common, it hands in all that it holds.
    """
    made = await _lock_made_before(heritage)
    if made is not None and (made["member_id"], made["secret_hash"]) == (member_id, secret_hash):
        if made["revoked_at"] is not None:
            raise DeviceRevoked
        return await get_device(made["id"])  # whose reply was lost
    if made is not None:  # with another secret, or a code of somebody else's, it is nobody's
        await connection().execute("UPDATE device SET incarnation_key = NULL WHERE id = $1", made["id"])
    past = await _lock_past(heritage) or await _lock_ancestor(heritage, member_id)
    lives = [life for life in (made, past) if life is not None]
    if any(life["wiped_at"] is not None for life in lives):
        raise DeviceRevoked  # a copy of a file that was to be erased does not come back by a code
    order = _order_to_wipe(life for life in lives if life["member_id"] == member_id)
    order = order or await _order_remembered(heritage)
    if past is None or past["member_id"] != member_id:
        return remember_of(
            await create_device(
                member_id,
                name,
                secret_hash,
                after=heritage.points[-1],
                cause="enrolled_again",
                incarnation_key=heritage.key if past is None else None,
                **order,
            )
        )
    return await _inherit(past, heritage, cause="enrolled_again", name=name, secret_hash=secret_hash, order=order)


async def _is_adopted(heritage: Heritage, by: UUID) -> bool:
    """Whether the asking device is the one that the request got when it was enrolled again, and it only forgot."""
    secret_hash = await connection().fetchval(
        "SELECT secret_hash FROM device WHERE incarnation_key = $1 AND id = $2 AND revoked_at IS NULL", heritage.key, by
    )
    return secret_hash is not None and credentials.proves(heritage.proof, str(heritage.key), secret_hash)


async def _lock_made_before(heritage: Heritage) -> asyncpg.Record | None:
    """What the same request got before: an order to wipe it stands, though its reply may never have arrived."""
    return await connection().fetchrow("SELECT * FROM device WHERE incarnation_key = $1 FOR UPDATE", heritage.key)


def _order_to_wipe(lives: Iterable[asyncpg.Record]) -> dict[str, Any]:
    """The columns of an order that stands on any of the lives, and now if it is so on one. Pure."""
    ordered = [life for life in lives if life["wipe_ordered_at"] is not None]
    if not ordered:
        return {}
    strictest = max(ordered, key=lambda life: life["wipe_now"])
    return {name: strictest[name] for name in ("wipe_ordered_at", "wipe_ordered_by", "wipe_now")}


async def _order_remembered(heritage: Heritage) -> dict[str, Any]:
    """The same of a device that a restored server has lost together with the order.

    Raises:
        DeviceRevoked: it was wiped since the backup.
    """
    what = find_remembered(heritage.device_id)
    if what not in ("wiped", "now", "after_hand_in"):
        return {}
    if await connection().fetchrow(_PAST, heritage.device_id) is not None:
        return {}  # what is known of it counts
    if what == "wiped":
        raise DeviceRevoked
    return {"wipe_ordered_at": clock.now(), "wipe_now": what == "now"}


_PAST: Final = "SELECT *, coalesce(origin_id, id) AS origin FROM device WHERE id = $1"


async def _lock_past(heritage: Heritage) -> asyncpg.Record | None:
    """The device that the replica was, if it has its secret; two of its copies wait for each other at its origin."""
    past = await connection().fetchrow(_PAST, heritage.device_id)
    return await _lock_heir_of(past, heritage)


async def _lock_what_is_left(heritage: Heritage, by: UUID) -> asyncpg.Record | None:
    """What a restored server, which has lost the device that the replica was, has of its past: at least who asks.

    The replica's file is newer than its credentials: all its lives share a secret, and who asks has it.
    """
    if await connection().fetchrow(_PAST, heritage.device_id) is not None:
        return None
    asking = await _lock_heir_of(await connection().fetchrow(_PAST, by), heritage)
    if asking is None:
        return None
    ancestor = await _lock_ancestor(heritage, asking["member_id"])
    return ancestor if ancestor is not None and ancestor["origin"] == asking["origin"] else asking


async def _lock_heir_of(past: asyncpg.Record | None, heritage: Heritage) -> asyncpg.Record | None:
    if past is None or not credentials.proves(heritage.proof, str(heritage.key), past["secret_hash"]):
        return None
    await connection().execute("SELECT FROM device WHERE id = $1 FOR UPDATE", past["origin"])
    return past


# By the newest point that a device of the member has handed in. (Behind lost history, digests begin anew for all.)
_ANCESTOR: Final = """
SELECT d.*, coalesce(d.origin_id, d.id) AS origin
FROM device d CROSS JOIN unnest($2::bigint[], $3::text[]) AS p (number, digest)
WHERE d.member_id = $1 AND p.digest <> $4 AND ((d.last_number, d.last_digest) = (p.number, p.digest) OR EXISTS (
    SELECT FROM mutation_outcome o
    WHERE o.device_id = d.id AND o.incarnation = d.incarnation AND o.number = p.number AND o.digest = p.digest))
ORDER BY p.number DESC, d.incarnation DESC LIMIT 1
"""


async def _lock_ancestor(heritage: Heritage, member_id: UUID) -> asyncpg.Record | None:
    """The device of the member with which a replica that nobody knows has the most of its past in common."""
    conn = connection()
    numbers, digests = [n for n, _ in heritage.points], [digest for _, digest in heritage.points]
    past = await conn.fetchrow(_ANCESTOR, member_id, numbers, digests, GENESIS_DIGEST)
    if past is not None:
        await conn.execute("SELECT FROM device WHERE id = $1 FOR UPDATE", past["origin"])
    return past


async def _inherit(
    past: asyncpg.Record,
    heritage: Heritage,
    *,
    cause: str,
    name: str,
    secret_hash: bytes,
    order: dict[str, Any],
) -> Device:
    """Make the next life of `past`, in which an order to wipe the device stands too."""
    conn, origin = connection(), past["origin"]
    kin = await conn.fetch("SELECT id, incarnation FROM device WHERE id = $1 OR origin_id = $1", origin)
    if len(kin) >= INCARNATIONS_MAX:
        raise IncarnationsExhausted
    (number, digest), sharers = await _common_point(
        past, [r["id"] for r in kin], heritage.points, is_own=past["id"] == heritage.device_id
    )
    lost_from, lost_to = heritage.lost or (None, None)
    log.warning("Device %s goes on from change no. %d in another incarnation: %s", past["id"], number, cause)
    device = await create_device(
        past["member_id"],
        name,
        secret_hash,
        after=(number, digest),
        enrolled_at=past["enrolled_at"],
        origin_id=origin,
        incarnation=max(r["incarnation"] for r in kin) + 1,
        cause=cause,
        earlier=json.dumps(
            dict.fromkeys(map(str, sharers), number) | earlier_of(str(past["id"]), json.loads(past["earlier"]), number)
        ),
        lost_from=lost_from,
        lost_to=lost_to,
        incarnation_key=heritage.key,
        **order,
    )
    return remember_of(device)


def earlier_of(past_id: str, earlier: dict[str, int], number: int) -> dict[str, int]:
    """What a replica has in common with each device that it was, once it parts from the last at a number. Pure."""
    return {past_id: number} | {device_id: min(through, number) for device_id, through in earlier.items()}


async def _common_point(
    past: asyncpg.Record, kin: list[UUID], points: list[tuple[int, str]], *, is_own: bool
) -> tuple[tuple[int, str], list[UUID]]:
    """The newest point that this server knows, and by which incarnations; without any, the oldest.

    What follows it is handed in again.

    Args:
        is_own: the points are of this very past, and not of one that it has in part.
    """
    found = await connection().fetch(
        "SELECT device_id, number, digest FROM mutation_outcome"
        " WHERE device_id = ANY ($1) AND number = ANY ($2::bigint[])"
        " UNION SELECT id, last_number, last_digest FROM device WHERE id = ANY ($1)",
        kin,
        [number for number, _ in points],
    )
    waits = await connection().fetchval(
        "SELECT min(number) FROM mutation_outcome WHERE device_id = ANY ($1) AND outcome ->> 'status' = 'parked'", kin
    )
    if waits is not None:  # it is decided when it comes again, and nobody else may ever send it
        points = [point for point in points if point[0] < waits] or points[-1:]
    known: dict[tuple[int, str], list[UUID]] = {}
    for device_id, number, digest in found:
        known.setdefault((number, digest), []).append(device_id)
    taken = {number for device_id, number, _ in found if device_id == past["id"]}
    newest, _ = points[0]
    if is_own and newest <= past["last_number"] and newest not in taken:
        return points[0], []  # it had answers so far; that its digests are known no more only means it is long ago
    shared = next((point for point in points if point in known or point[0] == 0), points[-1])
    return shared, known.get(shared, [])
