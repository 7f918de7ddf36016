"""Devices of members: one-time codes, enrolment, refresh tokens, revocation (docs/sync-protocol.md §2).

All of it belongs in the tenant's transaction. Nothing here replicates, so no revision is taken.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from outrider_sdk.protocol.digest import GENESIS_DIGEST
from outrider_sdk.protocol.ids import uuid7

from server import clock
from server.auth import credentials, limits
from server.auth.roles import MANAGERS, may_manage
from server.auth.service import find_base, find_standing, get_member
from server.auth.tables import Device, DeviceCode, Member
from server.auth.tokens import TokenInvalid
from server.db import connection
from server.errors import Conflict, Forbidden, NotFound, Unauthorized
from server.tenants.entitlements import EntitledTenant

CODE_TTL: Final = timedelta(minutes=15)
CODE_KEPT: Final = timedelta(days=1)
PREFIX_TRIES_MAX: Final = 20
DEVICES_LISTED_MAX: Final = 5_000

RETURN_DAYS: Final = 14
"""For so long after a restore devices that it lost come back: as long as their work is waited for."""

log = logging.getLogger(__name__)


class CodeInvalid(Forbidden):
    """The code for enrolment is unknown, used or expired: always in the same words."""

    code = "code_invalid"

    def __init__(self) -> None:
        super().__init__("This code is not valid. Ask for a new one: a code works once, within 15 minutes.")


class DeviceRevoked(Unauthorized):
    """The device, or its member, is no longer trusted."""

    code = "device_revoked"

    def __init__(self, *, wipe: str | None = None) -> None:
        extra = {} if wipe is None else {"wipe": wipe}
        super().__init__(
            "This device may no longer sync. Ask your administrator for a new code to enrol it again.", **extra
        )


class DeviceUnknown(Unauthorized):
    """The device's token is genuine, and nobody knows the device: the server was restored from an earlier backup."""

    code = "device_unknown"

    def __init__(self) -> None:
        super().__init__(
            "This server was restored from a backup, and does not know this device. What it holds is kept."
        )


class PrefixesExhausted(Conflict):
    """No free prefix for document numbers was found; a tenant has about a million."""

    code = "prefixes_exhausted"

    def __init__(self) -> None:
        super().__init__("No number prefix is free for another device. Tell your administrator.")


@dataclass(frozen=True, slots=True)
class DrawnCode:
    """A one-time code, as it is shown this once."""

    code: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A device just enrolled, and its member's role."""

    device: Device
    role: str


@dataclass(frozen=True, slots=True)
class Renewal:
    """The successor of a refresh token, and whom the device's access token is for."""

    refresh_token: str
    member_id: UUID
    role: str


async def draw_code(member_id: UUID, *, by: UUID, role: str) -> DrawnCode:
    """Draw a one-time code by which a device is enrolled for the member.

    Args:
        by: the member who draws it; themself, or one whose `role` may act for the member.

    Raises:
        NotFound: there is no such active member.
        Forbidden: the role does not reach so far, or the member's own has nothing that a device could hold.
    """
    member = await get_member(member_id)
    if member_id != by and not may_manage(role, await find_base(member.role)):
        raise Forbidden("You may not enrol a device for this person. Ask an administrator.")
    standing = await find_standing(member_id, None)
    if standing is None or not standing.access.reads_anything:
        raise Forbidden("Their role has no customers, products or orders: there is nothing to take along on a device.")
    drawn = DrawnCode(credentials.new_code(), clock.now() + CODE_TTL)
    await DeviceCode.delete().where(DeviceCode.expires_at < clock.now() - CODE_KEPT)
    await DeviceCode.insert(
        DeviceCode(
            code_hash=credentials.hash_code(drawn.code),
            member_id=member_id,
            created_by=by,
            expires_at=drawn.expires_at,
        )
    )
    return drawn


Begin = Callable[[UUID, str, bytes], Awaitable[Device]]
"""Makes a device of a member, with a name and the hash of its secret."""


async def enrol(*, code: str, name: str, secret: str, begin: Begin | None = None) -> Enrolment:
    """Make a device of the member for whom the code was drawn. The code is thereby used.

    Args:
        begin: makes the device, where it is no new one (`server.auth.incarnations`).

    Raises:
        CodeInvalid: the code is unknown, used or expired, or its member inactive.
        InvalidInput: the secret is not 256 bits.
    """
    secret_hash = credentials.hash_secret(secret)
    member_id = await _redeem_code(code)
    try:
        member = await get_member(member_id)
    except NotFound:
        raise CodeInvalid from None
    return Enrolment(await (begin or create_device)(member_id, name, secret_hash), member.role)


async def _redeem_code(code: str) -> UUID:
    """Use up the code, in one statement: of any number who try it at once, one succeeds."""
    member_id: UUID | None = await connection().fetchval(
        "UPDATE device_code SET used_at = $2 WHERE code_hash = $1 AND used_at IS NULL AND expires_at > $2"
        " RETURNING member_id",
        credentials.hash_code(code),
        clock.now(),
    )
    if member_id is None:
        raise CodeInvalid
    return member_id


async def create_device(
    member_id: UUID, name: str, secret_hash: bytes, *, after: tuple[int, str] = (0, GENESIS_DIGEST), **more: Any
) -> Device:
    """Make a device, with a number prefix that no other has.

    Args:
        after: number and digest of the mutation that its first one follows.
        more: further columns; their names are the caller's own.

    Raises:
        PrefixesExhausted: no prefix is free.
    """
    number, digest = after
    columns = {
        "id": uuid7(), "member_id": member_id, "name": name, "secret_hash": secret_hash, "enrolled_at": clock.now(),
        "begun_at": clock.now(), "begun_after": number, "last_number": number, "last_digest": digest,
        "acked_through": number, **more,
    }  # fmt: skip
    marks = ", ".join(f"${i}" for i in range(1, len(columns) + 2))
    sql = (
        f"INSERT INTO device ({', '.join(columns)}, number_prefix) VALUES ({marks})"  # noqa: S608 - columns of our own
        " ON CONFLICT (number_prefix) DO NOTHING RETURNING true"
    )
    for _ in range(PREFIX_TRIES_MAX):
        if await connection().fetchval(sql, *columns.values(), credentials.new_number_prefix()):
            return await get_device(columns["id"])
    raise PrefixesExhausted


async def require_room(device: Device, tenant: EntitledTenant) -> None:
    """Let a new device that was just made stay, as far as the tenant's plan has room.

    Raises:
        SeatMissing: its member has no seat.
        GrowthPaused, LimitReached: no device may join, or the member has as many as each may.
    """
    now = tenant.entitlement
    if not tenant.steps:
        return
    if not tenant.seats.seats(device.member_id, now.seats_max):
        raise limits.SeatMissing(now, _STRANGER)
    used = await connection().fetchval(
        "SELECT count(DISTINCT coalesce(origin_id, id)) FROM device WHERE member_id = $1 AND revoked_at IS NULL",
        device.member_id,
    )
    limits.require_room_for_device(now, used - 1, _STRANGER)


_STRANGER: Final = "rep"
"""Who enrols a device has logged in nowhere: they are told whom to ask."""


async def get_device(device_id: UUID) -> Device:
    """The device.

    Raises:
        NotFound: there is none.
    """
    device = await Device.objects().get(Device.id == device_id)
    if device is None:
        raise NotFound
    return device


async def refresh(device_id: UUID, refresh_token: str, proof: str, *, secret_key: bytes) -> Renewal | None:
    """Replace a refresh token by its successor; a repeated one, with proof, gets the same successor again.

    Args:
        proof: see `credentials.prove`.
        secret_key: the installation's (`config.secret_key`).

    Returns:
        None where this call has revoked the device. It is no exception, because the revocation must be committed:
        commit, then raise `DeviceRevoked`.

    Raises:
        TokenInvalid: the token is not of our making, or not this device's. That says nothing about the device.
        DeviceUnknown: the token is of our making, and a restore has lost the device.
        DeviceRevoked: the device was revoked before, or its member is inactive.
    """
    token = credentials.read_refresh_token(refresh_token, secret_key)
    if token is None or token.device_id != device_id:
        raise TokenInvalid
    device = await _lock_device(device_id)
    if device is None:
        raise DeviceUnknown if await is_healing() else TokenInvalid
    proven = credentials.proves(proof, refresh_token, device.secret_hash)
    if device.revoked_at is not None:
        raise DeviceRevoked(wipe=_wipe_of(device) if proven else None)
    verdict = credentials.judge_refresh(token.generation, device.refresh_generation, proven=proven)
    if verdict == "revoke":
        log.warning(
            "Device %s revoked: generation %d of %d, proven %s",
            device_id, token.generation, device.refresh_generation, proven,
        )  # fmt: skip
        await _revoke(device_id)
        return None
    return await _renew(device, token.generation + 1, secret_key)


def _wipe_of(device: Device) -> str | None:
    """What a device that may no longer sync still has to do."""
    if device.wipe_ordered_at is None or device.wiped_at is not None:
        return None
    return "now" if device.wipe_now else "after_hand_in"


async def is_healing() -> bool:
    """Whether the tenant was restored a short while ago, and may have lost devices that are honest."""
    return bool(
        await connection().fetchval(
            "SELECT coalesce(epoch_began_at > now() - make_interval(days => $1), false) FROM revision_counter",
            RETURN_DAYS,
        )
    )


async def _lock_device(device_id: UUID) -> Device | None:
    return await Device.objects().where(Device.id == device_id).lock_rows("UPDATE").first()


async def _renew(device: Device, generation: int, secret_key: bytes) -> Renewal:
    try:
        member = await get_member(device.member_id)
    except NotFound:
        raise DeviceRevoked(wipe=_wipe_of(device)) from None
    await Device.update({Device.refresh_generation: generation, Device.last_seen_at: clock.now()}).where(
        Device.id == device.id
    )
    token = credentials.derive_refresh_token(device.id, generation, secret_key)
    return Renewal(token, member.id, member.role)


async def _revoke(device_id: UUID) -> None:
    await Device.update({Device.revoked_at: clock.now()}).where((Device.id == device_id) & Device.revoked_at.is_null())


async def list_devices(*, by: UUID, role: str) -> list[Device]:
    """The devices in sight, newest first: one's own, or, for those who look after others', the tenant's."""
    devices = Device.objects().order_by(Device.enrolled_at, ascending=False).limit(DEVICES_LISTED_MAX)
    if role not in MANAGERS:
        devices = devices.where(Device.member_id == by)
    return await devices


async def revoke_device(device_id: UUID, *, by: UUID, role: str) -> None:
    """End a device's trust; again is the same.

    Raises:
        NotFound: there is no such device in sight.
        Forbidden: it belongs to somebody for whom the role may not act.
    """
    await get_device_to_end(device_id, by=by, role=role)
    await _revoke(device_id)


async def get_device_to_end(device_id: UUID, *, by: UUID, role: str) -> Device:
    """The device, which somebody is about to revoke or to have wiped.

    Raises:
        NotFound: there is no such device in sight.
        Forbidden: it belongs to somebody for whom the role may not act.
    """
    device = await get_device(device_id)
    if device.member_id != by:
        if role not in MANAGERS:
            raise NotFound
        owner = await Member.objects().get(Member.id == device.member_id)
        if owner is not None and not may_manage(role, await find_base(owner.role)):
            raise Forbidden("You may not revoke this person's device. Ask an administrator.")
    return device
