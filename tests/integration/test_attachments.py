"""Content of attachments: uploaded in parts that survive a broken line, downloaded by who sees the row, now."""

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from PIL import Image

from server import storage
from server.auth.standings import forget_standings
from server.crm.attachment import jobs, keep, thumbnails
from server.crm.erasure.commands import erase_person
from server.db import Actor, TenantRef
from server.storage import FilesFull, in_one_piece
from tests.integration import rest_world
from tests.integration.application import APP
from tests.integration.rest_world import Person, World
from tests.integration.sync_world import create, new_id
from tests.integration.sync_world import make_world as make_sync_world

world = rest_world.trading

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


async def test_content_goes_up_in_parts_and_comes_down_whole(world: World):
    """The rep's photo is in the office, byte by byte; the receipt says which bytes the server keeps."""
    row_id = await attach(world.rep, world)

    done = await upload(world.rep, row_id)
    reply = await world.admin.send("GET", f"/attachments/{row_id}/content")

    assert done["offset_bytes"] == done["size_bytes"] == len(CONTENT)
    assert done["receipt"]["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert reply.content == CONTENT
    assert reply.headers["content-type"] == "application/pdf"
    assert reply.headers["content-disposition"].startswith('attachment; filename="shelf.pdf"')
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert await kept_keys(world) == [f"attachments/{world.tenant.id}/{row_id}"]


async def test_a_lost_reply_costs_nothing(world: World):
    """The device asks how far it is, and goes on from there; a part sent twice is told so, and counts once."""
    row_id = await attach(world.rep, world)
    await send_part(world.rep, row_id, 0, CONTENT[:4_000])

    again = await send_part(world.rep, row_id, 0, CONTENT[:4_000])
    state = await world.rep.get(f"/attachments/{row_id}/upload")
    done = await send_part(world.rep, row_id, state["offset_bytes"], CONTENT[4_000:])
    repeated = await send_part(world.rep, row_id, 4_000, CONTENT[4_000:])

    assert (again.status_code, again.json()["code"], again.json()["offset_bytes"]) == (409, "offset_mismatch", 4_000)
    assert state == {"offset_bytes": 4_000, "size_bytes": len(CONTENT), "receipt": None}
    assert done.json()["receipt"] is not None
    assert repeated.json() == done.json()


async def test_what_arrived_before_the_line_broke_counts(world: World):
    """In a lift half a part arrives: the next one begins there, not at the beginning."""
    row_id = await attach(world.rep, world)
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": CONTENT[:2_500], "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> dict[str, Any]:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        """Nobody listens."""

    headers = [(b"upload-offset", b"0"), (b"authorization", world.rep.header["Authorization"].encode())]
    path = f"/attachments/{row_id}/upload"
    scope = {"type": "http", "method": "PATCH", "path": path, "raw_path": path.encode(), "query_string": b"",
             "headers": headers, "http_version": "1.1", "scheme": "http", "server": ("test", 80),
             "client": ("test", 1)}  # fmt: skip
    await APP(scope, receive, send)  # type: ignore[arg-type]

    assert (await world.rep.get(path))["offset_bytes"] == 2_500
    assert (await send_part(world.rep, row_id, 2_500, CONTENT[2_500:])).json()["receipt"] is not None


async def test_what_is_not_what_it_says_begins_anew(world: World):
    """A bit that flipped on the way is found; what was right before is not kept with it."""
    row_id = await attach(world.rep, world)
    await send_part(world.rep, row_id, 0, b"x" + CONTENT[1:4_000])

    refused = await send_part(world.rep, row_id, 4_000, CONTENT[4_000:])

    assert (refused.status_code, refused.json()["code"]) == (409, "content_mismatch")
    assert (await world.rep.get(f"/attachments/{row_id}/upload"))["offset_bytes"] == 0
    assert await kept_keys(world) == []
    assert (await upload(world.rep, row_id))["receipt"] is not None


async def test_more_than_was_said_is_refused(world: World):
    """The size that others were told is the size that they get."""
    row_id = await attach(world.rep, world)

    assert await world.rep.refusal(
        "PATCH", f"/attachments/{row_id}/upload", content=CONTENT + b"x", headers={"Upload-Offset": "0"}
    ) == (400, "invalid_input", ["body"])
    assert (await send_part(world.rep, row_id, 0, b"x" * (8 * 1024 * 1024 + 1))).status_code == 413


@pytest.mark.parametrize("offset", [None, "", "-1", "1.5", "x", "9" * 30])
async def test_a_part_says_where_it_begins(world: World, offset: str | None):
    """Without, it might be put anywhere."""
    row_id = await attach(world.rep, world)
    headers = {} if offset is None else {"Upload-Offset": offset}

    assert await world.rep.refusal("PATCH", f"/attachments/{row_id}/upload", content=b"x", headers=headers) == (
        400, "invalid_input", ["Upload-Offset"],
    )  # fmt: skip


async def test_an_empty_file_is_a_file(world: World):
    """A note of no words; one empty part completes it."""
    row_id = await attach(world.rep, world, b"", media_type="text/plain", name="empty.txt")

    done = await send_part(world.rep, row_id, 0, b"")
    reply = await world.rep.send("GET", f"/attachments/{row_id}/content")

    assert done.json()["receipt"]["size_bytes"] == 0
    assert (reply.status_code, reply.content) == (200, b"")


@pytest.mark.parametrize(
    ("asked", "status", "wanted", "said"),
    [
        ("bytes=0-99", 206, CONTENT[:100], "bytes 0-99/10240"),
        ("bytes=10000-", 206, CONTENT[10_000:], "bytes 10000-10239/10240"),
        ("bytes=-40", 206, CONTENT[-40:], "bytes 10200-10239/10240"),
        ("bytes=10200-99999", 206, CONTENT[10_200:], "bytes 10200-10239/10240"),
        ("bytes=0-1,4-5", 200, CONTENT, None),
        ("bytes=5-4", 200, CONTENT, None),
        ("lines=1-2", 200, CONTENT, None),
        ("bytes=10240-", 416, None, None),
    ],
)
async def test_a_download_goes_on_where_it_broke_off(
    world: World, asked: str, status: int, wanted: bytes | None, said: str | None
):
    """A range is a range of the content, and what is none is all of it."""
    row_id = await attach(world.rep, world)
    await upload(world.rep, row_id)

    reply = await world.rep.send("GET", f"/attachments/{row_id}/content", headers={"Range": asked})

    assert reply.status_code == status
    assert reply.headers.get("content-range") == said
    assert wanted is None or reply.content == wanted


async def test_a_range_of_another_content_is_not_sent(world: World):
    """If-Range: the first half that somebody has may be of something else. And who has it all gets a 304."""
    row_id = await attach(world.rep, world)
    await upload(world.rep, row_id)
    path = f"/attachments/{row_id}/content"
    tag = (await world.rep.send("GET", path)).headers["etag"]

    other = await world.rep.send("GET", path, headers={"Range": "bytes=5-", "If-Range": '"other"'})
    same = await world.rep.send("GET", path, headers={"Range": "bytes=5-", "If-Range": tag})
    held = await world.rep.send("GET", path, headers={"If-None-Match": tag})

    assert (other.status_code, same.status_code, held.status_code) == (200, 206, 304)


async def test_s6_a_known_hash_is_no_right_to_content(world: World):
    """Who has learnt the hash of a contract makes a row of their own with it, and gets nothing for it."""
    theirs = await attach(world.admin, world, row_id=world.ids["hidden_outlet"])
    await upload(world.admin, theirs)
    own = await attach(world.rep, world)

    assert await world.rep.refusal("GET", f"/attachments/{own}/content") == (409, "content_missing", [])
    assert (await world.rep.get(f"/attachments/{own}/upload"))["offset_bytes"] == 0
    assert await world.rep.refusal("GET", f"/attachments/{theirs}/content") == (404, "not_found", [])


async def test_only_the_maker_uploads(world: World):
    """Nobody puts another file under my name, not even who sees the row."""
    row_id = await attach(world.rep, world)

    for other in (world.admin, world.other_rep, world.billing):
        assert await other.refusal(
            "PATCH", f"/attachments/{row_id}/upload", content=CONTENT, headers={"Upload-Offset": "0"}
        ) == (404, "not_found", [])


async def test_s6_content_is_for_who_sees_the_row_now(world: World):
    """The outlet went to somebody else: what I photographed there still arrives, but I read it no more."""
    row_id = await attach(world.rep, world)
    await world.admin.send("DELETE", f"/assignments/{world.ids['assignment']}")

    done = await upload(world.rep, row_id)

    assert done["receipt"] is not None
    assert await world.rep.refusal("GET", f"/attachments/{row_id}/content") == (404, "not_found", [])
    assert await world.rep.refusal("GET", f"/attachments/{row_id}/thumbnail") == (404, "not_found", [])
    assert (await world.admin.send("GET", f"/attachments/{row_id}/content")).content == CONTENT


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"media_type": "text/html"}, "media_type"),
        ({"media_type": "application/x-msdownload"}, "media_type"),
        ({"size_bytes": 100 * 1024 * 1024 + 1}, "size_bytes"),
        ({"size_bytes": -1}, "size_bytes"),
    ],
)
async def test_what_is_no_file_for_a_crm_is_refused_by_name(world: World, fields: dict[str, Any], field: str):
    """Nothing that runs where it is opened, and nothing that a phone cannot carry."""
    wanted = {
        "entity": "outlet", "row_id": world.ids["outlet"], "name": "x", "media_type": "image/png",
        "size_bytes": 1, "sha256": "a" * 64,
    }  # fmt: skip

    assert await world.rep.refusal("POST", "/attachments", wanted | fields) == (400, "invalid_input", [field])


async def test_a_device_is_refused_the_same(tenant: TenantRef):
    """Both doors ask one rule."""
    world = await make_sync_world(tenant)
    ann = await world.device("ann")
    file = {"entity": "outlet", "row_id": world.shop_outlet, "name": "x", "size_bytes": 1, "sha256": "a" * 64}

    outcome = await ann.do(create("attachment", new_id(), **file, media_type="text/html"))

    assert (outcome["status"], outcome["code"], outcome["field"]) == ("refused", "value_invalid", "media_type")


async def test_parts_that_arrive_at_once_count_once(world: World):
    """Two devices of one person, or an impatient one: one content, one receipt, no litter."""
    row_id = await attach(world.rep, world)
    await send_part(world.rep, row_id, 0, CONTENT[:4_000])

    replies = await asyncio.gather(*(send_part(world.rep, row_id, 4_000, CONTENT[4_000:]) for _ in range(6)))

    assert {r.status_code for r in replies} <= {200, 409}
    assert 200 in {r.status_code for r in replies}
    assert (await world.rep.send("GET", f"/attachments/{row_id}/content")).content == CONTENT
    assert await kept_keys(world) == [f"attachments/{world.tenant.id}/{row_id}"]


async def test_a_full_disk_loses_nothing_that_was_there(world: World, monkeypatch: pytest.MonkeyPatch):
    """507 with words; when there is room again the same part goes through."""
    row_id = await attach(world.rep, world)
    await send_part(world.rep, row_id, 0, CONTENT[:4_000])

    async def full(self: Any, key: str, parts: AsyncIterator[bytes]) -> int:
        raise FilesFull

    with monkeypatch.context() as patched:
        patched.setattr(storage.FolderFiles, "put", full)
        refused = await send_part(world.rep, row_id, 4_000, CONTENT[4_000:])

    assert (refused.status_code, refused.json()["code"]) == (507, "storage_full")
    assert (await world.rep.get(f"/attachments/{row_id}/upload"))["offset_bytes"] == 4_000
    assert (await send_part(world.rep, row_id, 4_000, CONTENT[4_000:])).json()["receipt"] is not None


async def test_s1_a_crash_while_the_parts_are_put_together_loses_none(world: World, monkeypatch: pytest.MonkeyPatch):
    """All parts are there, no receipt was given: an empty part at the end asks for it again."""
    row_id = await attach(world.rep, world)

    async def crash(*args: Any) -> bool:
        raise RuntimeError("power cut")

    with monkeypatch.context() as patched:
        patched.setattr("server.crm.attachment.keep.put_together", crash)
        assert (await send_part(world.rep, row_id, 0, CONTENT)).status_code == 500
    state = await world.rep.get(f"/attachments/{row_id}/upload")
    done = await send_part(world.rep, row_id, state["offset_bytes"], b"")

    assert state == {"offset_bytes": len(CONTENT), "size_bytes": len(CONTENT), "receipt": None}
    assert done.json()["receipt"] is not None


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


def photo(width: int, height: int, form: str = "JPEG", mode: str = "RGB", **more: Any) -> bytes:
    out = io.BytesIO()
    Image.new(mode, (width, height), "red").save(out, form, **more)
    return out.getvalue()


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


def test_a_small_picture_is_upright_and_says_nothing_of_where_it_was_taken():
    """Phones write the rotation, and the place, beside the pixels."""
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate by 90 degrees
    exif[0x010F] = "Phone of Ann"

    drawn = thumbnails.make_thumbnail(photo(800, 400, exif=exif), "image/jpeg")

    assert drawn is not None
    with Image.open(io.BytesIO(drawn)) as small:
        assert small.size == (160, 320)
        assert not small.getexif()


@pytest.mark.parametrize(
    ("form", "mode"), [("PNG", "RGBA"), ("PNG", "P"), ("GIF", "P"), ("WEBP", "RGBA"), ("PNG", "L")]
)
def test_every_kind_of_image_gets_one(form: str, mode: str):
    """Whatever a phone or a scanner makes."""
    content = photo(640, 640, form, mode) if mode != "P" else photo(640, 640, form)

    drawn = thumbnails.make_thumbnail(content, f"image/{form.lower()}")

    assert drawn is not None
    with Image.open(io.BytesIO(drawn)) as small:
        assert small.size == (320, 320)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_bomb_is_not_decoded():
    """A few kilobytes that claim 400 million pixels would take the worker's memory."""
    bomb = photo(20_000, 20_000, "PNG", "1")

    assert len(bomb) < 100_000
    assert thumbnails.make_thumbnail(bomb, "image/png") is None


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff\xe0", b"GIF89a", photo(100, 100)[:300], b"<svg/>"])
def test_what_is_no_image_has_none(content: bytes):
    """The name says image; the bytes decide."""
    assert thumbnails.make_thumbnail(content, "image/jpeg") is None
    assert thumbnails.make_thumbnail(content, "application/pdf") is None
