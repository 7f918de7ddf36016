"""Rows that may be the same: found when one is made and by a sweep, in sight of who sees both, decided by a person."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from outrider_sdk.protocol.ids import uuid7

from server.broker import _tenant_id
from server.crm.duplicate import search
from server.crm.duplicate.jobs import compare_rows
from server.crm.duplicate.search import ROWS_PER_KEY_MAX, sweep_duplicates
from server.db import SYSTEM, TenantRef, connection, tenant_transaction, tenant_write
from server.sync.daily import begin_day
from server.tenants.service import owner_connection
from tests.integration import rest_world
from tests.integration.application import APP
from tests.integration.rest_world import World, make_world

world = rest_world.trading


async def execute(world: World, sql: str, *args: Any) -> None:
    async with tenant_write(world.tenant, by=SYSTEM):
        await connection().execute(sql, *args)


async def sweep(world: World) -> int:
    async with tenant_transaction(world.tenant):
        return await sweep_duplicates()


async def cases(world: World, **query: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await world.admin.get("/duplicates", **query))["items"]
    return items


def links(reply: Any) -> dict[str, str]:
    """Path → what is alike, of a reply's duplicates."""
    return dict(re.findall(r'<([^>]+)>; rel="duplicate"; title="([^"]+)"', reply.headers.get("Link", "")))


# Keys


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Corner Shops", "The CORNER-SHOPS, Ltd."),
        ("Café Größe", "cafe GROSE gmbh"),
        ("ООО «Ромашка»", "ромашка"),
        ("Smith & Sons", "Sons, Smith"),
        ("Łódź Ærø", "lodz aro"),
    ],
)
async def test_names_that_people_write_differently_meet(world: World, one: str, other: str):
    """Case, accents, punctuation, order of words and the company's form tell nobody apart."""
    async with tenant_transaction(world.tenant) as conn:
        assert await conn.fetchval("SELECT name_key($1) = name_key($2)", one, other)


@pytest.mark.parametrize(("one", "other"), [("Ltd", "GmbH"), ("Corner Shop 1", "Corner Shop 2"), ("!", "?")])
async def test_names_that_differ_do_not_meet(world: World, one: str, other: str):
    """Numbers tell apart, a name of nothing but a form is a name, and nothing is like nothing."""
    async with tenant_transaction(world.tenant) as conn:
        assert await conn.fetchval(
            "SELECT name_key($1) IS DISTINCT FROM name_key($2) OR name_key($1) IS NULL", one, other
        )


@pytest.mark.parametrize(
    ("kind", "one", "other", "meet"),
    [
        ("phone", "+31503181234", "050 318-1234", True),
        ("phone", "+31503181234", "+31503181235", False),
        ("phone", "123", "123", False),
        ("email", " Ann@Shop.example", "ann@shop.EXAMPLE", True),
        ("fax", "+31503181234", "+31503181234", False),
    ],
)
async def test_channels_meet_by_what_they_reach(world: World, kind: str, one: str, other: str, meet: bool):
    """A number with and without its country reaches one telephone; a short one, and a fax, tell nothing."""
    async with tenant_transaction(world.tenant) as conn:
        assert bool(await conn.fetchval("SELECT channel_key($1, $2) = channel_key($1, $3)", kind, one, other)) is meet


async def test_what_a_new_row_meets_is_found_by_an_index(world: World):
    """With 100,000 accounts, each create would read them all."""
    async with tenant_transaction(world.tenant) as conn:
        await conn.execute("SET LOCAL enable_seqscan = off")
        for name, found in search._FOUND.items():
            plan = "\n".join(r[0] for r in await conn.fetch(f"EXPLAIN {found}", [uuid7()]))
            assert len(re.findall(r"Index Cond: .*_key\(", plan)) == found.count("LIMIT"), f"{name}\n{plan}"


# On create


async def test_a_new_account_names_what_may_be_the_same(world: World):
    """Whoever types it sees at once that it is there; it is stored all the same."""
    reply = await world.admin.send("POST", "/accounts", {"name": "Corner-shops Ltd"})

    assert reply.status_code == 201
    assert links(reply) == {f"/accounts/{world.ids['account']}": "name"}
    (case,) = await cases(world)
    assert ({case["row_name"], case["other_name"]}, case["kinds"]) == ({"Corner Shops", "Corner-shops Ltd"}, ["name"])


async def test_the_trash_is_named_too(world: World):
    """Better to take the deleted one out again than to make a third."""
    gone = (await world.admin.post("/accounts", name="Bygone", tax_id="NL004495445B01"))["id"]
    await world.admin.send("DELETE", f"/accounts/{gone}")

    reply = await world.admin.send("POST", "/accounts", {"name": "New Name", "tax_id": "NL004495445B01"})

    assert links(reply) == {f"/accounts/{gone}": "tax_id deleted"}
    assert await cases(world) == []


async def test_a_channel_finds_the_person_who_has_it(world: World):
    """Two cards of one buyer, one at each of two accounts."""
    person = await world.rep.post("/contacts", account_id=world.ids["account"], name="Ann")
    await world.rep.post("/contact-channels", contact_id=person["id"], channel_kind="phone", value="+31503181234")
    other = await world.admin.post("/contacts", account_id=world.ids["hidden_account"], name="A. Jansen")

    body = {"contact_id": other["id"], "channel_kind": "phone", "value": "050-318 1234"}
    reply = await world.admin.send("POST", "/contact-channels", body)

    assert links(reply) == {f"/contacts/{person['id']}": "channel"}


async def test_s6_what_is_out_of_sight_is_not_named(world: World):
    """A rep does not find a colleague's customer by typing its name; the office is told."""
    reply = await world.rep.send("POST", "/accounts", {"name": "Far Shops"})

    assert (reply.status_code, links(reply)) == (201, {})
    assert (await world.rep.get("/duplicates"))["items"] == []
    assert len(await cases(world)) == 1


async def test_s6_a_hidden_field_gives_nothing_away(world: World):
    """Who may not see tax ids does not learn by typing one whose it is."""
    roles = {role["key"]: role["id"] for role in (await world.admin.get("/roles"))["items"]}
    await world.admin.patch(f"/accounts/{world.ids['account']}", tax_id="NL004495445B01")
    await world.admin.patch(f"/roles/{roles['manager']}", fields={"account": {"tax_id": "hidden"}})
    twin = uuid7()
    await execute(world, "INSERT INTO account (id, name, tax_id) VALUES ($1, 'X', 'NL004495445B01')", twin)
    outlet = "INSERT INTO outlet (id, name, account_id, territory_id) VALUES ($1, 'X', $2, $3)"
    await execute(world, outlet, uuid7(), twin, world.ids["territory"])
    await sweep(world)

    assert len(await cases(world)) == 1
    assert (await world.manager.get("/duplicates"))["items"] == []


# The sweep


async def test_the_sweep_finds_what_plain_sql_made_and_forgets_what_is_none_any_more(world: World):
    """Whoever wrote, by whatever means; and a case that solved itself bothers nobody."""
    await execute(world, "INSERT INTO account (id, name) VALUES ($1, 'CORNER SHOPS')", uuid7())

    assert (await sweep(world), await sweep(world)) == (1, 0)
    assert [case["kinds"] for case in await cases(world)] == [["name"]]
    await execute(world, "UPDATE account SET name = 'Something Else' WHERE name = 'CORNER SHOPS'")
    assert await sweep(world) == 0
    assert await cases(world) == []


async def test_the_sweep_says_by_what_they_are_alike(world: World):
    """One city makes it likelier, a buyer whom both have too."""
    account = (await world.admin.post("/accounts", name="corner shops"))["id"]
    await world.admin.post("/outlets", name="x", account_id=account, address={"city": "groningen"})
    for of in (account, world.ids["account"]):
        person = await world.admin.post("/contacts", account_id=of, name=f"Ann of {of}")
        await world.admin.post("/contact-channels", contact_id=person["id"], channel_kind="email", value="a@b.example")

    await sweep(world)

    kinds = {case["entity"]: case["kinds"] for case in await cases(world)}
    assert kinds == {"account": ["channel", "name", "place"], "contact": ["channel"]}


async def test_a_key_of_many_rows_is_no_sign(world: World):
    """A chain's hundred shops are no five thousand questions."""
    rows = [(uuid7(),) for _ in range(ROWS_PER_KEY_MAX)]
    async with tenant_write(world.tenant, by=SYSTEM):
        await connection().executemany("INSERT INTO account (id, name) VALUES ($1, 'Spar')", rows)

    reply = await world.admin.send("POST", "/accounts", {"name": "Spar"})

    assert (links(reply), await cases(world), await sweep(world)) == ({}, [], 0)


async def test_an_admin_has_all_rows_compared_as_a_job(world: World, owner_urls: dict[str, str]):
    """It takes its time, and nobody waits."""
    await execute(world, "INSERT INTO account (id, name) VALUES ($1, 'CORNER SHOPS')", uuid7())

    assert await world.admin.post("/duplicates/sweeps") == {"sent": True}
    async with owner_connection(owner_urls["main"]) as owner:
        sent = "SELECT count(*) FROM dramatiq.queue WHERE queue_name = 'duplicates' AND message::text LIKE $1"
        assert await owner.fetchval(sent, f"%{world.tenant.id}%") == 1
    _tenant_id.set(world.tenant.id)
    await compare_rows.fn.__wrapped__()

    assert len(await cases(world)) == 1
    assert (await world.manager.refusal("POST", "/duplicates/sweeps"))[:2] == (403, "forbidden")


async def test_each_day_begins_with_a_sweep(world: World, owner_urls: dict[str, str]):
    """What imports and plain SQL made is before a person the next morning, and nobody has to think of it."""
    assert await begin_day(world.tenant)

    async with owner_connection(owner_urls["main"]) as owner:
        sent = "SELECT count(*) FROM dramatiq.queue WHERE queue_name = 'duplicates' AND message::text LIKE $1"
        assert await owner.fetchval(sent, f"%{world.tenant.id}%") == 1
    assert not await begin_day(world.tenant)


# Deciding


async def test_two_that_were_called_different_are_not_asked_about_again(world: World):
    """Twice the same question is a nuisance."""
    await world.admin.post("/accounts", name="corner shops")
    (case,) = await cases(world)

    for _ in range(2):
        assert (await world.admin.send("POST", f"/duplicates/{case['id']}/dismissal")).status_code == 204

    assert (await sweep(world), await cases(world)) == (0, [])
    assert [c["id"] for c in await cases(world, status="dismissed")] == [case["id"]]


async def test_merging_closes_the_case_and_undoing_says_that_they_differ(world: World):
    """The list is what is left to do."""
    other = (await world.admin.post("/accounts", name="corner shops"))["id"]
    (case,) = await cases(world, row_id=other)
    made = await world.admin.post("/merges", entity="account", winner_id=world.ids["account"], loser_id=other)

    assert await cases(world) == []
    assert [c["id"] for c in await cases(world, status="merged")] == [case["id"]]
    refused = await world.admin.refusal("POST", f"/duplicates/{case['id']}/dismissal")
    await world.admin.post(f"/merges/{made['id']}/undo")

    assert refused[:2] == (409, "case_decided")
    assert [c["id"] for c in await cases(world, status="dismissed")] == [case["id"]]


@pytest.mark.parametrize("query", [{"status": "lost"}, {"row_id": "1"}, {"colour": "red"}])
async def test_bad_input_is_named(world: World, query: dict[str, str]):
    """What is wrong, and where."""
    assert await world.admin.refusal("GET", "/duplicates", params=query) == (400, "invalid_input", list(query))


async def test_a_foreign_tenants_case_is_one_that_never_was(
    world: World, new_tenant: Callable[[], Awaitable[TenantRef]]
):
    """Nobody can probe for the neighbours' ids; nor does a rep dismiss."""
    await world.admin.post("/accounts", name="corner shops")
    (case,) = await cases(world)
    foreign = await make_world(APP, await new_tenant())

    theirs = await foreign.owner.send("POST", f"/duplicates/{case['id']}/dismissal")
    nobodys = await foreign.owner.send("POST", f"/duplicates/{uuid7()}/dismissal")

    assert (theirs.status_code, theirs.content) == (404, nobodys.content)
    assert await foreign.owner.get("/duplicates") == {"items": []}
    assert (await world.rep.refusal("POST", f"/duplicates/{case['id']}/dismissal"))[:2] == (404, "not_found")
