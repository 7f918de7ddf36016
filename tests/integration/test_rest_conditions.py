"""Tags of rows: nobody overwrites what they have not seen, and nobody reads again what they have."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from server.db import TenantRef
from tests.integration import rest_world
from tests.integration.application import APP
from tests.integration.rest_world import World, make_world

world = rest_world.shared


@pytest.fixture
async def account(world: World) -> dict[str, Any]:
    return await world.admin.post("/accounts", name="Corner Shops")


def path(account: dict[str, Any]) -> str:
    return f"/accounts/{account['id']}"


async def test_a_row_has_one_tag_however_it_is_come_by(world: World, account: dict[str, Any]):
    """The tag of the create's reply is good for the first change."""
    read = await world.admin.send("GET", path(account))
    again = await world.admin.send("GET", path(account))
    changed = await world.admin.send("PATCH", path(account), {"name": "New"})

    assert read.headers["ETag"] == again.headers["ETag"]
    assert read.headers["ETag"].startswith(f'"{account["revision"]}-')
    assert changed.headers["ETag"] == (await world.admin.send("GET", path(account))).headers["ETag"]
    assert changed.headers["ETag"] != read.headers["ETag"]


async def test_what_the_reader_has_is_not_sent_again(world: World, account: dict[str, Any]):
    """Polling costs nothing while nothing changes."""
    tag = (await world.admin.send("GET", path(account))).headers["ETag"]

    for header in (tag, f'"other", W/{tag}', "*"):
        reply = await world.admin.send("GET", path(account), headers={"If-None-Match": header})
        assert (reply.status_code, reply.content, reply.headers["ETag"]) == (304, b"", tag)
    await world.admin.patch(path(account), name="New")
    reply = await world.admin.send("GET", path(account), headers={"If-None-Match": tag})
    assert (reply.status_code, reply.json()["name"]) == (200, "New")


async def test_the_tag_is_that_of_the_representation(world: World):
    """An expanded row has changed when what came along has."""
    outlet, query = f"/outlets/{world.ids['outlet']}", "?expand=account"
    tag = (await world.admin.send("GET", outlet + query)).headers["ETag"]
    assert (await world.admin.send("GET", outlet)).headers["ETag"] != tag

    await world.admin.patch(f"/accounts/{world.ids['account']}", legal_name="Corner Shops BV")
    reply = await world.admin.send("GET", outlet + query, headers={"If-None-Match": tag})

    assert reply.json()["account"]["legal_name"] == "Corner Shops BV"


async def test_a_change_of_what_one_has_not_seen_is_refused_with_the_present_revision(
    world: World, account: dict[str, Any]
):
    """Two people, one form each: the second is told, and nothing is lost."""
    seen = (await world.admin.send("GET", path(account))).headers["ETag"]
    now = (await world.owner.patch(path(account), name="Owner's"))["revision"]

    for method, body in (("PATCH", {"name": "Admin's"}), ("DELETE", None)):
        reply = await world.admin.send(method, path(account), body, headers={"If-Match": seen})
        problem = reply.json()
        assert (reply.status_code, problem["code"], problem["revision"]) == (412, "precondition_failed", now)
    assert (await world.admin.get(path(account)))["name"] == "Owner's"


@pytest.mark.parametrize("form", ['"{r}-{h}"', 'W/"{r}-{h}"', '"{r}"', '"1", "{r}"', "*", '"{r}-0000"'])
async def test_whoever_saw_the_present_revision_may_write(world: World, account: dict[str, Any], form: str):
    """As it came, as a proxy made it weak, or as the revision that stood in a list."""
    tag = (await world.admin.send("GET", path(account))).headers["ETag"].strip('"')
    header = form.format(r=account["revision"], h=tag.partition("-")[2])

    reply = await world.admin.send("PATCH", path(account), {"name": "New"}, headers={"If-Match": header})

    assert reply.status_code == 200, reply.text


@pytest.mark.parametrize("header", ["", "118", '"a', "W/", '"a" "b"', "x" * 3000])
async def test_a_header_that_holds_no_tags_is_refused(world: World, account: dict[str, Any], header: str):
    """To ignore it would write blindly for somebody who asked us not to."""
    refused = await world.admin.refusal("PATCH", path(account), {"name": "New"}, headers={"If-Match": header})

    assert refused == (400, "invalid_input", ["If-Match"])


async def test_a_tag_opens_nothing_that_is_hidden(world: World, new_tenant: Callable[[], Awaitable[TenantRef]]):
    """Out of sight is 404, never 412 or 304: the status would say that it is there."""
    hidden, stranger = f"/accounts/{world.ids['hidden_account']}", await make_world(APP, await new_tenant())
    for person in (world.rep, stranger.admin):
        for header in ({"If-Match": '"1"'}, {"If-Match": "*"}):
            assert (await person.refusal("PATCH", hidden, {"name": "x"}, headers=header))[0] == 404
        assert (await person.refusal("GET", hidden, headers={"If-None-Match": "*"}))[0] == 404
