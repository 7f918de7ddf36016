"""Old clients (S10): one schema behind goes on working; an older one is told to update, and hands in what it holds."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from outrider_sdk import ClientTooOld
from outrider_sdk.protocol.entities import ENTITIES

from server.sync import schemas
from tests.integration.phones import Bridge, Phone, assert_phones_converged, enrol_phone
from tests.integration.sync_world import World


@pytest.fixture
async def ann(world: World, bridge: Bridge, tmp_path: Path) -> AsyncIterator[Phone]:
    phone = await enrol_phone(world, "ann", bridge, tmp_path)
    yield phone
    phone.crm.close()


def forget_schemas() -> None:
    schemas.is_known.cache_clear()
    schemas.fields_unknown.cache_clear()


def serve_schema(monkeypatch: pytest.MonkeyPatch, version: int) -> None:
    """The server is of this schema; the SDK stays what it is."""
    monkeypatch.setattr("server.sync.schemas.SCHEMA_VERSION", version)


@pytest.fixture
def schema_2(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A planted schema: outlets got a channel, and warehouses are new."""
    newer: list[Any] = [ENTITIES["outlet"].by_name["channel"], ENTITIES["warehouse"]]
    for each in newer:
        object.__setattr__(each, "since", 2)
    forget_schemas()
    serve_schema(monkeypatch, 2)
    yield
    for each in newer:
        object.__setattr__(each, "since", 1)
    forget_schemas()


def planted(rows: dict[str, dict[str, Any]]) -> tuple[list[Any], bool]:
    """What a phone has of the new field and the new entity."""
    return [row["channel"] for row in rows["outlet"].values()], "warehouse" in rows


@pytest.mark.usefixtures("schema_2")
async def test_s10_a_phone_one_schema_behind_goes_on_working(world: World, ann: Phone):
    """The app store takes its time: it pulls what it knows, its work is judged, and the new field keeps its value."""
    await world.execute("UPDATE outlet SET channel = 'kiosk' WHERE id = $1", UUID(world.shop_outlet))
    await ann.sync()
    ann.crm.outlets.edit(world.shop_outlet, name="The Corner")
    made = ann.crm.outlets.create(account_id=world.shop, name="New one")

    report = await ann.sync()

    assert (report.applied, report.refused) == (2, 0)
    assert planted(ann.rows()) == ([None, None], False)
    stored = await world.fetch("SELECT name, channel FROM outlet WHERE account_id = $1 ORDER BY name", UUID(world.shop))
    assert [tuple(r.values()) for r in stored] == [("New one", None), ("The Corner", "kiosk")]
    assert str(made.id) in ann.rows()["outlet"]


@pytest.mark.usefixtures("schema_2")
async def test_s10_an_updated_app_gets_what_its_older_self_was_not_told(
    world: World, ann: Phone, monkeypatch: pytest.MonkeyPatch
):
    """Its cursor says that it has everything up to then; of the new field it has nothing."""
    await world.execute("UPDATE outlet SET channel = 'kiosk' WHERE id = $1", UUID(world.shop_outlet))
    await ann.sync()
    ann.crm.contacts.create(account_id=world.shop, name="in the outbox over the update")
    monkeypatch.setattr("outrider_sdk.pull.SCHEMA_VERSION", 2)

    await ann.sync()

    assert planted(ann.rows()) == (["kiosk"], True)
    await assert_phones_converged(world, "ann", ann)


async def test_s10_server_and_app_that_were_updated_between_two_syncs_understand_each_other(
    world: World, ann: Phone, monkeypatch: pytest.MonkeyPatch
):
    """A new field alone changes no right: only the schema in the view says that the device lacks it."""
    await world.execute("UPDATE outlet SET channel = 'kiosk' WHERE id = $1", UUID(world.shop_outlet))
    field = ENTITIES["outlet"].by_name["channel"]
    object.__setattr__(field, "since", 2)
    forget_schemas()
    await ann.sync()
    before = planted(ann.rows())[0]
    serve_schema(monkeypatch, 2)
    monkeypatch.setattr("outrider_sdk.pull.SCHEMA_VERSION", 2)

    await ann.sync()

    object.__setattr__(field, "since", 1)
    forget_schemas()
    assert (before, planted(ann.rows())[0]) == ([None], ["kiosk"])


@pytest.mark.usefixtures("schema_2")
async def test_s3_a_phone_one_schema_behind_is_compared_in_what_it_knows(world: World, ann: Phone):
    """It would ask for news again and again, and never hear whether it is whole."""
    await world.execute("UPDATE outlet SET channel = 'kiosk' WHERE id = $1", UUID(world.shop_outlet))
    await ann.sync()
    with ann.crm._store.write() as conn:
        conn.execute("DELETE FROM contact")
        ann.crm._store.set_meta(compared_at=None)

    report = await ann.sync()

    assert (report.repaired, report.differing) == (["contact"], [])
    assert len(ann.rows()["contact"]) == 1


async def test_s10_a_phone_that_is_too_old_hands_in_what_it_holds_and_is_told(
    world: World, ann: Phone, monkeypatch: pytest.MonkeyPatch
):
    """It was in a drawer for a year; what was typed on it must not die with the app."""
    await ann.sync()
    ann.crm.contacts.create(account_id=world.shop, name="from the drawer")
    serve_schema(monkeypatch, 3)
    forget_schemas()

    with pytest.raises(ClientTooOld, match="hand in what it holds"):
        await ann.sync()

    assert ann.crm.status().pending == 0
    assert await world.fetch("SELECT count(*) AS n FROM contact WHERE name = 'from the drawer'") == [{"n": 1}]


async def test_s10_a_schema_of_the_future_is_no_reason_to_guess(world: World, ann: Phone, bridge: Bridge):
    """An app that was updated before its server waits, and says which schema is known."""
    await ann.sync()
    credentials = ann.credentials.load()
    assert credentials is not None
    message = {"protocol": 1, "schema": 2, "cursor": 0, "position": None}

    status, problem = await bridge._post("/sync/pull", message, credentials.access_token)

    assert (status, problem["code"], problem["errors"][0]["field"]) == (400, "invalid_input", "schema")
