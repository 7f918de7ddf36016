"""The two doors of a device: push and pull. The token says who; the device is looked at in the transaction."""

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, Router, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from outrider_sdk.protocol import PUSH_MUTATIONS_MAX, fill_digests

from server.auth.limits import OPEN
from server.auth.session import HANDS_IN, Session
from server.db import tenant_transaction
from server.errors import FieldError, InvalidInput
from server.sync import wire
from server.sync.checksum_handlers import compare_checksum
from server.sync.device_guard import require_device
from server.sync.forms import Form
from server.sync.numbers import chain
from server.sync.position import Position
from server.sync.pull import pull
from server.sync.push_commands import Handed, take, take_again
from server.sync.snapshot_build import build
from server.sync.snapshot_handlers import fetch_snapshot
from server.sync.snapshots import SnapshotMissing


class MutationBody(msgspec.Struct, forbid_unknown_fields=True):
    """One mutation (docs/sync-protocol.md §4.2)."""

    number: Annotated[int, msgspec.Meta(ge=1)]
    captured_at: int
    skew: int | None
    changes: list[dict[str, Any]]
    digest: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")] | None = None
    redacted: bool = False
    previous: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")] | None = None
    past_lease: bool = False


class PushBody(msgspec.Struct, forbid_unknown_fields=True):
    """A push (docs/sync-protocol.md §4.1)."""

    protocol: int
    incarnation: Annotated[int, msgspec.Meta(ge=1)]
    acked_through: Annotated[int, msgspec.Meta(ge=0)]
    mutations: Annotated[list[MutationBody], msgspec.Meta(max_length=PUSH_MUTATIONS_MAX)]
    again: bool = False


class PullBody(msgspec.Struct, forbid_unknown_fields=True):
    """A pull (docs/sync-protocol.md §5.1)."""

    protocol: int
    schema: int
    cursor: Annotated[int, msgspec.Meta(ge=0)]
    position: str | None = None
    cursor_token: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    view: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    acked_through: Annotated[int, msgspec.Meta(ge=0)] = 0
    snapshots: Annotated[list[Annotated[str, msgspec.Meta(max_length=20)]], msgspec.Meta(max_length=8)] = []


@post("/push", status_code=200, opt=HANDS_IN)
async def push_mutations(request: Request[Session, Any, State], session: NamedDependency[Session]) -> Response[bytes]:
    """Hand in what the device captured. Each mutation has one effect, however often it is sent."""
    body = await wire.read(request, PushBody)
    wire.check_version(body.protocol)
    device_id = require_device(session)
    mutations = [as_sent(m) for m in body.mutations]
    try:
        derived = fill_digests(mutations, chain)
    except ValueError as error:
        raise InvalidInput([FieldError("mutations", str(error))]) from None
    handed = Handed(session, device_id, body.incarnation, body.acked_through, mutations, derived)
    reply = await (take_again(handed) if body.again else take(handed))
    return await wire.reply(wire.form_of(request), reply)


@post("/pull", status_code=200)
async def pull_page(request: Request[Session, Any, State], session: NamedDependency[Session]) -> Response[bytes]:
    """Ask for what changed after the cursor, in the member's sight."""
    body = await wire.read(request, PullBody)
    wire.check_version(body.protocol)
    wire.check_schema(body.schema)
    require_device(session)
    form = wire.form_of(request, packed=True)
    try:
        page = await _page(session, body, form, may_build=True)
    except SnapshotMissing as missing:
        await build(session.tenant, missing.wanted)
        page = await _page(session, body, form, may_build=False)
    return await wire.reply_page(form, page)


async def _page(session: Session, body: PullBody, form: Form, *, may_build: bool) -> dict[str, Any]:
    async with tenant_transaction(session.tenant, snapshot=True):
        return await pull(
            body.cursor,
            Position.parse(body.position),
            actor=session.actor,
            view=body.view,
            token=body.cursor_token,
            schema=body.schema,
            acked_through=body.acked_through,
            form=form,
            snapshots=body.snapshots,
            may_build=may_build,
        )


def as_sent(mutation: MutationBody) -> dict[str, Any]:
    """The mutation as it was digested."""
    sent = msgspec.structs.asdict(mutation)
    for name in ("redacted", "previous", "past_lease"):  # absent where they say nothing: the digest is of what was sent
        if not sent[name]:
            del sent[name]
    return sent


sync_router = Router(
    "/sync", route_handlers=[push_mutations, pull_page, fetch_snapshot, compare_checksum], tags=["sync"], opt=OPEN
)
