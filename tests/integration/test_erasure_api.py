"""Erasure over REST: who may, and what is refused afterwards."""

from collections.abc import Awaitable, Callable

import pytest

from server.db import TenantRef
from tests.integration.application import APP
from tests.integration.rest_world import World, make_world

NOT_FOUND = (404, "not_found", [])


@pytest.fixture
async def world(tenant: TenantRef) -> World:
    world = await (await make_world(APP, tenant)).trade()
    contact = await world.rep.post("/contacts", account_id=world.ids["account"], name="Zaphira")
    world.ids["contact"] = contact["id"]
    world.ids["channel"] = (
        await world.rep.post("/contact-channels", contact_id=contact["id"], channel_kind="email", value="z@q.example")
    )["id"]
    return world


async def test_an_admin_erases_a_contact(world: World):
    """It is gone from every list; what was changed when, and by whom, stays, without the values."""
    contact = f"/contacts/{world.ids['contact']}"
    await world.rep.patch(contact, name="Zaphira Q.")

    reply = await world.admin.post(f"{contact}/erasure")

    assert (reply["subject"], reply["rows"]) == (world.ids["contact"], 2)
    assert await world.rep.refusal("GET", contact) == NOT_FOUND
    assert (await world.admin.get("/contact-channels"))["items"] == []
    history = (await world.admin.get(f"{contact}/history"))["items"]
    assert [(i["kind"], i["field"], i["old"], i["new"]) for i in history if i["by"]["member"] == "rep"] == [
        ("edit", "name", None, None), ("create", None, None, None),
    ]  # fmt: skip
    assert (await world.admin.get("/audit", text="zaphira"))["items"] == []


async def test_nothing_is_recorded_about_an_erased_person(world: World):
    """Whatever is still open in somebody's browser."""
    await world.admin.post(f"/contacts/{world.ids['contact']}/erasure")

    channel = {"contact_id": world.ids["contact"], "channel_kind": "phone", "value": "1"}
    assert (await world.admin.refusal("POST", "/contact-channels", channel))[0] in (400, 409)
    assert await world.admin.refusal("PATCH", f"/contacts/{world.ids['contact']}", {"name": "Back"}) == NOT_FOUND


@pytest.mark.parametrize("role", ["manager", "rep", "billing"])
@pytest.mark.parametrize("path", ["/contacts/{contact}", "/members/{contact}"])
async def test_only_admins_and_owners_erase(world: World, role: str, path: str):
    """It cannot be undone."""
    erasure = path.format(**world.ids) + "/erasure"

    assert (await world.people[role].refusal("POST", erasure))[:2] == (403, "forbidden")


async def test_another_tenants_people_are_nobody(world: World, new_tenant: Callable[[], Awaitable[TenantRef]]):
    """An id that leaked erases nobody elsewhere, and does not show that somebody is there."""
    other = await make_world(APP, await new_tenant())

    assert await other.admin.refusal("POST", f"/contacts/{world.ids['contact']}/erasure") == NOT_FOUND
    assert await other.admin.refusal("POST", f"/members/{world.rep.id}/erasure") == NOT_FOUND
    assert (await world.rep.get(f"/contacts/{world.ids['contact']}"))["name"] == "Zaphira"


async def test_a_member_must_have_left_before(world: World):
    """Whoever still works here still makes what would have to be erased."""
    erasure = f"/members/{world.other_rep.id}/erasure"
    assert await world.admin.refusal("POST", erasure) == (409, "still_active", [])

    await world.admin.patch(f"/members/{world.other_rep.id}", active=False)
    reply = await world.admin.post(erasure)

    assert reply["subject"] == str(world.other_rep.id)
    assert (await world.admin.get(f"/members/{world.other_rep.id}"))["name"] == "Erased person"


async def test_a_reply_kept_for_a_repeated_request_forgets_the_person(world: World):
    """It has no second effect, and says nothing of them any more."""
    body = {"account_id": world.ids["account"], "name": "Quirina"}
    key = {"Idempotency-Key": "make-quirina"}
    made = (await world.rep.send("POST", "/contacts", body, headers=key)).json()
    await world.admin.post(f"/contacts/{made['id']}/erasure")

    again = await world.rep.send("POST", "/contacts", body, headers=key)

    assert (again.status_code, again.json()) == (201, {})
    assert again.headers["Idempotency-Replayed"] == "true"
