"""What jobs do with contents of attachments: small pictures, the sweep, the end of an erased person's."""

import io
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from PIL import Image

from server import storage
from server.crm.attachment import jobs
from server.crm.erasure.commands import erase_person
from server.db import Actor
from server.storage import in_one_piece
from tests.integration import attachment_world, rest_world
from tests.integration.attachment_world import CONTENT, attach, kept_keys, send_part, upload
from tests.integration.rest_world import World
from tests.photos import photo

world, place = rest_world.trading, attachment_world.place


async def test_the_erasure_of_a_person_reaches_content(world: World):
    """Their passport photo leaves the disk, and half an upload with it; the row says so."""
    contact = (await world.admin.post("/contacts", account_id=world.ids["account"], name="Zoe"))["id"]
    whole = await attach(world.admin, world, entity="contact", row_id=contact)
    await upload(world.admin, whole)
    half = await attach(world.admin, world, entity="contact", row_id=contact)
    await send_part(world.admin, half, 0, CONTENT[:100])

    await erase_person(world.tenant, "contact", UUID(contact), by=Actor(world.admin.id))
    await jobs.remove(world.tenant, [UUID(whole), UUID(half)])

    assert await kept_keys(world) == []
    assert await world.admin.refusal("GET", f"/attachments/{whole}/content") == (404, "not_found", [])
    assert await world.admin.refusal(
        "PATCH", f"/attachments/{half}/upload", content=CONTENT[100:], headers={"Upload-Offset": "100"}
    ) == (404, "not_found", [])


async def test_files_without_a_row_are_swept(world: World, monkeypatch: pytest.MonkeyPatch):
    """What a crash left behind goes after a day; what is in use, and another tenant's, stays."""
    row_id = await attach(world.rep, world)
    await upload(world.rep, row_id)
    begun = await attach(world.rep, world)
    await send_part(world.rep, begun, 0, CONTENT[:10])
    stray = f"attachments/{world.tenant.id}/{uuid4()}"
    part = f"uploads/{world.tenant.id}/{row_id}/{uuid4()}"
    foreign = f"attachments/{uuid4()}/{uuid4()}"
    for key in (stray, part, foreign):
        await storage.files().put(key, in_one_piece(b"x"))

    young = await jobs.sweep(world.tenant)
    monkeypatch.setattr("server.crm.attachment.jobs.clock.now", lambda: datetime.now(UTC) + timedelta(days=2))
    removed = await jobs.sweep(world.tenant)

    kept = await kept_keys(world)
    assert (young, removed) == (0, 2)
    assert stray not in kept
    assert part not in kept
    assert len(kept) == 2
    assert await storage.files().find(foreign) is not None


async def test_an_image_gets_a_small_picture(world: World):
    """A list of photos on a phone loads kilobytes."""
    content = photo(3_000, 2_000)
    row_id = await attach(world.rep, world, content, media_type="image/jpeg", name="shelf.jpg")
    await upload(world.rep, row_id, content, step=1_000_000)
    missing = await world.rep.refusal("GET", f"/attachments/{row_id}/thumbnail")

    await jobs.draw(world.tenant, UUID(row_id), "image/jpeg")
    reply = await world.rep.send("GET", f"/attachments/{row_id}/thumbnail")

    assert missing == (404, "thumbnail_missing", [])
    assert reply.headers["content-type"] == "image/jpeg"
    with Image.open(io.BytesIO(reply.content)) as small:
        assert small.size == (320, 213)
