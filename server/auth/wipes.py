"""Wiping a device: ordered by who looks after it, done by the device itself, which says so with a receipt.

Within the tenant's transaction. Nothing here replicates. An order stands in the ledger as well, once it is committed: a
database that is restored from a backup forgets it, and the phone may be in a thief's hands.
"""

import json
import logging
from collections.abc import Iterable
from typing import Any, Literal
from uuid import UUID

from server import clock
from server.auth import credentials
from server.auth.devices import get_device_to_end
from server.auth.tables import Device
from server.auth.tokens import TokenInvalid
from server.db import after_commit, connection, current_tenant
from server.errors import AppError
from server.storage import ledger

log = logging.getLogger(__name__)


class WipeOrdered(AppError):
    """The device is to hand in what it has, erase everything, and send the receipt; with `now`, to erase at once."""

    status = 403
    code = "wipe_ordered"

    def __init__(self, *, now: bool) -> None:
        when = "at once, without handing in" if now else "once its work is handed in"
        super().__init__(f"This device is to be wiped: its data are erased {when}.", now=now)


async def order_wipe(device_id: UUID, *, now: bool, by: UUID, role: str) -> Device:
    """Have a device wiped at its next contact; again is the same, and may turn it into `now`.

    Args:
        now: without handing in first. What it has not sent is lost, and it is the one act that loses work.

    Raises:
        NotFound, Forbidden: as for revoking.
    """
    device = await get_device_to_end(device_id, by=by, role=role)
    await connection().execute(
        "UPDATE device SET wipe_ordered_at = coalesce(wipe_ordered_at, $2), wipe_ordered_by = $3,"
        " wipe_now = wipe_now OR $4 WHERE id = $1 AND wiped_at IS NULL",
        device_id, clock.now(), by, now,
    )  # fmt: skip
    if device.wiped_at is None:
        remember("now" if now or device.wipe_now else "after_hand_in", [device_id])
    log.warning("Device %s is to be wiped%s, ordered by %s", device_id, " at once" if now else "", by)
    return await get_device_to_end(device.id, by=by, role=role)


async def order_wipes_of(member_id: UUID) -> None:
    """Have all devices of somebody who left wiped, after they handed in what they hold."""
    ordered = await connection().fetch(
        "UPDATE device SET wipe_ordered_at = $2 WHERE member_id = $1 AND wipe_ordered_at IS NULL AND wiped_at IS NULL"
        " RETURNING id",
        member_id,
        clock.now(),
    )
    remember("after_hand_in", [row["id"] for row in ordered])


async def cancel_wipes_of(member_id: UUID) -> None:
    """They are back: what was not wiped yet is not wiped."""
    cancelled = await connection().fetch(
        "UPDATE device SET wipe_ordered_at = NULL, wipe_now = false"
        " WHERE member_id = $1 AND wipe_ordered_at IS NOT NULL AND wiped_at IS NULL RETURNING id",
        member_id,
    )
    remember("cancelled", [row["id"] for row in cancelled])


async def count_waiting(devices: Iterable[Device]) -> dict[UUID, int]:
    """By id, how many changes of devices that are to be wiped wait for others' rows since a restore (parked).

    The server has no content of such a change, so the device waits with them; unless it is revoked, and hands them in
    to quarantine.
    """
    ordered = [
        device.id
        for device in devices
        if device.wipe_ordered_at is not None and device.wiped_at is None and device.revoked_at is None
    ]
    if not ordered:
        return {}
    found = await connection().fetch(
        "SELECT o.device_id, count(*) FROM mutation_outcome o"
        " JOIN device d ON (d.id, d.incarnation) = (o.device_id, o.incarnation) JOIN member m ON m.id = d.member_id"
        " WHERE o.device_id = ANY ($1::uuid[]) AND NOT d.wipe_now AND m.active AND m.deleted_at IS NULL"
        " AND o.outcome ->> 'status' = 'parked' GROUP BY 1",
        ordered,
    )
    return {row["device_id"]: row["count"] for row in found}


def advise(waiting: int, how_to_revoke: str) -> str:
    """What somebody can do who does not want to wait with a wipe, in words."""
    return (
        f"{waiting} of its changes wait at this restored server for what other devices hand in again, and the wipe"
        " waits with them, until 14 days after the restore at most. To have it wiped at its next contact, revoke it as"
        f" well ({how_to_revoke}): first they go into quarantine, where you release them, and they are taken when the"
        " rest has come."
    )


Remembered = Literal["after_hand_in", "now", "cancelled", "wiped"]


def remember(what: Remembered, device_ids: Iterable[UUID]) -> None:
    """Note in the ledger how devices stand, once the transaction has committed."""
    tenant_id, entries = current_tenant().id, [f"{device_id} {what}" for device_id in device_ids]

    def note() -> None:
        for entry in entries:
            ledger.note("wipe", tenant_id, entry)

    if entries:
        after_commit(note)


def remember_of(device: Device) -> Device:
    """Note the order that a device was made with, as the next life of one that is to be wiped. The device."""
    if device.wipe_ordered_at is not None:
        remember("now" if device.wipe_now else "after_hand_in", [device.id])
    return device


def find_remembered(device_id: UUID) -> str | None:
    """How a device stands by the ledger, which may know of orders that a restored database does not."""
    return ledger.latest("wipe", current_tenant().id).get(str(device_id))


async def record_receipt(device_id: UUID, proof: str, erased: dict[str, Any]) -> None:
    """Keep a device's receipt that it has erased everything; from then on it is revoked for good. Again is the same.

    Raises:
        TokenInvalid: there is no such device, or the proof is not its.
    """
    device = await connection().fetchrow("SELECT secret_hash FROM device WHERE id = $1 FOR UPDATE", device_id)
    if device is None or not credentials.proves(proof, wiped_text(device_id), device["secret_hash"]):
        raise TokenInvalid
    await connection().execute(
        "UPDATE device SET wiped_at = coalesce(wiped_at, $2), revoked_at = coalesce(revoked_at, $2),"
        " wipe_receipt = coalesce(wipe_receipt, $3) WHERE id = $1",
        device_id, clock.now(), json.dumps(erased),
    )  # fmt: skip
    remember("wiped", [device_id])


def wiped_text(device_id: UUID) -> str:
    """What the proof of a receipt is of."""
    return f"wiped/{device_id}"
