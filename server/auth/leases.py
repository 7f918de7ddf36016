"""Leases: until when a device may work without contact, signed so that it can check that offline (ADR 0025)."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from msgspec import Struct

from server import clock
from server.auth.lease_claims import claims_of
from server.auth.tokens import keys
from server.db import connection
from server.tenants.entitlements import EntitledTenant

LEASE_DAYS: Final = 30
"""How long a device may work without contact, unless the tenant's setting `lease_days` says otherwise."""
LEASE_TYPE: Final = "lease+jwt"
"""What tells a lease from an access token, which the same keys sign (RFC 8725, 3.11)."""


class LeaseView(Struct, frozen=True):
    """A lease as it travels: a JWS, and the raw Ed25519 key that verifies it, base64url."""

    token: str
    key: str


@dataclass(frozen=True, slots=True)
class Lease:
    """What a device is granted."""

    device_id: UUID
    granted_at: datetime
    until: datetime
    """Its end without contact."""
    member_id: UUID
    key_mark: str
    """Of its secret, by which a restored server tells it (`server.auth.returning`)."""


async def grant_lease(device_id: UUID) -> Lease:
    """Give the device a lease from now on, and note for how long it had none. Within the tenant's transaction."""
    row = await connection().fetchrow(_GRANT, device_id, clock.now(), LEASE_DAYS)
    assert row is not None
    return Lease(device_id, clock.now(), row["lease_until"], row["member_id"], mark_of(row["secret_hash"]))


def mark_of(secret_hash: bytes) -> str:
    """What a lease says of a device's secret: enough to tell it by, and nothing to prove it with."""
    return hashlib.sha256(b"outrider lease" + secret_hash).hexdigest()


_GRANT: Final = """
UPDATE device SET
    lapsed_from = CASE WHEN lease_until < $2 THEN lease_until ELSE lapsed_from END,
    lapsed_to = CASE WHEN lease_until < $2 THEN $2 ELSE lapsed_to END,
    lease_until = $2 + make_interval(days => coalesce(
        (SELECT (value #>> '{}')::integer FROM setting WHERE key = 'lease_days'), $3))
WHERE id = $1 RETURNING lease_until, member_id, secret_hash
"""


async def sign_lease(tenant: EntitledTenant, lease: Lease) -> LeaseView:
    """The lease as the device keeps it: for how long, and how the tenant's plan stands. Outside any transaction."""
    claims: dict[str, Any] = {"tid": str(tenant.ref.id), "did": str(lease.device_id)}
    claims |= {"sub": str(lease.member_id), "key_mark": lease.key_mark}
    claims |= claims_of(lease.until, lease.granted_at, tenant.steps)
    token, key = await keys.sign(claims, kind=LEASE_TYPE)
    return LeaseView(token, key)
