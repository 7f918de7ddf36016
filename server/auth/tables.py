"""Who may log in (platform schema), and the tenant's members and devices.

Which schema is meant is a matter of the open transaction: Identity and Membership need `platform_transaction`, the
others a tenant's.
"""

from piccolo.columns import UUID, BigInt, Boolean, Bytea, Integer, Text, Timestamptz
from piccolo.table import Table

from server.db import SyncedTable, engine


class Identity(Table, db=engine):
    """One person, however many tenants; `email` is lower case."""

    id = UUID(primary_key=True)
    email = Text(unique=True)
    password_hash = Text(secret=True)
    created_at = Timestamptz()


class Membership(Table, db=engine):
    """Which member of which tenant an identity is. Its key is (tenant_id, identity_id)."""

    tenant_id = UUID(primary_key=True)
    identity_id = UUID()
    member_id = UUID()


class Member(SyncedTable, db=engine):
    """A person as one tenant knows them; devices get name, role and active, and nothing else."""

    name = Text()
    role = Text()
    active = Boolean(default=True)
    identity_id = UUID(null=True, default=None)
    email = Text(null=True, default=None)


class Device(Table, db=engine):
    """A member's enrolled device: what proves it. How far its mutations were applied is the sync's matter."""

    id = UUID(primary_key=True)
    member_id = UUID()
    name = Text()
    secret_hash = Bytea(secret=True)
    """SHA-256 of the device's secret; also the key of its proofs."""
    refresh_generation = Integer(default=1)
    """Generation of the newest refresh token given out."""
    incarnation = Integer(default=1)
    number_prefix = Text(unique=True)
    enrolled_at = Timestamptz()
    last_seen_at = Timestamptz(null=True, default=None)
    revoked_at = Timestamptz(null=True, default=None)
    origin_id = UUID(null=True, default=None)
    """Of a later incarnation: the device that was enrolled by the first code."""
    cause = Text(default="enrolled")
    begun_at = Timestamptz()
    begun_after = BigInt(default=0)
    """The number of the last mutation that this incarnation has in common with the one before."""
    lost_from = BigInt(null=True, default=None)
    lost_to = BigInt(null=True, default=None)
    lease_until = Timestamptz(null=True, default=None)
    wipe_ordered_at = Timestamptz(null=True, default=None)
    wipe_now = Boolean(default=False)
    wiped_at = Timestamptz(null=True, default=None)
    past_lease = BigInt(default=0)
    """How many of its mutations were captured past a lease."""


class DeviceCode(Table, db=engine):
    """A one-time code for enrolment, known by its hash alone."""

    code_hash = Bytea(primary_key=True)
    member_id = UUID()
    created_by = UUID(null=True, default=None)
    expires_at = Timestamptz()
    used_at = Timestamptz(null=True, default=None)
