"""What is news after a cursor, by the list of changes: no other than what a look into every scope finds."""

import random
from uuid import UUID

import pytest

from server.db import tenant_transaction
from server.sync import page_rows, pull
from server.sync.page_cache import IS_RECENT, News, load_heads, load_news
from tests.integration.sync_oracle import assert_converged
from tests.integration.sync_world import World, new_id

MEMBERS = ("ann", "bob", "mia")
ACTS = (
    "UPDATE contact SET job_title = $1 WHERE id = (SELECT id FROM contact ORDER BY md5(id::text || $1) LIMIT 1)",
    "UPDATE contact SET job_title = $1",
    "UPDATE product SET sku = $1 WHERE id = (SELECT id FROM product ORDER BY md5(id::text || $1) LIMIT 1)",
    "INSERT INTO contact (id, account_id, name) SELECT gen_random_uuid(), id, $1 FROM account"
    " ORDER BY md5(id::text || $1) LIMIT 1",
    "DELETE FROM contact WHERE id = (SELECT id FROM contact ORDER BY md5(id::text || $1) LIMIT 1) AND $1 <> ''",
    "UPDATE assignment SET deleted_at = CASE WHEN deleted_at IS NULL THEN now() END WHERE id ="
    " (SELECT id FROM assignment ORDER BY md5(id::text || $1) LIMIT 1)",
    "SELECT fold_changes((SELECT revision FROM revision_counter) - 5 - length($1))",
)


async def news_of(world: World, member: str, cursor: int) -> tuple[bool, News, News]:
    """Whether the list reaches back to the cursor; the news by it; those by a look into every scope."""
    member_id = UUID(world.ids[member])
    async with tenant_transaction(world.tenant, snapshot=True) as conn:
        is_recent = await conn.fetchval(f"SELECT {IS_RECENT} FROM (SELECT $1::int, $2::bigint) x", 0, cursor)
        head = await conn.fetchval("SELECT revision FROM revision_counter")
        listed = await load_news(member_id, cursor, head, is_recent=True)
        return is_recent, listed, News(await load_heads(member_id, cursor))


async def head_of(world: World) -> int:
    [counter] = await world.fetch("SELECT revision FROM revision_counter")
    return int(counter["revision"])


@pytest.mark.parametrize("seed", range(4))
async def test_s5_the_list_of_changes_misses_no_news(world: World, seed: int):
    """A scope that is left out would leave its rows out of every pull from then on."""
    chance, compared = random.Random(seed), 0
    begun = await head_of(world)  # a tenant of the pool has counted before
    for step in range(24):
        await world.execute(chance.choice(ACTS), f"{seed} {step}")
        head = await head_of(world)
        for member in MEMBERS:
            cursor = chance.randint(begun, head)
            is_recent, listed, looked_up = await news_of(world, member, cursor)
            if is_recent:
                compared += 1
                found = {(h.scope, h.level): h.granted or max(h.moved, h.written) for h in listed.heads}
                assert found == {(h.scope, h.level): h.granted or max(h.moved, h.written) for h in looked_up.heads}

    assert compared > 10


async def test_a_pull_of_rows_that_were_written_needs_no_stream(world: World, monkeypatch: pytest.MonkeyPatch):
    """The most frequent pull: what is in sight stays there, and reads otherwise."""
    ann = await world.device("ann")
    await ann.pull()
    await world.execute("UPDATE contact SET job_title = 'Chief'")

    async def refuse(*_: object) -> list[object]:
        raise AssertionError("the stream was asked")

    monkeypatch.setattr(pull, "_entries", refuse)
    await ann.pull()

    await assert_converged(world, ann)


@pytest.mark.parametrize(
    "meanwhile",
    [
        "INSERT INTO contact (id, account_id, name) SELECT gen_random_uuid(), account_id, 'New' FROM contact",
        "DELETE FROM contact WHERE id = (SELECT min(id::text)::uuid FROM contact)",
        "UPDATE assignment SET deleted_at = now()",
        "SELECT fold_changes((SELECT revision FROM revision_counter))",
    ],
)
async def test_s6_where_anything_else_may_be_news_the_stream_is_asked(
    world: World, monkeypatch: pytest.MonkeyPatch, meanwhile: str
):
    """What came, what went and what was granted or lost takes a drop, or a row that nobody wrote."""
    ann = await world.device("ann")
    await ann.pull()
    await world.execute("UPDATE contact SET job_title = 'Chief'")
    await world.execute(meanwhile)

    async def refuse(*_: object) -> dict[str, object]:
        raise AssertionError("only the stream knows")

    monkeypatch.setattr(page_rows, "load_written", refuse)
    await ann.pull()

    await assert_converged(world, ann)


async def test_more_rows_than_a_page_holds_come_as_a_stream(world: World):
    """An office that renames everybody is no reason for a reply without end."""
    mia = await world.device("mia")
    await mia.pull()
    for _ in range(7):
        await world.execute("INSERT INTO contact (id, account_id, name) VALUES ($1, $2, 'New')", new_id(), world.shop)
    await mia.pull()
    await world.execute("UPDATE contact SET job_title = 'Chief'")

    pages = await mia.pull(page_rows=3)

    assert pages > 1
    await assert_converged(world, mia)
