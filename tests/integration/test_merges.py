"""Merging two accounts or contacts, and undoing it: nothing is lost, old ids go on working, and back is back."""

import json
import random
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from outrider_sdk.protocol.entities import ENTITIES
from outrider_sdk.protocol.ids import uuid7

from server.crm.resource import REFERRED_BY
from server.db import SYSTEM, TenantRef, connection, tenant_transaction, tenant_write
from tests.integration import rest_world
from tests.integration.application import APP
from tests.integration.rest_world import World, make_world

world = rest_world.trading

NOT_COMPARED = {"revision", "updated_at", "stamps"}


async def merge(world: World, entity: str, winner: str, loser: str, **values: str) -> dict[str, Any]:
    body = {"entity": entity, "winner_id": winner, "loser_id": loser, "values": values}
    made: dict[str, Any] = await world.admin.post("/merges", **body)
    return made


async def content(world: World) -> dict[str, dict[UUID, dict[str, Any]]]:
    """All rows of all entities but merges, deleted ones too, without what every write changes."""
    async with tenant_transaction(world.tenant, snapshot=True) as conn:
        found = {}
        for name in ENTITIES.keys() - {"merge"}:
            rows = await conn.fetch(f'SELECT * FROM "{name}"')
            found[name] = {r["id"]: {k: v for k, v in r.items() if k not in NOT_COMPARED} for r in rows}
        external = await conn.fetch("SELECT * FROM external_id")
        return found | {"external_id": {r["value"]: dict(r) for r in external}}


async def twins(world: World) -> tuple[str, str]:
    """The account of the company, and one that is the same, with a person and an outlet of its own."""
    twin = (await world.admin.post("/accounts", name="Corner Shops Ltd", tags=["sweet"], tax_id="NL004495445B01"))["id"]
    outlet = (await world.admin.post("/outlets", name="Corner Shop 2", account_id=twin))["id"]
    await world.admin.post("/contacts", account_id=twin, outlet_id=outlet, name="Ann")
    await world.agreement(twin)
    return world.ids["account"], twin


# Merging


async def test_what_referred_to_the_loser_refers_to_the_winner(world: World):
    """No outlet, person, order or term is lost by tidying up."""
    winner, loser = await twins(world)

    made = await merge(world, "account", winner, loser)

    assert (made["winner_id"], made["loser_id"], made["undone_at"]) == (winner, loser, None)
    assert len((await world.admin.get("/outlets", account_id=winner))["items"]) == 2
    assert [c["name"] for c in (await world.admin.get("/contacts", account_id=winner))["items"]] == ["Ann"]
    assert len((await world.admin.get("/agreements", account_id=winner))["items"]) == 2
    assert loser not in [a["id"] for a in (await world.admin.get("/accounts"))["items"]]


async def test_tags_are_united_empty_fields_are_filled_and_the_rest_is_chosen(world: World):
    """Nobody retypes a tax id because it stood in the other row."""
    winner, loser = await twins(world)
    await world.admin.patch(f"/accounts/{winner}", tags=["key"])
    async with tenant_write(world.tenant, by=SYSTEM):
        for row_id, custom in ((winner, {"a": 1}), (loser, {"a": 2, "b": 3})):
            await connection().execute("UPDATE account SET custom = $2 WHERE id = $1", row_id, json.dumps(custom))

    await merge(world, "account", winner, loser, name="loser")

    shown = await world.admin.get(f"/accounts/{winner}")
    assert (shown["name"], shown["tags"], shown["tax_id"]) == ("Corner Shops Ltd", ["key", "sweet"], "NL004495445B01")
    assert shown["custom"] == {"a": 1, "b": 3}


async def test_merging_answers_whether_two_of_one_tax_id_are_one_and_undoing_asks_again(world: World):
    """Who merged them need not say so twice; a third account of that number is another question."""
    winner, loser = await twins(world)
    await world.admin.patch(f"/accounts/{winner}", tax_id="NL 0044.95.445.B01")
    third = (await world.admin.post("/accounts", name="Third", tax_id="NL004495445B01"))["id"]

    async def asked() -> dict[str, str]:
        found = (await world.admin.get("/conflicts", field="tax_id"))["items"]
        return {each["row_id"]: each["status"] for each in found}

    await merge(world, "account", winner, third)
    with_another = await asked()
    made = await merge(world, "account", winner, loser)
    settled = await asked()
    await world.admin.post(f"/merges/{made['id']}/undo")

    assert with_another == {winner: "open", third: "open"}
    assert settled == {winner: "settled", third: "settled"}
    assert await asked() == {winner: "open", third: "open"}


async def test_equal_channels_are_kept_once(world: World):
    """One number, however it was written, is called once."""
    ids = []
    for name, values in (("Ann", ("+31 50 318 1234", "a@b.example")), ("Anne", ("050-318 1234", "c@d.example"))):
        person = await world.admin.post("/contacts", account_id=world.ids["account"], name=name)
        ids.append(person["id"])
        for kind, value in zip(("phone", "email"), values, strict=True):
            await world.admin.post("/contact-channels", contact_id=person["id"], channel_kind=kind, value=value)

    await merge(world, "contact", *ids)

    channels = (await world.admin.get("/contact-channels", contact_id=ids[0]))["items"]
    assert sorted(c["value"] for c in channels) == ["+31503181234", "a@b.example", "c@d.example"]


async def test_old_ids_go_on_working_over_rest(world: World):
    """An integration that remembers the loser's id reads, changes and refers to the winner; it cannot delete it."""
    winner, loser = await twins(world)
    await merge(world, "account", winner, loser)

    read = await world.admin.send("GET", f"/accounts/{loser}")
    changed = await world.admin.patch(f"/accounts/{loser}", legal_name="Corner Shops Ltd")
    person = await world.admin.post("/contacts", account_id=loser, name="Zoe")

    assert (read.json()["id"], read.headers["Content-Location"]) == (winner, f"/accounts/{winner}")
    assert (changed["id"], changed["legal_name"], person["account_id"]) == (winner, "Corner Shops Ltd", winner)
    assert (await world.admin.send("DELETE", f"/accounts/{loser}")).status_code == 404


async def test_old_ids_are_one_step_away_however_often_it_was_merged(world: World):
    """Three rows of one customer, merged one after the other."""
    winner, loser = await twins(world)
    third = (await world.admin.post("/accounts", name="Corner"))["id"]
    first = await merge(world, "account", loser, third)

    await merge(world, "account", winner, loser)

    assert (await world.admin.get(f"/accounts/{third}"))["id"] == winner
    assert (await world.admin.refusal("POST", f"/merges/{first['id']}/undo"))[:2] == (409, "merge_built_upon")


async def test_a_merge_that_comes_twice_is_one(world: World):
    """The reply was lost; the second request is answered with the same merge."""
    winner, loser = await twins(world)

    assert await merge(world, "account", winner, loser) == await merge(world, "account", winner, loser)


@pytest.mark.parametrize("levels", [1, 2])
async def test_a_winner_below_its_loser_takes_its_place(world: World, levels: int):
    """The tree stays a tree: nothing is above itself."""
    chain = [(await world.admin.post("/accounts", name=f"A{n}"))["id"] for n in range(levels + 2)]
    for child, parent in zip(chain[1:], chain, strict=False):
        await world.admin.patch(f"/accounts/{child}", parent_id=parent)
    top, loser, winner = chain[0], chain[1], chain[-1]

    await merge(world, "account", winner, loser)

    assert (await world.admin.get(f"/accounts/{winner}"))["parent_id"] == top
    if levels == 2:
        assert (await world.admin.get(f"/accounts/{chain[2]}"))["parent_id"] == winner


async def test_an_external_id_finds_the_winner(world: World):
    """The nightly feed goes on updating one row, not making the loser anew."""
    winner, loser = await twins(world)
    async with tenant_write(world.tenant, by=SYSTEM):
        await connection().execute("INSERT INTO external_id VALUES ('erp', 'account', 'K-7', $1)", loser)

    made = await merge(world, "account", winner, loser)
    merged = (await content(world))["external_id"]["K-7"]["row"]
    await world.admin.post(f"/merges/{made['id']}/undo")

    assert str(merged) == winner
    assert str((await content(world))["external_id"]["K-7"]["row"]) == loser


async def test_what_was_said_of_the_loser_is_said_of_the_winner(world: World):
    """A comment names its record by entity and id, and goes along; an id of another entity stays what it is."""
    winner, loser = await twins(world)
    said = [
        (await world.admin.post("/comments", entity="account", row_id=row_id, body="Ring twice"))["id"]
        for row_id in (loser, winner)
    ]

    made = await merge(world, "account", winner, loser)
    merged = [(await world.admin.get(f"/comments/{each}"))["row_id"] for each in said]
    await world.admin.post(f"/merges/{made['id']}/undo")

    assert merged == [winner, winner]
    assert [(await world.admin.get(f"/comments/{each}"))["row_id"] for each in said] == [loser, winner]


# Who may, and what is refused


async def test_managers_and_admins_merge_and_reps_do_not(world: World):
    """A merge reaches further than a rep sees."""
    winner, loser = await twins(world)
    body = {"entity": "account", "winner_id": winner, "loser_id": loser}

    assert (await world.rep.refusal("POST", "/merges", body))[:2] == (403, "forbidden")
    assert (await world.manager.refusal("POST", "/merges", body))[:2] == (404, "not_found")
    made = await merge(world, "account", winner, loser)
    assert (await world.rep.refusal("POST", f"/merges/{made['id']}/undo"))[:2] == (403, "forbidden")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"loser_id": "winner"}, "loser_id"),
        ({"values": {"parent_id": "loser"}}, "values.parent_id"),
        ({"values": {"name": "both"}}, "values"),
        ({"entity": "order"}, "entity"),
        ({"loser_id": "no id"}, "loser_id"),
    ],
)
async def test_bad_input_is_named(world: World, body: dict[str, Any], field: str):
    """What is wrong, and where."""
    winner, loser = await twins(world)
    given = {"entity": "account", "winner_id": winner, "loser_id": loser} | body
    given["loser_id"] = winner if given["loser_id"] == "winner" else given["loser_id"]

    status, code, fields = await world.admin.refusal("POST", "/merges", given)

    assert (status, code) == (400, "invalid_input")
    assert any(name.startswith(field) for name in fields), fields


async def test_a_foreign_tenants_rows_are_rows_that_never_were(
    world: World, new_tenant: Callable[[], Awaitable[TenantRef]]
):
    """Nobody can probe for the neighbours' ids, nor undo their merges."""
    winner, loser = await twins(world)
    made = await merge(world, "account", winner, loser)
    foreign = await make_world(APP, await new_tenant())

    for path, body in (("/merges", {"entity": "account", "winner_id": winner, "loser_id": loser}),):
        theirs = await foreign.owner.send("POST", path, body)
        nobodys = await foreign.owner.send("POST", path, body | {"winner_id": str(uuid7()), "loser_id": str(uuid7())})
        assert (theirs.status_code, theirs.content) == (404, nobodys.content)
    undone = await foreign.owner.send("POST", f"/merges/{made['id']}/undo")
    unknown = await foreign.owner.send("POST", f"/merges/{uuid7()}/undo")
    assert (undone.status_code, undone.content) == (404, unknown.content)
    assert (await world.admin.get(f"/merges/{made['id']}"))["undone_at"] is None


# Undoing


async def test_what_was_changed_since_stays_and_is_told(world: World):
    """Undoing takes back the merge, not what people did after it."""
    winner, loser = await twins(world)
    made = await merge(world, "account", winner, loser, name="loser")
    await world.admin.patch(f"/accounts/{winner}", name="Corner & Co")
    person = await world.admin.post("/contacts", account_id=winner, name="Zoe")

    undone = await world.admin.post(f"/merges/{made['id']}/undo")

    assert undone["merge"]["undone_at"] is not None
    told = {(s["entity"], s["row_id"], s["field"]): s["reason"] for s in undone["stayed"]}
    assert told == {
        ("account", winner, "name"): "It was changed since the merge.",
        ("contact", person["id"], "account_id"): "It was made since the merge.",
    }
    assert (await world.admin.get(f"/accounts/{winner}"))["name"] == "Corner & Co"
    assert (await world.admin.get(f"/accounts/{loser}"))["id"] == loser
    assert (await world.admin.post(f"/merges/{made['id']}/undo"))["stayed"] == []


async def test_a_merge_into_a_row_deleted_since_cannot_be_undone(world: World):
    """There is nothing to take the values back from."""
    ids = [
        (await world.admin.post("/contacts", account_id=world.ids["account"], name=n))["id"] for n in ("Ann", "Anne")
    ]
    made = await merge(world, "contact", *ids)
    await world.admin.send("DELETE", f"/contacts/{ids[0]}")

    assert (await world.admin.refusal("POST", f"/merges/{made['id']}/undo"))[:2] == (409, "merge_built_upon")


class Company:
    """A random one: accounts in trees, with outlets, contacts, channels and orders, some of them deleted."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.dice = world, random.Random(seed)
        self.ids: dict[str, list[UUID]] = {}

    async def insert(self, table: str, /, **values: Any) -> None:
        row_id = uuid7()
        names, places = ", ".join(values), ", ".join(f"${n}" for n in range(2, len(values) + 2))
        await connection().execute(
            f'INSERT INTO "{table}" (id, {names}) VALUES ($1, {places})', row_id, *values.values()
        )
        self.ids.setdefault(table, []).append(row_id)

    async def found(self) -> None:
        dice, ids = self.dice, {k: UUID(v) for k, v in self.world.ids.items()}
        async with tenant_write(self.world.tenant, by=SYSTEM):
            for n in range(6):
                await self.insert(
                    "account", name=f"A{n}", legal_name=dice.choice([None, "L"]),
                    tags=json.dumps(dice.sample("abcd", 2)),
                    parent_id=dice.choice([None, *self.ids.get("account", [])]), custom=json.dumps({str(n % 2): n}),
                )  # fmt: skip
            for n in range(12):
                account = dice.choice(self.ids["account"])
                await self.insert("outlet", name=f"O{n}", account_id=account)
                await self.insert(
                    "agreement", account_id=account, legal_entity_id=ids["legal_entity"],
                    price_list_id=ids["price_list"], currency="EUR",
                )  # fmt: skip
                await self.insert("contact", name=f"C{n}", account_id=account, job_title=dice.choice([None, "J"]))
                for contact in self.ids["contact"][-2:]:
                    value = dice.choice(["+31503181234", "050 318 1234", "0612345678"])
                    await self.insert("contact_channel", contact_id=contact, channel_kind="phone", value=value)
                await self.insert(
                    "order", number=f"N{n}", outlet_id=self.ids["outlet"][-1], account_id=account,
                    maker_id=self.world.rep.id, owner_id=self.world.rep.id, credited_id=self.world.rep.id,
                    legal_entity_id=ids["legal_entity"], agreement_id=self.ids["agreement"][-1],
                    warehouse_id=ids["warehouse"], price_list_id=ids["price_list"], currency="EUR",
                )  # fmt: skip
            for table in ("contact", "contact_channel", "outlet", "order"):
                await connection().execute(f'DELETE FROM "{table}" WHERE id = $1', dice.choice(self.ids[table]))

    async def pair(self, entity: str) -> tuple[str, str]:
        async with tenant_transaction(self.world.tenant) as conn:
            live = [
                r["id"] for r in await conn.fetch(f'SELECT id FROM "{entity}" WHERE deleted_at IS NULL ORDER BY id')
            ]
        winner, loser = self.dice.sample(live, 2)
        return str(winner), str(loser)


@pytest.mark.parametrize("seed", range(6))
async def test_merges_undone_in_reverse_are_as_if_they_had_never_been(world: World, seed: int):
    """Identity: rows, values, references, tombstones; whatever was merged, in whatever order."""
    company = Company(world, seed)
    await company.found()
    histories = []

    for n in range(4):
        entity = ("account", "contact")[(seed + n) % 2]
        winner, loser = await company.pair(entity)
        histories.append(await content(world))
        chosen = {f: company.dice.choice(("winner", "loser")) for f in ("name",)}
        histories.append(await merge(world, entity, winner, loser, **chosen))

    while histories:
        made, before = histories.pop(), histories.pop()
        undone = await world.admin.post(f"/merges/{made['id']}/undo")
        assert undone["stayed"] == []
        assert await content(world) == before


@pytest.mark.parametrize("seed", range(6))
async def test_a_merge_never_loses_a_row_and_leaves_no_reference_to_the_loser(world: World, seed: int):
    """Every child is still there, and belongs to the winner; only equal channels are fewer."""
    company = Company(world, 100 + seed)
    await company.found()
    entity = ("account", "contact")[seed % 2]
    winner, loser = await company.pair(entity)
    before = await content(world)

    await merge(world, entity, winner, loser)

    after = await content(world)
    for name, column in REFERRED_BY[entity]:
        assert after[name].keys() == before[name].keys()
        expected = {i: UUID(winner) if r[column] == UUID(loser) else r[column] for i, r in before[name].items()}
        own = {UUID(winner)} if name == entity else set()  # its place in the tree is another test's
        assert {i: r[column] for i, r in after[name].items() if i not in own} == {
            i: v for i, v in expected.items() if i not in own
        }
    died = {
        (name, i)
        for name, rows in after.items() if name != "external_id"
        for i, row in rows.items() if row["deleted_at"] and not before[name][i]["deleted_at"]
    }  # fmt: skip
    assert died - {(entity, UUID(loser))} <= {("contact_channel", i) for i in after["contact_channel"]}
