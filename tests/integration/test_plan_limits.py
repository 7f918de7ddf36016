"""Limits of a plan, at each door: records, files, devices, people; and that what is there stays."""

from pathlib import Path
from typing import Any

import jwt
import pytest
from outrider_sdk.protocol.ids import uuid7

from server.auth.commands import admit
from server.auth.limits import LimitReached
from server.auth.tokens import keys
from server.crm import quota
from server.crm.usage import count_records, measure_usage
from server.db import TenantRef, connection, platform_transaction, tenant_transaction
from server.errors import AppError
from tests.integration import attachment_world, rest_world
from tests.integration.application import APP
from tests.integration.attachment_world import CONTENT, attach, send_part, upload
from tests.integration.entitled import STATES, entitle
from tests.integration.import_world import CUSTOMERS, Office
from tests.integration.rest_world import Person, World

world, place = rest_world.trading, attachment_world.place


async def problem_of(person: Person, method: str, path: str, body: Any = None) -> dict[str, Any]:
    reply = await person.send(method, path, body)
    assert reply.status_code == 402, reply.text
    found: dict[str, Any] = reply.json()
    return found


async def records(tenant: TenantRef) -> int:
    async with tenant_transaction(tenant):
        return await count_records()


async def test_records_end_where_the_plan_ends_and_what_is_there_stays(world: World):
    """The refusal names limit, use and way out; rows can still be read, changed and deleted, which makes room."""
    used = await records(world.tenant)
    await entitle(world.tenant, "active", records_max=used + 1)
    account = await world.admin.post("/accounts", name="The last one")

    refused = await problem_of(world.admin, "POST", "/accounts", {"name": "One more"})
    await world.admin.patch(f"/accounts/{account['id']}", name="Still mine")
    await world.admin.post("/teams", name="What is no record is not counted")
    await world.admin.send("DELETE", f"/accounts/{account['id']}")
    quota._records.clear()  # as a second later
    await world.admin.post("/accounts", name="In its place")

    expected = ("limit_reached", "records", used + 1, used + 1, "business")
    assert tuple(refused[name] for name in ("code", "limit", "used", "maximum", "plan")) == expected
    assert "larger plan under Billing" in refused["way_out"]
    assert "larger plan" not in (await problem_of(world.rep, "POST", "/accounts", {"name": "x"}))["detail"]


async def test_of_a_bulk_request_as_many_are_made_as_there_is_room_for(world: World):
    """A night's job that is one row too long does its work, and says which row was not."""
    await entitle(world.tenant, "active", records_max=await records(world.tenant) + 2)
    operations = [{"op": "create", "data": {"name": str(n)}} for n in range(3)]

    reply = await world.admin.send("POST", "/accounts/bulk", {"operations": operations})

    results = reply.json()["results"]
    assert [result["status"] for result in results] == [201, 201, 402]
    assert results[2]["problem"]["code"] == "limit_reached"


async def test_counting_is_rare(world: World, monkeypatch: pytest.MonkeyPatch):
    """A count of a million rows at each request would cost more than the request."""
    await entitle(world.tenant, "active", records_max=1_000)
    counted = []

    async def count() -> int:
        counted.append(1)
        return 10

    monkeypatch.setattr(quota, "count_records", count)
    for n in range(5):
        await world.admin.post("/accounts", name=str(n))

    assert len(counted) == 1


async def test_an_import_stops_at_the_limit_and_goes_on_after_an_upgrade(tenant: TenantRef, tmp_path: Path):
    """What was taken stays, nothing is half there, and the run can be resumed."""
    office = Office(tenant, tmp_path)
    await entitle(tenant, "active", records_max=3)

    with pytest.raises(LimitReached):
        await office.load("customers.csv", CUSTOMERS)
    assert await records(tenant) == 0
    await entitle(tenant, "active", records_max=100)
    result = await office.load("customers.csv", CUSTOMERS)

    assert result.counts["created"] == 2


@pytest.mark.parametrize("state", STATES)
async def test_an_import_writes_where_the_tenant_may(tenant: TenantRef, tmp_path: Path, state: str):
    """A job that was sent before the plan ran out stops as REST would."""
    office = Office(tenant, tmp_path)
    await entitle(tenant, state)

    code = None
    try:
        await office.load("customers.csv", CUSTOMERS)
    except AppError as error:
        code = error.code

    assert (code, await records(tenant) > 0) in [(None, True), ("restricted", False)]
    assert (code == "restricted") == (state in ("restricted", "cancelled"))


async def test_people_join_by_import_and_command_as_far_as_there_are_seats(tenant: TenantRef, tmp_path: Path):
    """Both doors count the same people, and a clerk of the billing role is none of them."""
    office = Office(tenant, tmp_path)
    await entitle(tenant, "active", seats=2)
    users = "name,email,role\nAnn,ann@x.example,rep\nBob,bob@x.example,rep\nCleo,cleo@x.example,billing\n"

    await office.load("users.csv", users, "user")
    with pytest.raises(LimitReached, match="seats"):
        await office.load("more.csv", "name,email\nDan,dan@x.example\n", "user")
    identity = uuid7()
    async with platform_transaction():
        await connection().execute(
            "INSERT INTO identity (id, email, password_hash) VALUES ($1, $2, '')", identity, f"{identity}@x.example"
        )
    with pytest.raises(LimitReached, match="seats"):
        await admit(tenant, identity, email="eve@x.example", name="Eve", role="rep")
    await admit(tenant, identity, email="eve@x.example", name="Eve", role="billing")

    async with platform_transaction():
        seats = await connection().fetchval("SELECT count(*) FROM seat WHERE tenant_id = $1", tenant.id)
    assert seats == 2
    assert await office.one("SELECT count(*)::int FROM member WHERE active") == 4


async def enrol(world: World, person: Person) -> Any:
    """The reply to a new phone's enrolment by a code that the person drew."""
    code = (await person.post("/devices/codes"))["code"]
    body = {"code": code, "name": "phone", "secret": "A" * 43}
    return await person.send("POST", f"/t/{world.tenant.slug}/devices/enrol", body)


@pytest.mark.parametrize(
    ("state", "code"),
    [("unmetered", None), ("trialing", None), ("active", None), ("past_due", None), ("grace", "growth_paused")],
)
async def test_a_device_joins_in_the_states_in_which_one_may_grow(world: World, state: str, code: str | None):
    """From day 7 on, phones that are there go on, and no new ones come."""
    await entitle(world.tenant, state)

    reply = await enrol(world, world.rep)

    assert reply.json().get("code") == code


async def test_a_device_is_told_how_the_plan_stands(world: World):
    """It goes offline for two weeks, and knows by itself when the plan runs out."""
    await entitle(world.tenant, "past_due")

    token = (await enrol(world, world.rep)).json()["lease"]["token"]
    claims = jwt.decode(token, options={"verify_signature": False})

    assert (claims["plan"], claims["plan_version"], claims["state"]) == ("business", 1, "past_due")
    assert claims["limits"] == {"sync_interval_s": 15}
    assert claims["exp"] - claims["iat"] in range(13 * 86_400 - 60, 13 * 86_400 + 60)
    assert claims["contact_exp"] - claims["iat"] == 30 * 86_400


async def test_each_person_has_as_many_devices_as_the_plan_says(world: World):
    """A code is not used up by the refusal: whoever revokes the old phone uses it for the new one."""
    await entitle(world.tenant, "active", devices_per_seat_max=1)
    first = (await enrol(world, world.rep)).json()
    code = (await world.rep.post("/devices/codes"))["code"]
    body = {"code": code, "name": "phone", "secret": "A" * 43}

    refused = await problem_of(world.rep, "POST", f"/t/{world.tenant.slug}/devices/enrol", body)
    other = await enrol(world, world.manager)
    await world.admin.send("DELETE", f"/devices/{first['device_id']}")
    again = await world.rep.send("POST", f"/t/{world.tenant.slug}/devices/enrol", body)

    assert (refused["code"], refused["limit"], refused["used"], refused["maximum"]) == (
        "limit_reached", "devices_per_seat", 1, 1,
    )  # fmt: skip
    assert refused["way_out"] == "Ask your administrator."
    assert (other.status_code, again.status_code) == (201, 201)


async def test_a_phone_that_brings_work_is_let_in_whatever_is_paid(world: World):
    """It was reset, and enrols again with what it holds: a bill must not keep that on the phone."""
    await entitle(world.tenant, "restricted", seats_max=0)
    code = (await world.rep.post("/devices/codes"))["code"]
    previous = {
        "device_id": str(uuid7()), "key": str(uuid7()), "proof": "0" * 64,
        "points": [{"number": 0, "digest": "0" * 64}],
    }  # fmt: skip
    body = {"code": code, "name": "phone", "secret": "A" * 43}

    fresh = await world.rep.send("POST", f"/t/{world.tenant.slug}/devices/enrol", body)
    again = await world.rep.send("POST", f"/t/{world.tenant.slug}/devices/enrol", body | {"previous": previous})

    assert (fresh.status_code, fresh.json()["code"]) == (402, "seat_missing")
    assert again.status_code == 201


async def test_files_end_where_the_plan_ends_but_for_those_of_devices(world: World):
    """The office is told at the first part, not after 2 GB; the photo that a rep took is taken."""
    await entitle(world.tenant, "active", storage_max_bytes=len(CONTENT) + 10)
    await upload(world.rep, await attach(world.rep, world))
    row_id = await attach(world.rep, world)

    refused = await send_part(world.rep, row_id, 0, CONTENT)
    device = uuid7()
    async with tenant_transaction(world.tenant):
        await connection().execute(
            "INSERT INTO device (id, member_id, name, secret_hash, number_prefix, last_digest)"
            " VALUES ($1, $2, 'phone', '', 'XYZ1', '')",
            device, world.rep.id,
        )  # fmt: skip
    token = await keys.issue(tenant_id=world.tenant.id, member_id=world.rep.id, role="rep", device_id=device)
    phone = Person(APP, world.tenant, world.rep.id, "rep", token)
    await entitle(world.tenant, "restricted")
    unpaid = await send_part(world.rep, row_id, 0, CONTENT)
    taken = await send_part(phone, row_id, 0, CONTENT)

    assert (refused.json()["limit"], refused.json()["used"]) == ("storage_bytes", len(CONTENT))
    assert unpaid.json()["code"] == "restricted"
    assert taken.json()["receipt"]["size_bytes"] == len(CONTENT)


async def test_usage_is_counted_and_says_nothing_of_anybody(world: World):
    """What the bill and a change of plan look at."""
    await enrol(world, world.rep)
    await enrol(world, world.rep)
    await enrol(world, world.manager)
    await upload(world.rep, await attach(world.rep, world))
    await world.admin.post("/api-keys", name="ERP", scopes=["*:read"])

    async with tenant_transaction(world.tenant):
        usage = await measure_usage()

    assert (usage.seats, usage.devices, usage.devices_of_one) == (5, 3, 2)
    assert (usage.storage_bytes, usage.api_keys, usage.webhooks, usage.custom_fields) == (len(CONTENT), 1, 0, 0)
    assert usage.records == await records(world.tenant) > 5
