"""Routes of wiping: the order, and the receipt."""

from typing import Annotated
from uuid import UUID

from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct

from server.auth import service, wipes
from server.auth.limits import OPEN
from server.auth.messages import DeviceView
from server.auth.session import Session
from server.auth.standings import forget_standings
from server.auth.tokens import TokenInvalid
from server.db import platform_transaction, tenant_transaction
from server.storage import ledger


class WipeRequest(Struct, forbid_unknown_fields=True, frozen=True):
    """Whether the device erases at once, and what it has not handed in is lost."""

    now: bool = False


class WipeReceipt(Struct, forbid_unknown_fields=True, frozen=True):
    """What a device says that it erased."""

    device_id: UUID
    proof: Annotated[str, Meta(max_length=64)]
    """Hex HMAC-SHA256 of `wiped/{device_id}` under SHA-256(secret bytes)."""
    pushed_first: bool
    erased_at: Annotated[int, Meta(ge=-(2**62), le=2**62)]
    """By the device's clock, microseconds since 1970."""
    files: Annotated[int, Meta(ge=0, le=2**53)]
    size_bytes: Annotated[int, Meta(ge=0, le=2**53)]
    lost_mutations: Annotated[int, Meta(ge=0, le=2**53)]
    """How many had not been handed in."""


class WipeReply(Struct, frozen=True):
    """The receipt is kept."""

    wiped: bool = True


@post("/devices/{device_id:uuid}/wipe", opt=OPEN)
async def order_wipe(
    device_id: FromPath[UUID], data: JSONBody[WipeRequest], session: NamedDependency[Session]
) -> DeviceView:
    """Have a device erase all that it holds at its next contact, after it has handed in its work. Again is the same.

    With `now` it hands in nothing first: what it has not sent is lost. Since a restore the wipe may wait for what
    other devices hand in again (`wipe_waits_for`): `advice` says how it goes on at once.
    """
    async with tenant_transaction(session.tenant):
        device = await wipes.order_wipe(device_id, now=data.now, by=session.member_id, role=session.role)
        waiting = await wipes.count_waiting([device])
    forget_standings()
    return DeviceView.of(device, waiting.get(device.id, 0))


@post("/t/{slug:str}/devices/wiped", status_code=200)
async def take_receipt(slug: FromPath[str], data: JSONBody[WipeReceipt]) -> WipeReply:
    """Take a device's word that it has erased everything. 401 `token_invalid`: the proof is not the device's."""
    async with platform_transaction():
        tenant = await service.find_tenant(slug)
    if tenant is None:
        raise TokenInvalid
    said = ("pushed_first", "erased_at", "files", "size_bytes", "lost_mutations")
    erased = {name: getattr(data, name) for name in said}
    async with tenant_transaction(tenant):
        await wipes.record_receipt(data.device_id, data.proof, erased)
    ledger.note("revoked", tenant.id, str(data.device_id))
    return WipeReply()
