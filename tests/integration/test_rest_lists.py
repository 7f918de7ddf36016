"""Lists over REST: every page once, in order, whatever is added meanwhile; filters and their mistakes."""

import random
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from outrider_sdk.protocol.entities import ACCOUNT, PRICE_ITEM, Kind

from server.crm.listing import sortable
from server.db import SYSTEM, TenantRef, connection, tenant_write
from tests.integration.application import APP
from tests.integration.rest_world import Person, World, make_world

ACCOUNTS = 60
NAMES = ["Åse", "zeta", "Alpha", "alpha", "", "50% off", "under_score", "Ж", "a\\b", "Café"]


@pytest.fixture(scope="module")
async def world(new_tenant: Callable[[], Awaitable[TenantRef]]) -> World:
    world = await make_world(APP, await new_tenant())
    chance = random.Random(1)
    async with tenant_write(world.tenant, by=SYSTEM):
        for number in range(ACCOUNTS):
            legal_name = chance.choice([None, None, "Same", f"Legal {number}"])
            await connection().execute(
                "INSERT INTO account (id, name, legal_name, created_at)"
                " VALUES (gen_random_uuid(), $1, $2, now() + $3 * interval '1 s')",
                chance.choice(NAMES),
                legal_name,
                number // 3,
            )
    return world


async def walk(person: Person, path: str, limit: int, **params: Any) -> list[dict[str, Any]]:
    """All pages, one after another."""
    rows: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    while True:
        page = await person.get(path, limit=limit, **params, **after)
        assert len(page["items"]) <= limit
        rows += page["items"]
        if page["next"] is None:
            return rows
        assert len(page["items"]) == limit
        after = {"after": page["next"]}


@given(
    st.sampled_from([sign + f.name for f in ACCOUNT.all_fields if sortable(f) for sign in ("", "-")]),
    st.integers(1, ACCOUNTS + 1),
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_pages_put_together_are_the_whole_list(world: World, sort: str, limit: int):
    """Each row once, in one order, also among equal values and nulls."""
    whole = (await world.admin.get("/accounts", limit=200, sort=sort))["items"]

    pages = await walk(world.admin, "/accounts", limit, sort=sort)

    assert [row["id"] for row in pages] == [row["id"] for row in whole]
    assert len({row["id"] for row in pages}) == ACCOUNTS
    backwards = sort.removeprefix("-") if sort.startswith("-") else f"-{sort}"
    reverse = (await world.admin.get("/accounts", limit=200, sort=backwards))["items"]
    assert [row["id"] for row in reversed(reverse)] == [row["id"] for row in whole]


async def test_a_row_added_behind_the_cursor_neither_repeats_nor_hides_others(world: World):
    """Page numbers would shift; a cursor stays where it is."""
    first = await world.admin.get("/accounts", limit=10, sort="name", **{"name.gt": "a"})
    added = await world.admin.post("/accounts", name="a!")

    second = await world.admin.get("/accounts", limit=200, sort="name", after=first["next"], **{"name.gt": "a"})

    seen = [row["id"] for row in first["items"] + second["items"]]
    assert added["id"] not in seen
    whole = await walk(world.admin, "/accounts", 200, sort="name", **{"name.gt": "a"})
    assert seen == [row["id"] for row in whole if row["id"] != added["id"]]
    assert (await world.admin.send("DELETE", f"/accounts/{added['id']}")).status_code == 204


@pytest.mark.parametrize(
    ("filters", "keeps"),
    [
        ({"name": "alpha"}, lambda row: row["name"] == "alpha"),
        ({"name.contains": "ALPH"}, lambda row: "alph" in row["name"].lower()),
        ({"name.contains": "%"}, lambda row: "%" in row["name"]),
        ({"name.contains": "_"}, lambda row: "_" in row["name"]),
        ({"name.contains": "\\"}, lambda row: "\\" in row["name"]),
        ({"name.contains": "é"}, lambda row: "é" in row["name"]),
        ({"name.in": "alpha,zeta"}, lambda row: row["name"] in {"alpha", "zeta"}),
        ({"legal_name": "Same", "name": "zeta"}, lambda row: (row["legal_name"], row["name"]) == ("Same", "zeta")),
        ({"revision.gt": "0"}, lambda row: True),
        ({"revision.lt": "0"}, lambda row: False),
        ({"name": "' OR 1=1 --"}, lambda row: False),
        ({"name": "{}"}, lambda row: False),
        ({"created_at.gt": "2000-01-01T00:00:00+00:00"}, lambda row: True),
        ({"created_at.lt": "2000-01-01T00:00:00Z"}, lambda row: False),
    ],
)  # fmt: skip
async def test_filters_keep_what_they_say(
    world: World, filters: dict[str, str], keeps: Callable[[dict[str, Any]], bool]
):
    """Nothing else, and nothing less, whatever characters are in them."""
    whole = await walk(world.admin, "/accounts", 200)

    kept = await walk(world.admin, "/accounts", 7, **filters)

    assert [row["id"] for row in kept] == [row["id"] for row in whole if keeps(row)]


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"colour": "red"}, "colour"),
        ({"stamps": "{}"}, "stamps"),
        ({"tags": "[]"}, "tags"),
        ({"name.like": "a"}, "name.like"),
        ({"name.": "a"}, "name."),
        ({"name": "a\x00"}, "name"),
        ({"id": "5"}, "id"),
        ({"id.gt": "00000000-0000-7000-8000-000000000000"}, "id.gt"),
        ({"revision.gt": "many"}, "revision.gt"),
        ({"revision": "99999999999999999999"}, "revision"),
        ({"revision.in": "1,,2"}, "revision.in"),
        ({"created_at.gt": "2030-01-31"}, "created_at.gt"),
        ({"created_at.gt": "2030-01-31T12:00:00"}, "created_at.gt"),
        ({"created_at.gt": "0001-01-01T00:00:00+14:00"}, "created_at.gt"),
        ({"parent_id.in": ",".join(["00000000-0000-7000-8000-000000000000"] * 101)}, "parent_id.in"),
        ({"sort": "tags"}, "sort"),
        ({"sort": "colour"}, "sort"),
        ({"sort": "--name"}, "sort"),
        ({"limit": "0"}, "limit"),
        ({"limit": "201"}, "limit"),
        ({"limit": "ten"}, "limit"),
        ({"after": "nonsense"}, "after"),
        ({"after": "WyJpZCIsIG51bGwsICJ4Il0"}, "after"),
        ({"after": "é"}, "after"),
    ],
)
async def test_a_wrong_parameter_is_named(world: World, params: dict[str, str], field: str):
    """A filter that is quietly ignored shows the wrong customers."""
    assert await world.admin.refusal("GET", "/accounts", params=params) == (400, "invalid_input", [field])


async def test_a_parameter_given_twice_is_refused(world: World):
    """Which of the two was meant?"""
    refused = await world.admin.refusal("GET", "/accounts?name=a&name=b")

    assert refused == (400, "invalid_input", ["name"])


async def test_a_cursor_belongs_to_its_sort(world: World):
    """Going on in another order would skip rows."""
    page = await world.admin.get("/accounts", limit=1, sort="name")

    refused = await world.admin.refusal("GET", "/accounts", params={"after": page["next"], "sort": "-name"})

    assert refused == (400, "invalid_input", ["after"])


async def test_decimals_are_compared_as_numbers(world: World):
    """9.5 is less than 10, though not as text."""
    assert PRICE_ITEM.by_name["price"].kind is Kind.DECIMAL
    await world.trade()

    cheap = await walk(world.admin, "/price-items", 2, **{"price.lt": "9.5"})
    dear = await walk(world.admin, "/price-items", 2, sort="-price", **{"price.gt": "9.5"})

    assert [Decimal(row["price"]) for row in cheap] == [Decimal("2.5")]
    assert [Decimal(row["price"]) for row in dear] == [55, 10]


async def test_a_reps_pages_hold_only_what_they_see(world: World):
    """Also the cursor of a hidden row leads nowhere but on."""
    hidden = await world.admin.get("/accounts", limit=5, sort="name")

    page = await world.other_rep.get("/accounts", limit=5, sort="name", after=hidden["next"])

    assert page == {"items": [], "next": None}
