"""Attachments over REST: how tests make and upload them, in a folder of each test's own."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from server import storage
from server.auth.standings import forget_standings
from server.crm.attachment import keep
from tests.integration.rest_world import Person, World

CONTENT = bytes(range(256)) * 40
"""10,240 bytes."""


@pytest.fixture(autouse=True)
def place(tmp_path: Path) -> Iterator[Path]:
    storage.use(tmp_path)
    forget_standings()
    yield tmp_path / "files"
    storage.use(None)


async def attach(person: Person, world: World, content: bytes = CONTENT, **fields: Any) -> str:
    """An attachment of the outlet that the rep works, not yet uploaded."""
    values = {
        "entity": "outlet",
        "row_id": world.ids["outlet"],
        "name": "shelf.pdf",
        "media_type": "application/pdf",
        "size_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    return str((await person.post("/attachments", **values | fields))["id"])


async def send_part(person: Person, row_id: str, offset: int, part: bytes) -> Any:
    return await person.send(
        "PATCH", f"/attachments/{row_id}/upload", content=part, headers={"Upload-Offset": str(offset)}
    )


async def upload(person: Person, row_id: str, content: bytes = CONTENT, step: int = 4_000) -> Any:
    """Upload in parts; the last reply."""
    for offset in range(0, len(content), step):
        reply = await send_part(person, row_id, offset, content[offset : offset + step])
        assert reply.status_code == 200, reply.text
    return reply.json()


async def kept_keys(world: World) -> list[str]:
    return [each.key for folder in keep.FOLDERS async for each in storage.files().list(f"{folder}/{world.tenant.id}")]
