"""What the auth routes take and answer, as it stands on the wire."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct, field

from server.auth.commands import LoggedIn
from server.auth.credentials import REFRESH_TOKEN_LENGTH, SECRET_TEXT_LENGTH
from server.auth.leases import LeaseView
from server.auth.passwords import PASSWORD_LENGTH_MAX
from server.auth.service import EMAIL_LENGTH_MAX
from server.auth.tables import Device, Member
from server.auth.tokens import ACCESS_TOKEN_TTL_S, TOKEN_LENGTH_MAX
from server.auth.wipes import advise
from server.tenants.entitlements import EntitledTenant

_Email = Annotated[str, Meta(min_length=3, max_length=EMAIL_LENGTH_MAX, examples=["ann@acme.example"])]
_Password = Annotated[str, Meta(min_length=1, max_length=PASSWORD_LENGTH_MAX, examples=["correct horse battery"])]
_Code = Annotated[
    str, Meta(min_length=10, max_length=20, examples=["7KQ2M-9XWTB"], description="The one-time code, as shown.")
]
_DeviceName = Annotated[
    str, Meta(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]+$", examples=["Ann's phone"])
]
_Secret = Annotated[
    str,
    Meta(
        min_length=SECRET_TEXT_LENGTH,
        max_length=SECRET_TEXT_LENGTH,
        description="256 random bits of the device's making, base64url without padding.",
        examples=["3q2-7wABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhs"],
    ),
]
_RefreshToken = Annotated[
    str,
    Meta(min_length=1, max_length=2 * REFRESH_TOKEN_LENGTH, description="The newest refresh token the device has."),
]
_Proof = Annotated[
    str,
    Meta(max_length=64, description="Hex HMAC-SHA256 of the refresh token under SHA-256(secret bytes)."),
]


class LogInRequest(Struct, forbid_unknown_fields=True, frozen=True):
    """A person's e-mail and password."""

    email: _Email
    password: _Password


class LogInReply(Struct, frozen=True):
    """A token for the Authorization header, good for `expires_in` seconds."""

    access_token: str
    expires_in: int
    member_id: UUID
    role: str

    @classmethod
    def of(cls, person: LoggedIn, access_token: str) -> "LogInReply":
        """The reply to a log-in that succeeded."""
        return cls(access_token, ACCESS_TOKEN_TTL_S, person.member_id, person.role)


class Point(Struct, forbid_unknown_fields=True, frozen=True):
    """A mutation by which a replica knows its own past: its number and digest; number 0 is the beginning."""

    number: Annotated[int, Meta(ge=0, le=2**62)]
    digest: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class Lost(Struct, forbid_unknown_fields=True, frozen=True):
    """Mutations that are gone from the device; `to` is null where it does not know how many there were."""

    start: Annotated[int, Meta(ge=1, le=2**62)] = field(name="from")
    to: Annotated[int, Meta(ge=1, le=2**62)] | None = None


class Succession(Struct, forbid_unknown_fields=True, frozen=True):
    """What a replica goes on from under another device id (docs/sync-protocol.md 2.7)."""

    device_id: UUID
    key: UUID
    proof: Annotated[str, Meta(max_length=64, description="Hex HMAC-SHA256 of the key under SHA-256(secret bytes).")]
    points: Annotated[list[Point], Meta(min_length=1, max_length=64)]
    lost: Lost | None = None


class EnrolRequest(Struct, forbid_unknown_fields=True, frozen=True):
    """A new device's code, name and secret; the secret is sent this once.

    `previous` is sent by a replica that was enrolled before, and has work to hand in. Where the server was restored and
    does not know it, its last `lease` stands in for a code, with the secret that it has.
    """

    name: _DeviceName
    secret: _Secret
    code: _Code | None = None
    lease: Annotated[str, Meta(max_length=TOKEN_LENGTH_MAX)] | None = None
    previous: Succession | None = None


class EnrolReply(Struct, frozen=True):
    """What the device keeps. `server_time` is in microseconds since 1970."""

    device_id: UUID
    member_id: UUID
    incarnation: int
    number_prefix: str
    refresh_token: str
    access_token: str
    expires_in: int
    server_time: int
    lease: LeaseView
    after: int = 0
    """The number of the mutation from which this device goes on; 0 for a new one."""


class TokenRequest(Struct, forbid_unknown_fields=True, frozen=True):
    """A refresh token, with the proof that it is in the right hands."""

    device_id: UUID
    refresh_token: _RefreshToken
    proof: _Proof


class TokenReply(Struct, frozen=True):
    """A new access token, and the refresh token that replaces the one sent."""

    refresh_token: str
    access_token: str
    expires_in: int
    server_time: int
    lease: LeaseView


class CodeRequest(Struct, forbid_unknown_fields=True, frozen=True):
    """For whom to draw a code; left out, for oneself."""

    member_id: UUID | None = None


class CodeReply(Struct, frozen=True):
    """The code, which nobody can look up later; as an address, and as a QR code of that."""

    code: str
    expires_at: datetime
    url: str
    qr_svg: str
    """An SVG element."""
    qr_png: str
    """A PNG, as a `data:` address."""


class DeviceView(Struct, frozen=True):
    """A device as people see it."""

    id: UUID
    member_id: UUID
    name: str
    number_prefix: str
    enrolled_at: datetime
    last_seen_at: datetime | None
    revoked_at: datetime | None
    origin_id: UUID | None
    """Of a copied, restored or repaired replica: the device that it was."""
    incarnation: int
    cause: str
    lost: Lost | None
    """Work that this device says it lost before it was handed in."""
    lease_until: datetime | None
    """Until when it may work without contact."""
    past_lease: int
    """How many mutations it handed in that were captured past a lease."""
    wipe_ordered_at: datetime | None
    wiped_at: datetime | None
    """When its receipt came that it has erased everything."""
    wipe_waits_for: int
    """How many of its changes wait at a restored server for what other devices hand in again: the wipe does, too."""
    advice: str | None
    """What to do where the wipe waits; for people to read."""

    @classmethod
    def of(cls, device: Device, waiting: int = 0) -> "DeviceView":
        """The device's line in a list.

        Args:
            waiting: how many of its changes its wipe waits for.
        """
        return cls(
            device.id, device.member_id, device.name, device.number_prefix,
            device.enrolled_at, device.last_seen_at, device.revoked_at,
            device.origin_id, device.incarnation, device.cause,
            None if device.lost_from is None else Lost(device.lost_from, device.lost_to),
            device.lease_until, device.past_lease, device.wipe_ordered_at, device.wiped_at,
            waiting, advise(waiting, f"DELETE /devices/{device.id}") if waiting else None,
        )  # fmt: skip


class TenantView(Struct, frozen=True):
    """The tenant in which somebody is logged in."""

    id: UUID
    slug: str


class MyPlanView(Struct, frozen=True):
    """How the tenant's plan stands, and what that means to who is asking. `seated`: they have a seat to work on."""

    plan: str
    state: str
    may_write: bool
    seated: bool


class MeView(Struct, frozen=True):
    """Who is asking. `plan`: null where nobody bills the tenant."""

    member_id: UUID
    name: str
    email: str | None
    role: str
    device_id: UUID | None
    tenant: TenantView
    plan: MyPlanView | None

    @classmethod
    def of(cls, member: Member, tenant: EntitledTenant, device_id: UUID | None) -> "MeView":
        """The member, seen by themself."""
        return cls(
            member.id, member.name, member.email, member.role,
            device_id, TenantView(tenant.ref.id, tenant.ref.slug), _plan_of(member.id, tenant),
        )  # fmt: skip


def _plan_of(member_id: UUID, tenant: EntitledTenant) -> MyPlanView | None:
    if not tenant.steps:
        return None
    now = tenant.entitlement
    return MyPlanView(now.plan, now.state, now.may_write, tenant.seats.seats(member_id, now.seats_max))
