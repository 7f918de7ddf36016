"""A device that a restored server does not know is let in again by its last lease, in place of a code (ADR 0031).

The lease is the server's own word, from before: whose the device is, and by which secret it is told. It counts only
while a restore heals, for a device that nobody knows, and not against the ledger, which no restore forgets.

All of it belongs in the tenant's transaction.
"""

import hmac
import logging
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from server import clock
from server.auth.credentials import hash_secret
from server.auth.devices import DeviceRevoked, Enrolment, is_healing
from server.auth.incarnations import Heritage, enrol_again
from server.auth.leases import LEASE_TYPE, mark_of
from server.auth.service import get_member
from server.auth.tokens import TokenInvalid, keys
from server.db import connection
from server.errors import Forbidden, NotFound
from server.storage import ledger

log = logging.getLogger(__name__)


class LeaseInvalid(Forbidden):
    """A device cannot be let in by its lease: always in the same words."""

    code = "lease_invalid"

    def __init__(self) -> None:
        super().__init__("This device is not let in again by its lease. What it holds is kept; ask for a new code.")


@dataclass(frozen=True, slots=True)
class Said:
    """What a genuine lease says of whom it was given to."""

    tenant_id: UUID
    device_id: UUID
    member_id: UUID
    key_mark: str


async def read_lease(token: str) -> Said:
    """Verify a lease. Outside any transaction.

    Raises:
        LeaseInvalid: it is not of this server's present keys, has ended, or says too little.
    """
    try:
        claims = await keys.open(token, kind=LEASE_TYPE)
        until = int(claims.get("contact_exp", claims["exp"]))
        said = Said(UUID(claims["tid"]), UUID(claims["did"]), UUID(claims["sub"]), str(claims["key_mark"]))
    except (TokenInvalid, KeyError, ValueError, TypeError, AttributeError, ArithmeticError):
        raise LeaseInvalid from None
    if until <= clock.now().timestamp():
        raise LeaseInvalid
    return said


async def enrol_by_lease(said: Said, heritage: Heritage, tenant_id: UUID, name: str, secret: str) -> Enrolment:
    """Make a device again of one that this server has lost.

    Args:
        secret: that of the device as it was, which it keeps.

    Raises:
        LeaseInvalid: nothing was restored lately, the device is known, or the lease is another's.
        DeviceRevoked: it was revoked, or came back before.
    """
    secret_hash = hash_secret(secret)
    is_its_own = hmac.compare_digest(mark_of(secret_hash), said.key_mark)
    if (said.tenant_id, said.device_id) != (tenant_id, heritage.device_id) or not is_its_own:
        raise LeaseInvalid
    if _is_over(said, heritage, tenant_id):
        raise DeviceRevoked
    if not await is_healing() or await connection().fetchval(_IS_KNOWN, said.device_id):
        raise LeaseInvalid
    try:
        member = await get_member(said.member_id)
    except NotFound:
        raise LeaseInvalid from None
    log.warning("Device %s is let in again by its lease: it was enrolled after the backup", said.device_id)
    return Enrolment(await enrol_again(heritage, member.id, name, secret_hash), member.role)


_IS_KNOWN: Final = "SELECT EXISTS (SELECT FROM device WHERE id = $1)"


def _is_over(said: Said, heritage: Heritage, tenant_id: UUID) -> bool:
    """Whether the device was revoked, or goes on as another one by now: a lease opens one door, once."""
    if ledger.has("revoked", tenant_id, str(said.device_id)):
        return True
    returned = [entry.split(" ") for entry in ledger.entries("returned", tenant_id)]
    return any(device == str(said.device_id) and key != str(heritage.key) for device, key in returned)


def note_return(said: Said, heritage: Heritage, tenant_id: UUID) -> None:
    """Remember, whatever is restored, that the device has come back; the same request again is the same."""
    ledger.note("returned", tenant_id, f"{said.device_id} {heritage.key}")
