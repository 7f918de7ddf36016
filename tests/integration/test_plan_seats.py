"""Seats and usage, as those who do the billing see them: names and numbers, of their own tenant."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from outrider_sdk.protocol.ids import uuid7

from server import clock
from server.billing.metering import meter, meter_all
from server.db import SYSTEM, TenantRef, connection, platform_transaction, tenant_transaction, tenant_write
from tests.integration import rest_world
from tests.integration.application import APP
from tests.integration.entitled import entitle
from tests.integration.rest_world import World, make_world

world = rest_world.staffed


def seated(plan: Any) -> list[bool]:
    return [person["seated"] for person in plan["people"]]


async def test_whoever_does_the_billing_sees_who_has_a_seat_by_name(world: World):
    """A clerk without customer data assigns seats: names are all it takes."""
    await entitle(world.tenant, "active", seats=4)

    plan = await world.billing.get("/billing/seats")

    assert (plan["maximum"], plan["free"], seated(plan)) == (4, 0, [True] * 4 + [False])
    assert {person["name"] for person in plan["people"]} == {"owner", "admin", "manager", "rep", "other_rep"}
    assert plan["people"][0].keys() == {"member_id", "name", "seated", "withdrawn", "assigned_at"}


async def test_a_seat_is_taken_from_one_and_given_to_another(world: World):
    """Assigning is not buying: who is on the team changes, the bill does not."""
    await entitle(world.tenant, "active", seats=4)
    people = (await world.owner.get("/billing/seats"))["people"]
    first, last = people[0]["member_id"], people[4]["member_id"]
    names = {person["member_id"]: person["name"] for person in people}

    refused = await world.owner.send("PUT", f"/billing/seats/{last}")
    taken = await world.owner.send("DELETE", f"/billing/seats/{first}")
    repeated = await world.owner.send("DELETE", f"/billing/seats/{first}")
    given = await world.owner.send("PUT", f"/billing/seats/{last}")
    late = await world.owner.send("PUT", f"/billing/seats/{first}")

    assert (refused.status_code, refused.json()["limit"]) == (402, "seats")
    assert taken.json() == repeated.json()
    by_id = {person["member_id"]: person for person in given.json()["people"]}
    assert by_id[last]["seated"]
    assert (by_id[first]["seated"], by_id[first]["withdrawn"]) == (False, True)
    assert late.status_code == 402
    writes = {
        member: (await world.people[names[member]].send("POST", "/accounts", {"name": "x"})).json().get("code")
        for member in (first, last)
    }
    assert writes == {first: "seat_missing", last: None}


async def test_a_withdrawn_seat_is_free_for_a_newcomer(world: World):
    """The one from whom it was taken stays a member, and reads."""
    await world.owner.patch(f"/members/{world.rep.id}", active=False)
    await entitle(world.tenant, "active", seats=4)
    await world.owner.get("/billing/seats")

    await world.owner.send("DELETE", f"/billing/seats/{world.manager.id}")
    await world.owner.patch(f"/members/{world.rep.id}", active=True)

    plan = await world.owner.get("/billing/seats")
    by_name = {person["name"]: person for person in plan["people"]}
    assert by_name["rep"]["seated"]
    assert by_name["manager"]["withdrawn"]


async def test_seats_are_their_tenants_alone(world: World, new_tenant: Callable[[], Awaitable[TenantRef]]):
    """Nobody gives, takes or sees a seat elsewhere; who is no member of anything is nobody."""
    other = await make_world(APP, await new_tenant())
    await entitle(world.tenant, "active")
    await entitle(other.tenant, "active")
    await world.owner.get("/billing/seats")

    for member in (world.rep.id, uuid4()):
        for method in ("PUT", "DELETE"):
            assert (await other.owner.refusal(method, f"/billing/seats/{member}"))[:2] == (404, "not_found")
    assert str(world.rep.id) not in (await other.owner.send("GET", "/billing/seats")).text
    assert (await world.rep.refusal("GET", "/billing/seats"))[:2] == (403, "forbidden")


async def test_a_tenant_that_nobody_bills_has_neither_seats_nor_usage(world: World):
    """No billing code runs for it."""
    assert (await world.owner.refusal("GET", "/billing/seats"))[:2] == (404, "not_billed")
    assert (await world.owner.refusal("PUT", f"/billing/seats/{world.rep.id}"))[:2] == (404, "not_billed")
    assert (await world.owner.refusal("GET", "/billing/usage"))[:2] == (404, "not_billed")


@pytest.mark.parametrize("state", ["restricted", "cancelled"])
async def test_billing_stays_open_whatever_is_paid(world: World, state: str):
    """How else would it be paid again, or become cheaper."""
    await entitle(world.tenant, state)

    taken = await world.billing.send("DELETE", f"/billing/seats/{world.rep.id}")
    used = await world.billing.send("GET", "/billing/usage")

    assert (taken.status_code, used.status_code) == (200, 200)


async def order_on(world: World, day: datetime) -> None:
    """A submitted order of that day."""
    async with tenant_write(world.tenant, by=SYSTEM):
        await connection().execute(
            """INSERT INTO "order" (id, number, maker_id, owner_id, credited_id, account_id, outlet_id, legal_entity_id,
                agreement_id, price_list_id, warehouse_id, currency, fulfilment, status, submitted_at)
            SELECT $1::uuid, ($1::uuid)::text, $2, $2, $2, o.account_id, o.id, a.legal_entity_id, a.id, a.price_list_id,
                w.id, 'EUR', 'partial', 'accepted', $3
            FROM outlet o, agreement a, warehouse w WHERE o.id = $4 AND a.id = $5 AND w.id = $6""",
            uuid7(), world.rep.id, day, *(UUID(world.ids[name]) for name in ("outlet", "agreement", "warehouse")),
        )  # fmt: skip


async def usage_of(world: World, metric: str) -> Any:
    found = await world.billing.get("/billing/usage")
    return next(each for each in found["metrics"] if each["metric"] == metric)


async def test_orders_are_counted_by_day_month_year_and_since_the_payment(world: World):
    """What the bill says can be followed; a meter that was away catches up, and counts nothing twice."""
    await world.trade()
    await entitle(world.tenant, "active")
    now = clock.now()
    today = datetime(now.year, now.month, now.day, 12, tzinfo=UTC)
    days = [today, today - timedelta(days=1), today - timedelta(days=1), today - timedelta(days=20)]
    async with platform_transaction() as conn:
        await conn.execute("UPDATE billing_account SET created_at = $2 WHERE tenant_id = $1", world.tenant.id, days[3])
        await conn.execute(
            """INSERT INTO billing_invoice (id, tenant_id, provider, status, currency, subtotal_minor, total_minor,
                paid_at, created_at) VALUES ($1, $2, 'transfer', 'paid', 'EUR', 100, 100, $3, $3)""",
            str(uuid7()), world.tenant.id, days[1],
        )  # fmt: skip
    for day in days:
        await order_on(world, day)
    await meter(world.tenant)
    await order_on(world, days[0])

    for _ in range(2):
        orders = await usage_of(world, "orders")

    assert (orders["today"], orders["since_payment"], orders["maximum"]) == (2, 4, None)
    assert sum(month["used"] for month in orders["months"]) == sum(year["used"] for year in orders["years"]) == 5


async def test_of_what_is_not_counted_up_the_highest_of_a_day_counts(world: World):
    """Who was there at noon was there that day, whatever was tidied up in the evening."""
    await entitle(world.tenant, "active", seats=9)
    await meter(world.tenant)
    await world.owner.patch(f"/members/{world.rep.id}", active=False)

    seats = await usage_of(world, "seats")
    devices = await usage_of(world, "devices")

    assert (seats["today"], seats["maximum"]) == (5, 9)
    assert (devices["today"], devices["maximum"]) == (0, 27)


async def test_the_hourly_meter_sees_billed_tenants_once_an_hour_and_brings_seats_in_line(world: World):
    """A crash between member and seat costs an hour; a tenant that cannot be read costs the others nothing."""
    await entitle(world.tenant, "active")

    await meter_all("main")
    async with platform_transaction() as conn:
        sql = "SELECT count(*) FROM usage_day WHERE tenant_id = $1"
        first = await conn.fetchval(sql, world.tenant.id)
        seats = await conn.fetchval("SELECT count(*) FROM seat WHERE tenant_id = $1", world.tenant.id)
        metered = await conn.fetchval("SELECT metered_at FROM billing_account WHERE tenant_id = $1", world.tenant.id)
    with clock.frozen(clock.now() + timedelta(minutes=30)):
        await meter_all("main")
    async with platform_transaction() as conn:
        again = await conn.fetchval("SELECT metered_at FROM billing_account WHERE tenant_id = $1", world.tenant.id)

    assert (first, seats) == (5, 5)
    assert metered == again


async def test_usage_says_nothing_of_anybodys_content(world: World):
    """Numbers by day: the platform's tables know no customer of a customer."""
    await world.trade()
    await entitle(world.tenant, "active")

    text = (await world.billing.send("GET", "/billing/usage")).text

    assert "Corner" not in text
    async with tenant_transaction(world.tenant):
        assert await connection().fetchval("SELECT count(*) FROM account") > 0
