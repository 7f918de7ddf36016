"""The forms of messages over HTTP: JSON for everybody, msgpack and zstd for who asks, the same rows in all of them."""

import json
from typing import Any

import msgspec
import pytest
from outrider_sdk.protocol import chain_digest, encoding, lean
from outrider_sdk.protocol.columns import unpack_page

from tests.integration.sync_requests import LIMIT, encoded, pull_body, push_body, send
from tests.integration.sync_world import WireDevice, World, create, new_id


def rows_by_id(page: dict[str, Any]) -> dict[str, Any]:
    """What a page says, whichever way its ids are written and its rows are ordered."""

    def text(value: Any) -> Any:
        if not isinstance(value, bytes):
            return value
        digits = value.hex()
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

    puts = {
        entity: sorted(tuple(zip(columns, map(text, row), strict=True)) for row in zip(*columns.values(), strict=True))
        for entity, columns in page["puts"].items()
    }
    return page | {"puts": puts, "drops": {e: sorted(map(text, ids)) for e, ids in page["drops"].items()}}


@pytest.mark.parametrize("coding", ["identity", "gzip", "zstd"])
@pytest.mark.parametrize("media_type", [encoding.PACKED_JSON, encoding.PACKED_MSGPACK])
async def test_a_page_says_the_same_in_every_form(world: World, ann: WireDevice, media_type: str, coding: str):
    """What a client reads is a matter of its speed, never of what it sees."""
    for n in range(30):
        await ann.push(ann.mutation(create("contact", new_id(), account_id=world.shop, name=f"Contact {n}")))
    plain = await send(ann, "/sync/pull", encoded(pull_body()), Accept="application/json")
    headers = {"Accept": f"{media_type}, application/json", "Accept-Encoding": coding}

    packed = await send(ann, "/sync/pull", encoded(pull_body()), **headers)

    assert packed.headers["content-type"].startswith(media_type)
    assert packed.headers.get("content-encoding", "identity") == coding
    assert {v.strip() for v in packed.headers["vary"].split(",")} >= {"Accept", "Accept-Encoding"}
    page = encoding.loads(unfolded(packed, coding), media_type)
    unpack_page(page)
    expected = plain.json()
    page["server_time"] = expected["server_time"]
    assert rows_by_id(page) == rows_by_id(expected)


def unfolded(reply: Any, coding: str) -> bytes:
    """What the client library has not unfolded by itself."""
    if coding == "zstd" and reply.content.startswith(b"(\xb5/\xfd"):
        return encoding.decompress(reply.content, coding, LIMIT)
    return bytes(reply.content)


async def test_a_push_may_come_under_zstd(world: World, ann: WireDevice):
    """A third of gzip's time on a phone that has it."""
    mutation = ann.mutation(create("contact", new_id(), account_id=world.shop, name="New"))
    body = encoding.compress(encoded(push_body(mutation)), "zstd")

    pushed = await send(ann, "/sync/push", body, **{"Content-Encoding": "zstd"})

    assert pushed.json()["outcomes"][0]["status"] == "applied"


async def test_a_zstd_body_that_is_damaged_cut_or_endless_is_bad_input(ann: WireDevice):
    """As under gzip: named, and nothing taken."""
    whole = encoding.compress(encoded(push_body()), "zstd")
    bomb = encoding.compress(b" " * (LIMIT + 1), "zstd")

    for content, status in ((whole[:-3], 400), (b"no zstd", 400), (bomb, 413)):
        reply = await send(ann, "/sync/push", content, **{"Content-Encoding": "zstd"})
        assert reply.status_code == status, reply.json()


async def test_an_unknown_coding_is_told_what_is_understood(ann: WireDevice):
    """415, so that a client falls back to gzip."""
    reply = await send(ann, "/sync/push", encoded(push_body()), **{"Content-Encoding": "br"})

    assert (reply.status_code, reply.json()["code"]) == (415, "encoding_unsupported")


async def test_digests_between_the_first_and_the_last_may_be_left_out(world: World, ann: WireDevice):
    """They follow from the others, and are half of what a large push weighs."""
    mutations = [
        ann.mutation(create("contact", new_id(), account_id=world.shop, name=f"Contact {n}")) for n in range(4)
    ]

    pushed = await send(ann, "/sync/push", encoded(push_body(*lean(mutations))))

    assert [o["digest"] for o in pushed.json()["outcomes"]] == [m["digest"] for m in mutations]


async def test_a_change_under_a_left_out_digest_is_found_out(world: World, ann: WireDevice):
    """S2: the last digest says what all before it were."""
    mutations = [
        ann.mutation(create("contact", new_id(), account_id=world.shop, name=f"Contact {n}")) for n in range(4)
    ]
    sent = lean(mutations)
    sent[2] = json.loads(json.dumps(sent[2]).replace("Contact 2", "Contact 9"))

    forged = await send(ann, "/sync/push", encoded(push_body(*sent)))
    first = await send(ann, "/sync/push", encoded(push_body({**sent[0], "digest": None}, sent[3])))

    assert (forged.status_code, forged.json()["code"]) == (409, "forked")
    assert first.status_code == 400


async def test_a_left_out_digest_behind_another_number_is_not_believed(ann: WireDevice, world: World):
    """S2: it follows from the number before, not from whatever stands before it in the message."""
    one, two, three = (
        ann.mutation(create("contact", new_id(), account_id=world.shop, name=f"Contact {n}")) for n in range(3)
    )
    await send(ann, "/sync/push", encoded(push_body(one)))
    bare = {key: value for key, value in three.items() if key != "digest"}
    four = ann.mutation(create("contact", new_id(), account_id=world.shop, name="Contact 3"))
    four["digest"] = chain_digest(chain_digest(one["digest"], bare), four)

    pushed = await send(ann, "/sync/push", encoded(push_body(two, one, bare, four)))

    assert (pushed.status_code, pushed.json()["code"]) == (409, "forked")


async def test_errors_are_problem_details_whatever_was_asked_for(ann: WireDevice):
    """A client decides by `code`, in JSON."""
    reply = await send(ann, "/sync/pull", msgspec.msgpack.encode(pull_body()), Accept=encoding.PACKED_MSGPACK)

    assert reply.status_code == 400
    assert reply.headers["content-type"].startswith("application/problem+json")
