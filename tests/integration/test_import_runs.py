"""Runs that break off, go on, and are taken back."""

from pathlib import Path

import pytest

from server.db import SYSTEM, TenantRef, tenant_transaction, tenant_write
from server.imports import run as running
from server.imports import store, undo
from server.imports.report import BEGINNING, read_report
from tests.integration.import_world import Office


class Died(Exception):
    """As if the process had."""


@pytest.fixture
def office(tenant: TenantRef, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setattr(running, "CHUNK_LINES", 2)
    monkeypatch.setattr(undo, "CHUNK_LINES", 3)
    return Office(tenant, tmp_path)


def customers(count: int) -> str:
    return "id,name,phone\n" + "".join(f"C{n},Shop {n},+3115256{n:04}\n" for n in range(count))


async def break_off(office: Office, path: Path, *, after: int) -> None:
    """Import until so many chunks are written, then die."""
    importer = await office.importer(path)
    claim = await office.begin(importer, path)
    chunks = 0

    def die(position: int, result: object) -> None:
        nonlocal chunks
        chunks += 1
        if chunks == after:
            raise Died

    importer.tell = die
    with pytest.raises(Died):
        await importer.run(office.number, claim)


async def test_a_run_that_died_goes_on_after_its_last_chunk(office: Office) -> None:
    """Each line has one effect, and the counts are those of a run that was never broken off."""
    path = office.write("customers.csv", customers(9) + "C3,Twice,\n")
    await break_off(office, path, after=3)
    there = await office.one("SELECT count(*)::int FROM account")
    importer = await office.importer(path)
    async with tenant_write(office.tenant, by=SYSTEM):
        run = await store.find_unfinished([i.table.sha256 for i in importer.intakes])
        assert run is not None
        claim = await store.claim(run.number, "running", take_over=True)

    (result,) = await importer.run(run.number, claim)

    assert there == 6
    assert result.counts["created"] == 9
    assert result.counts["failed"] == 1
    assert await office.one("SELECT count(*)::int FROM account") == 9
    assert await office.one("SELECT count(*)::int FROM import_line") == 10


async def test_a_process_that_only_seemed_dead_writes_nothing_more(office: Office) -> None:
    """Two that import one file would make every customer twice."""
    path = office.write("customers.csv", customers(9))
    importer = await office.importer(path)
    old = await office.begin(importer, path)
    async with tenant_write(office.tenant, by=SYSTEM):
        await store.claim(office.number, "running", take_over=True)

    with pytest.raises(store.RunBusy):
        await importer.run(office.number, old)

    assert await office.one("SELECT count(*)::int FROM account") == 0


async def test_a_claim_is_not_taken_from_a_process_at_work(office: Office) -> None:
    """A job that is delivered twice finds the first one at it."""
    path = office.write("customers.csv", customers(1))
    await office.begin(await office.importer(path), path)

    with pytest.raises(store.RunBusy):
        async with tenant_write(office.tenant, by=SYSTEM):
            await store.claim(office.number, "running")


async def test_the_report_says_of_every_line_what_became_of_it(office: Office) -> None:
    """Formulas in it are neutralised: it is opened in a spreadsheet."""
    await office.load("customers.csv", "id,name,time_zone\nC1,Shop,\nC2,Bad,=cmd()\n", "account")

    async with tenant_transaction(office.tenant):
        text, more = await read_report(await store.get_run(office.number), BEGINNING)
    report = text.splitlines()

    assert more is None
    assert report[0] == "file,line,outcome,id,column,reason"
    assert report[1].startswith("customers.csv,2,created,0")
    assert report[2].startswith("customers.csv,3,failed,,time_zone,")


async def test_a_run_is_taken_back_whole(office: Office) -> None:
    """The wrong file was chosen; an hour later nothing of it is left, and the right one can come."""
    await office.load("customers.csv", customers(5))

    undone = await office.undo()

    assert (undone.removed, undone.kept_count) == (15, 0)
    for table in ("account", "contact", "contact_channel"):
        assert await office.one(f"SELECT count(*)::int FROM {table} WHERE deleted_at IS NULL") == 0
    assert await office.one("SELECT count(*)::int FROM external_id") == 0
    assert (await office.load("customers.csv", customers(5))).counts["created"] == 5


async def test_what_a_run_changed_gets_its_old_values(office: Office) -> None:
    """An update from the wrong file is as bad as a new row from it."""
    await office.load("customers.csv", "id,name,tags,street\nC1,Shop,food,Old Street\n", "account")
    await office.load("customers.csv", 'id,name,tags,street\nC1,Wrong,"x,y",New Street\n', "account")

    undone = await office.undo()

    assert (undone.removed, undone.restored) == (0, 2)
    assert await office.fetch("SELECT name, tags FROM account") == [("Shop", '["food"]')]
    assert await office.one("SELECT address ->> 'street' FROM outlet") == "Old Street"


async def test_rows_that_somebody_has_built_upon_stay_and_are_named(office: Office) -> None:
    """A rep's order of the afternoon is not lost because the morning's file was wrong."""
    await office.load("customers.csv", customers(3))
    await office.write_sql("UPDATE account SET name = 'Edited since' WHERE name = 'Shop 0'")
    await office.write_sql(
        "INSERT INTO contact (id, account_id, name)"
        " SELECT gen_random_uuid(), id, 'New' FROM account WHERE name = 'Shop 1'"
    )

    undone = await office.undo()

    assert undone.kept == [
        "customers.csv, line 3: a live contact refers to the account",
        "customers.csv, line 2: the account was changed since",
    ]
    assert await office.fetch("SELECT name FROM account WHERE deleted_at IS NULL ORDER BY name") == [
        ("Edited since",), ("Shop 1",),
    ]  # fmt: skip


async def test_taking_back_imported_orders_frees_what_they_held(office: Office) -> None:
    """Stock that nobody waits for can be sold."""
    await office.trade()
    await office.load("o.csv", "number,outlet,rep,status,product,quantity\n1,C1,Ann,accepted,tea,4\n", "order")
    held = await office.one("SELECT max(reserved)::int FROM stock")

    undone = await office.undo()

    assert held == 4
    assert (undone.removed, undone.kept_count) == (2, 0)
    assert await office.one("SELECT max(reserved)::int FROM stock") == 0


async def test_an_undo_can_be_broken_off_and_repeated_but_not_done_twice(office: Office) -> None:
    """What has been taken back is taken back once."""
    await office.load("customers.csv", customers(7))
    calls = 0

    def die(undone: object) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise Died

    with pytest.raises(Died):
        await undo.undo_run(office.tenant, office.number, tell=die)
    await undo.undo_run(office.tenant, office.number, take_over=True)

    assert await office.one("SELECT count(*)::int FROM account WHERE deleted_at IS NULL") == 0
    with pytest.raises(store.RunState, match="nothing to take back"):
        await office.undo()
    with pytest.raises(store.RunUnknown):
        await office.undo(99)
