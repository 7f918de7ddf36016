"""Real replicas of devices that a test made by hand, over real HTTP (`live_server`)."""

from pathlib import Path
from typing import Any
from uuid import UUID

from outrider_sdk import Credentials, MemoryCredentials, Replica
from outrider_sdk.protocol.entities import ENTITIES
from outrider_sdk.transport import HttpTransport

from server.auth.tokens import keys
from tests.integration.sync_world import WireDevice


async def token_of(device: WireDevice) -> str:
    """An access token of a device."""
    return await keys.issue(
        tenant_id=device.tenant.id, member_id=UUID(device.member_id), role="rep", device_id=UUID(device.id)
    )


async def open_replica(device: WireDevice, url: str, path: Path, **options: Any) -> Replica:
    """The replica of a device, which syncs over HTTP."""
    known = Credentials(
        server=url, slug=device.tenant.slug, device_id=device.id, member_id=device.member_id, incarnation=1,
        number_prefix=device.id[-6:], secret="x", refresh_token="x", access_token=await token_of(device),
    )  # fmt: skip
    credentials = MemoryCredentials(known)
    return Replica.open(path, credentials=credentials, transport=HttpTransport(credentials), **options)


def rows_of(replica: Replica) -> dict[str, dict[str, dict[str, Any]]]:
    """Entity → id → the row as the replica stores it."""
    found = {}
    for name in ENTITIES:
        rows = {row["id"].hex(): row for row in replica.query(f'SELECT * FROM "{name}"')}
        if rows:
            found[name] = rows
    return found
