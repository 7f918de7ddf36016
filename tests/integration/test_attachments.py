"""Content of attachments: uploaded in parts that survive a broken line, downloaded by who sees the row, now."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from server import storage
from server.db import TenantRef
from server.storage import FilesFull
from tests.integration import attachment_world, rest_world
from tests.integration.application import APP
from tests.integration.attachment_world import CONTENT, attach, kept_keys, send_part, upload
from tests.integration.rest_world import World
from tests.integration.sync_world import create, new_id
from tests.integration.sync_world import make_world as make_sync_world

world, place = rest_world.trading, attachment_world.place


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


@pytest.mark.parametrize("said", ["multipart/form-data; boundary=x", "application/json", "image/jpeg", ""])
async def test_a_part_of_another_media_type_is_refused_with_words(world: World, said: str):
    """A form that a browser's button sends would become the file, wrapping and all; nothing of it is kept."""
    row_id = await attach(world.rep, world)
    headers = {"Upload-Offset": "0", "Content-Type": said}

    reply = await world.rep.send("PATCH", f"/attachments/{row_id}/upload", content=CONTENT, headers=headers)

    assert (reply.status_code, reply.json()["code"]) == (415, "media_type_unsupported")
    assert "Send the part's bytes as application/octet-stream" in reply.json()["detail"]
    assert (await world.rep.get(f"/attachments/{row_id}/upload"))["offset_bytes"] == 0


@pytest.mark.parametrize("said", [None, "application/octet-stream", "Application/Octet-Stream; charset=binary"])
async def test_a_part_of_bytes_is_taken_also_where_nothing_is_said(world: World, said: str | None):
    """HTTP lets a client leave it out; then a body is bytes."""
    row_id = await attach(world.rep, world)
    headers = {"Upload-Offset": "0"} | ({} if said is None else {"Content-Type": said})

    reply = await world.rep.send("PATCH", f"/attachments/{row_id}/upload", content=CONTENT, headers=headers)

    assert (reply.status_code, reply.json()["receipt"] is not None) == (200, True)


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
