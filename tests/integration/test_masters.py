"""Fields that another system masters: a person's edit is a request, whichever way it comes."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from server.db import TenantRef
from server.imports.plan import Wishes
from tests.integration import sync_world
from tests.integration.application import APP
from tests.integration.import_world import Office
from tests.integration.rest_world import Person, World, make_key, make_world
from tests.integration.sync_oracle import assert_converged
from tests.integration.sync_world import WireDevice, create, new_id


@pytest.fixture
async def world(tenant: TenantRef) -> World:
    world = await (await make_world(APP, tenant)).trade()
    await world.admin.post("/field-masters", entity="account", field="name", system="erp")
    return world


@pytest.fixture
async def account(world: World) -> str:
    return f"/accounts/{world.ids['account']}"


@pytest.fixture
async def erp(world: World) -> Person:
    return (await make_key(world, system="erp"))[0]


async def requests(person: Person, **filters: Any) -> list[dict[str, Any]]:
    return (await person.get("/conflicts", rule="request", **filters))["items"]


async def test_an_edit_of_a_foreign_field_becomes_a_request_and_the_rest_goes_through(world: World, account: str):
    """What is typed is not lost, and what the ERP decides is not overwritten."""
    reply = await world.rep.send("PATCH", account, {"name": "Corner & Co", "tags": ["key"]})

    (asked,) = await requests(world.rep)
    assert (reply.json()["name"], reply.json()["tags"]) == ("Corner Shops", ["key"])
    assert reply.headers["link"] == f'</conflicts/{asked["id"]}>; rel="request"; title="name"'
    assert (asked["kept"], asked["seen"], asked["lost"]) == ("Corner Shops", "Corner Shops", "Corner & Co")
    assert (asked["lost_by"], asked["status"], asked["field"]) == (str(world.rep.id), "open", "name")
    assert "kept in erp" in asked["explanation"]


async def test_an_admin_asks_too_and_may_then_accept(world: World, account: str):
    """Two steps, so that nobody overwrites the ERP by mistake."""
    await world.admin.patch(account, name="Corner & Co")
    (asked,) = await requests(world.admin)

    settled = await world.admin.post(f"/conflicts/{asked['id']}/settlement", choice="take")

    assert (settled["status"], settled["settlement"]) == ("settled", "take")
    assert (await world.admin.get(account))["name"] == "Corner & Co"


async def test_who_asked_may_take_it_back_and_not_accept_it(world: World, account: str, erp: Person):
    """A master that reps could overrule would be none."""
    await world.rep.patch(account, name="Corner & Co")
    (asked,) = await requests(world.rep)
    path = f"/conflicts/{asked['id']}/settlement"

    refused = await world.rep.refusal("POST", path, {"choice": "take"})
    taken_back = await world.rep.post(path, choice="keep")

    assert refused[:2] == (403, "forbidden")
    assert taken_back["settlement"] == "keep"
    assert (await erp.refusal("POST", path, {"choice": "take"}))[:2] == (409, "conflict_settled")


async def test_the_system_writes_its_fields_and_meets_requests_by_doing_so(world: World, account: str, erp: Person):
    """The integrator need not know of requests at all: bringing the value is accepting it."""
    await world.rep.patch(account, name="Corner & Co")

    await erp.patch(account, name="Corner and Co")
    (still,) = await requests(erp)
    await erp.patch(account, name="Corner & Co")
    (met,) = await requests(erp)

    assert still["status"] == "open"
    assert (met["status"], met["settlement"], met["settled_by"]) == ("settled", "take", str(erp.id))


async def test_the_system_may_decline_whatever_stands_by_then(world: World, account: str, erp: Person):
    """Declining writes nothing, so nothing has to be looked at again."""
    await world.rep.patch(account, name="Corner & Co")
    (asked,) = await requests(erp)
    await erp.patch(account, name="Corner Shops BV")

    declined = await erp.post(f"/conflicts/{asked['id']}/settlement", choice="keep")

    assert declined["settlement"] == "keep"
    assert (await world.admin.get(account))["name"] == "Corner Shops BV"


async def test_a_key_of_another_system_asks_like_anybody(world: World, account: str):
    """Being a program is no right."""
    shop, _ = await make_key(world, system="webshop")

    await shop.patch(account, name="Corner & Co")
    (asked,) = await requests(world.admin)

    assert (await world.admin.get(account))["name"] == "Corner Shops"
    assert (await shop.refusal("POST", f"/conflicts/{asked['id']}/settlement", {"choice": "take"}))[:2] == (
        403,
        "forbidden",
    )


async def test_the_last_of_ones_requests_counts(world: World, account: str):
    """Who corrects a typing mistake does not ask for both."""
    await world.rep.patch(account, name="Corner & C")
    await world.rep.patch(account, name="Corner & Co")

    found = {each["lost"]: each["status"] for each in await requests(world.admin)}

    assert found == {"Corner & C": "settled", "Corner & Co": "open"}


async def test_bulk_requests_ask_as_single_ones_do(world: World):
    """No way around it."""
    change = {"op": "change", "id": world.ids["account"], "data": {"name": "Corner & Co", "tags": ["key"]}}
    reply = await world.rep.send("POST", "/accounts/bulk", {"operations": [change]})

    assert [(r["status"], r["row"]["name"], r["row"]["tags"]) for r in reply.json()["results"]] == [
        (200, "Corner Shops", ["key"])
    ]
    assert [each["lost"] for each in await requests(world.admin)] == ["Corner & Co"]


async def test_new_rows_are_free_and_what_is_equal_is_no_request(world: World, account: str):
    """Who meets a new customer writes their name down; who saves a form without a change asks for nothing."""
    made = await world.rep.post("/accounts", name="New Shop")
    await world.rep.patch(account, name="Corner Shops")

    assert made["name"] == "New Shop"
    assert await requests(world.admin) == []


async def test_custom_fields_and_decimals_have_masters_too(world: World, account: str, erp: Person):
    """An ERP keeps a segment and a discount as well as a name."""
    await world.admin.post("/custom-fields", entity="account", key="segment", label="Segment", field_type="text")
    await world.admin.post("/custom-fields", entity="account", key="mood", label="Mood", field_type="text")
    await world.admin.post("/field-masters", entity="account", field="custom.segment", system="erp")
    await world.admin.post("/field-masters", entity="agreement", field="discount_max", system="erp")
    terms = f"/agreements/{world.ids['agreement']}"

    await world.admin.patch(account, custom={"segment": "A", "mood": "fine"})
    await world.admin.patch(terms, discount_max="0.25", payment_terms_days=14)
    asked = {each["field"]: each["lost"] for each in await requests(world.admin)}
    await erp.patch(account, custom={"segment": "A"})
    await erp.patch(terms, discount_max="0.250")

    assert asked == {"custom.segment": "A", "discount_max": "0.25"}
    assert (await world.admin.get(account))["custom"] == {"segment": "A", "mood": "fine"}
    agreed = await world.admin.get(terms)
    assert (agreed["payment_terms_days"], float(agreed["discount_max"])) == (14, 0.25)
    assert {each["status"] for each in await requests(world.admin)} == {"settled"}


@pytest.mark.parametrize(
    ("entity", "field"),
    [("order", "note"), ("account", "id"), ("account", "nothing"), ("stock", "as_of"), ("nothing", "name")],
)
async def test_what_can_have_no_master_is_named(world: World, entity: str, field: str):
    """Captured work is ours, and what is nowhere cannot be mastered."""
    body = {"entity": entity, "field": field, "system": "erp"}

    assert await world.admin.refusal("POST", "/field-masters", body) == (400, "invalid_input", ["field"])


async def test_a_field_has_one_master_and_admins_alone_name_it(world: World):
    """Two masters would overwrite each other each night."""
    body = {"entity": "account", "field": "name", "system": "webshop"}

    assert (await world.admin.refusal("POST", "/field-masters", body))[:2] == (409, "already_there")
    assert (await world.manager.refusal("POST", "/field-masters", body | {"field": "tax_id"}))[:2] == (403, "forbidden")


async def test_a_sheet_of_somebodys_asks_and_the_file_of_the_system_writes(tenant: TenantRef, tmp_path: Path):
    """The nightly feed names its system, and is its word; a sheet that somebody made at home is not."""
    office = Office(tenant, tmp_path)
    text = "name,tax_id,legal_name\n{},NL004495445B01,{}\n"
    await office.load("a.csv", text.format("Corner Shop", "Corner BV"), "account")
    await office.write_sql(
        "INSERT INTO field_master (id, entity, field, system) VALUES ($1, 'account', 'name', 'erp')", UUID(new_id())
    )

    await office.load("b.csv", text.format("Corner & Co", "Corner Shop BV"), "account")
    asked = await office.fetch("SELECT rule, lost::text, status FROM conflict")
    after_sheet, reasons = await office.fetch("SELECT name, legal_name FROM account"), office.reasons()
    path = office.write("c.csv", text.format("Corner & Co", "Corner Shop BV"))
    importer = await office.importer(path, Wishes("account"))
    importer.system = "erp"
    claim = await office.begin(importer, path)
    await importer.run(office.number, claim)

    assert asked == [("request", '"Corner & Co"', "open")]
    assert after_sheet == [("Corner Shop", "Corner Shop BV")]
    assert reasons == [(2, "updated", None, "“name” is kept in erp, which was asked for the change")]
    assert await office.one("SELECT name FROM account") == "Corner & Co"
    assert await office.fetch("SELECT status, settlement FROM conflict") == [("settled", "take")]


async def test_undoing_an_import_takes_its_requests_back(tenant: TenantRef, tmp_path: Path):
    """What the wrong file asked for is asked no more."""
    office = Office(tenant, tmp_path)
    await office.load("a.csv", "id,name\nC1,Corner Shop\n", "account")
    await office.write_sql(
        "INSERT INTO field_master (id, entity, field, system) VALUES ($1, 'account', 'name', 'erp')", UUID(new_id())
    )
    await office.load("b.csv", "id,name\nC1,Corner & Co\n", "account")

    await office.undo()

    assert await office.one("SELECT count(*) FROM conflict WHERE deleted_at IS NULL") == 0


@pytest.fixture
async def field(tenant: TenantRef) -> sync_world.World:
    """Where reps work, with names of accounts and job titles of contacts kept in the ERP."""
    world = await sync_world.make_world(tenant)
    for entity, name in (("account", "name"), ("contact", "job_title")):
        await world.execute(
            "INSERT INTO field_master (id, entity, field, system) VALUES ($1, $2, $3, 'erp')", new_id(), entity, name
        )
    return world


@pytest.fixture
async def ann(field: sync_world.World) -> WireDevice:
    return await field.pulled_device("ann")


async def test_a_device_asks_and_its_other_fields_go_through(field: sync_world.World, ann: WireDevice):
    """Offline, nobody can ask first; the rep's work is kept and the ERP's value stands."""
    outcome = await ann.edit("account", field.shop, name="Corner & Co", tags='["a"]')
    await ann.pull()

    (asked,) = ann.rows["conflict"].values()
    account = ann.rows["account"][field.shop]
    assert (outcome["status"], outcome["conflicts"][0]["yours"]) == ("merged", "pending")
    assert "kept in erp" in outcome["explanation"]
    assert (account["name"], account["tags"]) == ("Corner Shop", '["a"]')
    assert (asked["rule"], asked["status"], asked["lost_by"]) == ("request", "open", field.ann)
    assert [json.loads(asked[n]) for n in ("seen", "kept", "lost")] == ["Corner Shop", "Corner Shop", "Corner & Co"]
    assert {row["field"] for row in ann.rows["field_master"].values()} == {"name", "job_title"}
    await assert_converged(field, ann)


async def test_a_request_alone_does_not_touch_the_row(field: sync_world.World, ann: WireDevice):
    """A revision without a change would send the row to everybody."""
    before = ann.rows["account"][field.shop]["revision"]
    await ann.edit("account", field.shop, name="Corner & Co")
    await ann.pull()

    assert ann.rows["account"][field.shop]["revision"] == before


@pytest.mark.parametrize("together", [True, False])
async def test_the_last_request_of_a_device_counts_within_a_push_and_across(
    field: sync_world.World, ann: WireDevice, together: bool
):
    """What became of two edits may not depend on when the network was there."""
    changes = [ann.edit_change("contact", field.clerk, job_title=title) for title in ("Chef", "Buyer", "Clerk")]
    if together:
        mutations = [ann.mutation(change) for change in changes]
        await ann.push(*mutations)
    else:
        for change in changes:
            await ann.do(change)
    await ann.pull()

    asked = {json.loads(row["lost"]): row["status"] for row in ann.rows["conflict"].values()}
    assert asked == {"Chef": "settled", "Buyer": "settled"}
    assert ann.rows["contact"][field.clerk]["job_title"] == "Clerk"


async def test_a_device_sets_what_it_makes(field: sync_world.World, ann: WireDevice):
    """The one who meets a new customer knows their name."""
    account = new_id()
    made = await ann.do(create("account", account, name="New Shop"), ann.edit_change("account", account, name="Newer"))
    later = await ann.edit("account", account, name="Newest")

    assert (made["status"], later["status"]) == ("applied", "merged")
    assert await field.fetch("SELECT name FROM account WHERE id = $1", account) == [{"name": "Newer"}]


async def test_a_rep_takes_a_request_back_and_cannot_accept_it(field: sync_world.World, ann: WireDevice):
    """On the device as in the office."""
    await ann.edit("account", field.shop, name="Corner & Co")
    await ann.pull()
    (asked,) = ann.rows["conflict"].values()

    def settle(choice: str) -> dict[str, Any]:
        seen = {"choice": choice, "kept": asked["kept"], "lost": asked["lost"]}
        return {"op": "intent", "name": "conflict.settle", "id": asked["id"], "seen": seen}

    accepted, taken_back = await ann.do(settle("take")), await ann.do(settle("keep"))
    await ann.pull()

    assert (accepted["status"], accepted["code"]) == ("refused", "not_permitted")
    assert taken_back["status"] == "applied"
    assert [row["status"] for row in ann.rows["conflict"].values()] == ["settled"]


async def test_an_admins_device_accepts(field: sync_world.World, ann: WireDevice):
    """An admin on the road decides as in the office."""
    await field.execute("UPDATE member SET role = 'admin' WHERE id = $1", field.mia)
    await ann.edit("account", field.shop, name="Corner & Co")
    mia = await field.device("mia")
    await mia.pull()
    (asked,) = mia.rows["conflict"].values()
    seen = {"choice": "take", "kept": asked["kept"], "lost": asked["lost"]}

    await mia.do({"op": "intent", "name": "conflict.settle", "id": asked["id"], "seen": seen})
    await ann.pull()

    assert ann.rows["account"][field.shop]["name"] == "Corner & Co"
    assert [row["settlement"] for row in ann.rows["conflict"].values()] == ["take"]


async def test_what_a_device_says_it_saw_may_be_anything(field: sync_world.World, ann: WireDevice):
    """A client's mistake costs the seen value, not the work."""
    for seen in ({"a": [1]}, "x\x00", 5, [None]):
        change = ann.edit_change("account", field.shop, name=f"Shop {ann.number}")
        change["fields"]["name"]["seen"] = seen
        assert (await ann.do(change))["status"] == "merged"


async def test_a_foreign_tenants_master_is_one_that_never_was(
    world: World, new_tenant: Callable[[], Awaitable[TenantRef]]
):
    """Ids are no rights."""
    other = await make_world(APP, await new_tenant())
    (master,) = (await world.admin.get("/field-masters"))["items"]

    assert (await other.admin.refusal("GET", f"/field-masters/{master['id']}"))[:2] == (404, "not_found")
    assert (await other.admin.refusal("DELETE", f"/field-masters/{master['id']}"))[:2] == (404, "not_found")
