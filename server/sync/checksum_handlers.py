"""The door of a device's checksum."""

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from outrider_sdk.protocol.checksum import BUCKETS

from server.auth.session import Session
from server.clock import now, to_micros
from server.db import connection, tenant_transaction
from server.sync import wire
from server.sync.checksum import Compared, clean_sums, is_news, list_differing, record_difference
from server.sync.device_guard import get_standing, require_device
from server.sync.schemas import view_name


class SumBody(msgspec.Struct, forbid_unknown_fields=True):
    """Of some rows of an entity."""

    count: Annotated[int, msgspec.Meta(ge=0)]
    xor: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]


Sums = Annotated[dict[Annotated[str, msgspec.Meta(max_length=60)], SumBody], msgspec.Meta(max_length=200)]


class ChecksumBody(msgspec.Struct, forbid_unknown_fields=True):
    """A checksum (docs/sync-protocol.md §17)."""

    protocol: int
    schema: int
    cursor: Annotated[int, msgspec.Meta(ge=0)]
    view: Annotated[str, msgspec.Meta(max_length=64)]
    sums: Sums
    bucket: Annotated[int, msgspec.Meta(ge=0, lt=BUCKETS)]
    contents: Sums


@post("/checksum", status_code=200)
async def compare_checksum(request: Request[Session, Any, State], session: NamedDependency[Session]) -> Response[bytes]:
    """Compare what the device has with what its member sees. A difference is put on record."""
    body = await wire.read(request, ChecksumBody)
    wire.check_version(body.protocol)
    wire.check_schema(body.schema)
    device_id = require_device(session)
    differing: list[str] = []
    async with tenant_transaction(session.tenant, snapshot=True):
        standing = await get_standing(session, device_id)
        head = await connection().fetchval("SELECT revision FROM revision_counter")
        is_same_view = body.view == view_name(standing.access.view, body.schema)
        compared = is_same_view and not await is_news(session.member_id, body.cursor, head)
        if compared:
            sums, contents = clean_sums(body.sums), clean_sums(body.contents)
            device = Compared(body.schema, sums, body.bucket, contents)
            differing = await list_differing(session.member_id, standing.access, device)
    if differing:
        async with tenant_transaction(session.tenant):
            await record_difference(session.tenant, device_id, body.cursor, body.view, differing)
    reply = {"compared": compared, "differing": differing, "server_time": to_micros(now())}
    return await wire.reply(wire.form_of(request), reply)
