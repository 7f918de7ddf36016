"""Imports and exports over REST: for admins and owners, in their own tenant, by jobs."""

import csv
import io
import sqlite3
import zipfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from server import storage
from server.broker import _tenant_id
from server.db import SYSTEM, TenantRef, connection, tenant_transaction, tenant_write
from server.exports.jobs import write_export
from server.imports.jobs import work_on_import
from tests.integration import rest_world
from tests.integration.application import APP, CONFIG
from tests.integration.entitled import entitle
from tests.integration.rest_world import Person, World, make_world

CUSTOMERS = b"id,name,city,time_zone\nC1,=Shop,Delft,\nC2,,Leiden,\nC3,Hall,,\n"


world = rest_world.staffed


@pytest.fixture(autouse=True)
def state_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(CONFIG, "state_dir", tmp_path, raising=False)
    storage.use(tmp_path)
    yield tmp_path
    storage.use(None)


@pytest.fixture
async def stranger(new_tenant: Callable[[], Awaitable[TenantRef]]) -> Person:
    """The owner of another tenant."""
    return (await make_world(APP, await new_tenant())).owner


async def upload(person: Person, content: bytes = CUSTOMERS, name: str = "customers.csv", **query: str) -> Any:
    reply = await person.send("POST", "/imports", content=content, params={"name": name, **query})
    assert reply.status_code == 201, reply.text
    return reply.json()


async def test_a_form_uploads_its_one_file(world: World):
    """What a browser's form and `curl -F` send."""
    files = {"file": ("customers.csv", CUSTOMERS, "text/csv")}
    sent = await world.admin.send("POST", "/imports", files=files)
    renamed = await world.admin.send("POST", "/imports", files=files, params={"name": "shops.csv"})

    assert sent.status_code == renamed.status_code == 201, sent.text
    assert [reply.json()["files"][0]["name"] for reply in (sent, renamed)] == ["customers.csv", "shops.csv"]
    shown = await work(world.admin, sent.json()["number"], "check", "check")
    assert shown["files"][0]["counts"]["created"] == 2


@pytest.mark.parametrize(
    ("files", "field"),
    [
        ({"text": (None, "no file")}, "file"),
        ([("file", ("a.csv", b"id\n")), ("file", ("b.csv", b"id\n"))], "file"),
        ({"file": ("../../etc/a.csv", CUSTOMERS)}, "name"),
        ({"file": ("a.exe", CUSTOMERS)}, "name"),
    ],
)
async def test_a_form_of_another_kind_is_named(world: World, files: Any, field: str):
    """One file, with a name that says what it is."""
    assert await world.admin.refusal("POST", "/imports", files=files) == (400, "invalid_input", [field])


async def test_a_broken_form_is_a_problem(world: World):
    """Cut off in the middle, or without its boundary."""
    for kind in ("multipart/form-data; boundary=x", "multipart/form-data"):
        reply = await world.admin.send(
            "POST", "/imports", content=b"--x\r\nContent-Disposition: form", headers={"content-type": kind}
        )
        assert (reply.status_code, reply.headers["content-type"]) == (400, "application/problem+json"), reply.text


async def work(person: Person, number: int, noun: str, act: str) -> Any:
    """Ask for an act, and do the job; the import afterwards."""
    reply = await person.send("POST", f"/imports/{number}/{noun}")
    assert reply.status_code == 202, reply.text
    async with tenant_transaction(person.tenant) as conn:
        assert await conn.fetchval("SELECT state FROM import_run WHERE number = $1", number) == reply.json()["state"]
    token = _tenant_id.set(person.tenant.id)
    try:
        await work_on_import.fn.__wrapped__(number, act)
    finally:
        _tenant_id.reset(token)
    return await person.get(f"/imports/{number}")


async def count(tenant: TenantRef, table: str) -> int:
    async with tenant_transaction(tenant) as conn:
        return int(await conn.fetchval(f'SELECT count(*) FROM "{table}" WHERE deleted_at IS NULL'))


async def test_an_import_beyond_the_plan_says_so_and_goes_on_after_an_upgrade(world: World) -> None:
    """Whoever asked is long gone when the job meets the limit: the run says what happened, and is gone on with."""
    await entitle(world.tenant, "active", records_max=2)
    number = (await upload(world.admin))["number"]

    stopped = await work(world.admin, number, "execution", "run")
    made = await count(world.tenant, "account")
    await entitle(world.tenant, "active")
    finished = await work(world.admin, number, "execution", "run")

    assert (stopped["state"], made) == ("failed", 0)
    assert "0 of 2 records are used" in stopped["problem"]
    assert "larger plan under Billing" in stopped["problem"]
    assert finished["state"] == "done"
    assert await count(world.tenant, "account") == 2


async def test_a_file_is_uploaded_checked_run_and_taken_back(world: World, state_dir: Path) -> None:
    """What the command does, for whoever sits at a browser or sends a nightly feed."""
    admin = world.admin

    made = await upload(admin, system="erp", dates="dmy")
    number = made["number"]
    checked = await work(admin, number, "check", "check")
    nothing = await count(world.tenant, "account")
    dry = (await admin.send("GET", f"/imports/{number}/report")).text.splitlines()
    done = await work(admin, number, "execution", "run")
    wet = (await admin.send("GET", f"/imports/{number}/report")).text.splitlines()
    there = await count(world.tenant, "account")
    undone = await work(admin, number, "reversal", "undo")

    assert (made["state"], made["system"], made["dates"]) == ("uploaded", "erp", "dmy")
    assert made["files"][0]["header"] == ["id", "name", "city", "time_zone"]
    assert made["files"][0]["columns"]["city"] == "city"
    assert (checked["state"], nothing) == ("checked", 0)
    assert checked["files"][0]["counts"] == done["files"][0]["counts"] == {"created": 2, "failed": 1, "alike": 0}
    assert [line.split(",")[:3] for line in dry] == [line.split(",")[:3] for line in wet]
    assert (done["state"], there) == ("done", 2)
    assert undone["state"] == "undone"
    assert await count(world.tenant, "account") == 0
    assert list((state_dir / "imports" / str(world.tenant.id)).iterdir()) == []


async def test_the_import_is_the_act_of_whoever_uploaded_the_file(world: World) -> None:
    """Audit asks who."""
    number = (await upload(world.admin))["number"]

    await work(world.admin, number, "execution", "run")

    async with tenant_transaction(world.tenant) as conn:
        assert await conn.fetchval("SELECT DISTINCT created_by FROM account") == world.admin.id


async def test_the_mapping_can_be_changed_until_it_begins(world: World) -> None:
    """A proposal is a proposal."""
    admin = world.admin
    number = (await upload(admin))["number"]

    changed = await admin.patch(
        f"/imports/{number}", columns={"city": "legal_name", "time_zone": ""}, constants={"roles": "supplier"}
    )
    await work(admin, number, "execution", "run")

    assert changed["files"][0]["columns"] == {"id": "external_id", "name": "name", "city": "legal_name"}
    async with tenant_transaction(world.tenant) as conn:
        assert await conn.fetchval("SELECT legal_name || roles::text FROM account ORDER BY name LIMIT 1") == (
            'Delft["supplier"]'
        )
    assert await admin.refusal("PATCH", f"/imports/{number}", {"system": "x"}) == (409, "import_state", [])
    assert await admin.refusal("POST", f"/imports/{number}/check") == (409, "import_state", [])


async def test_what_is_wrong_with_an_upload_is_said(world: World, state_dir: Path) -> None:
    """And nothing of it is kept."""
    admin = world.admin

    async def refused(content: bytes, **query: str) -> tuple[int, str]:
        status, code, _ = await admin.refusal("POST", "/imports", content=content, params=query)
        return status, code

    assert await refused(b"", name="a.csv") == (400, "file_unreadable")
    assert await refused(b"what,is,this\n1,2,3\n", name="a.csv") == (400, "target_unknown")
    assert await refused(b"no workbook", name="a.xlsx") == (400, "file_unreadable")
    assert await refused(CUSTOMERS, name="a.exe") == (400, "invalid_input")
    assert await refused(CUSTOMERS, name="../a.csv") == (400, "invalid_input")
    assert await refused(CUSTOMERS, name="a.csv", target="nonsense") == (400, "invalid_input")
    assert await refused(CUSTOMERS, name="a.csv", system="Big ERP!") == (400, "invalid_input")
    assert await refused(b"x" * (50 * 1024 * 1024 + 1), name="a.csv") == (413, "too_large")
    assert list((state_dir / "imports" / str(world.tenant.id)).iterdir()) == []


async def test_an_upload_that_is_not_run_can_be_deleted_and_few_wait(world: World, state_dir: Path) -> None:
    """Disks are finite; what was run can only be taken back."""
    numbers = [(await upload(world.admin))["number"] for _ in range(20)]

    full = await world.admin.refusal("POST", "/imports", content=CUSTOMERS, params={"name": "a.csv"})
    deleted = await world.admin.send("DELETE", f"/imports/{numbers[0]}")
    await work(world.admin, numbers[1], "execution", "run")

    assert full[:2] == (409, "imports_waiting")
    assert deleted.status_code == 204
    assert (await world.admin.refusal("GET", f"/imports/{numbers[0]}"))[:2] == (404, "not_found")
    assert (await world.admin.refusal("DELETE", f"/imports/{numbers[1]}"))[:2] == (409, "import_state")
    assert len(list((state_dir / "imports" / str(world.tenant.id)).iterdir())) == 18
    assert (await upload(world.admin))["number"] == 21


@pytest.mark.parametrize("role", ["manager", "rep", "billing"])
async def test_only_admins_and_owners_import_and_export(world: World, role: str) -> None:
    """A file reaches every field of every row."""
    number = (await upload(world.owner))["number"]
    person = world.people[role]

    for method, path in (
        ("GET", "/imports"), ("GET", f"/imports/{number}"), ("GET", f"/imports/{number}/report"),
        ("POST", f"/imports/{number}/check"), ("POST", f"/imports/{number}/execution"),
        ("POST", f"/imports/{number}/reversal"), ("DELETE", f"/imports/{number}"),
    ):  # fmt: skip
        assert (await person.refusal(method, path))[:2] == (403, "forbidden"), path
    assert (await person.refusal("PATCH", f"/imports/{number}", {}))[:2] == (403, "forbidden")
    assert (await person.refusal("POST", "/exports", {}))[:2] == (403, "forbidden")
    refused = await person.send("POST", "/imports", content=CUSTOMERS, params={"name": "a.csv"})
    assert refused.status_code == 403


async def test_imports_of_another_tenant_are_nothing(world: World, stranger: Person) -> None:
    """Numbers begin at 1 in each tenant: the other's must not be found under them."""
    number = (await upload(world.owner))["number"]

    assert (await stranger.get("/imports"))["items"] == []
    for method, path in (
        ("GET", f"/imports/{number}"), ("GET", f"/imports/{number}/report"), ("POST", f"/imports/{number}/check"),
        ("POST", f"/imports/{number}/execution"), ("POST", f"/imports/{number}/reversal"),
        ("DELETE", f"/imports/{number}"),
    ):  # fmt: skip
        assert (await stranger.refusal(method, path))[:2] == (404, "not_found")
    assert (await stranger.refusal("PATCH", f"/imports/{number}", {}))[:2] == (404, "not_found")
    assert (await stranger.refusal("GET", f"/imports/{2**70}"))[:2] == (404, "not_found")


async def export(person: Person, form: str) -> tuple[str, bytes]:
    """Ask for an export, do the job, fetch it."""
    asked = await person.send("POST", "/exports", {"format": form})
    assert asked.status_code == 202, asked.text
    export_id = asked.json()["id"]
    assert (await person.refusal("GET", f"/exports/{export_id}/file"))[:2] == (409, "export_not_ready")
    token = _tenant_id.set(person.tenant.id)
    try:
        await write_export.fn.__wrapped__(export_id)
    finally:
        _tenant_id.reset(token)
    assert (await person.get(f"/exports/{export_id}"))["state"] == "done"
    fetched = await person.send("GET", f"/exports/{export_id}/file")
    assert fetched.status_code == 200
    return export_id, fetched.content


async def test_an_export_has_every_row_and_no_formula(world: World) -> None:
    """The tenant's data are the tenant's; a spreadsheet that opens them runs nothing."""
    await world.trade()
    await world.admin.post("/accounts", name="=cmd()|calc")

    _, content = await export(world.admin, "csv")

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        rows = {
            name.removesuffix(".csv"): list(csv.DictReader(io.StringIO(archive.read(name).decode())))
            for name in archive.namelist()
        }
    assert sorted(row["name"] for row in rows["account"]) == ["'=cmd()|calc", "Corner Shops", "Far Shops"]
    assert len(rows["price_item"]) == await count(world.tenant, "price_item")
    assert {row["price"] for row in rows["price_item"]} == {"10.00", "2.50", "55"}


async def test_an_export_as_sqlite_is_exact(world: World) -> None:
    """Prices are text there, as SQLite would make floats of them."""
    await world.trade()
    await world.admin.post("/accounts", name="=cmd()|calc")

    _, content = await export(world.owner, "sqlite")

    database = sqlite3.connect(":memory:")
    database.deserialize(content)
    names = {row[0] for row in database.execute("SELECT name FROM account")}
    prices = {row[0] for row in database.execute("SELECT DISTINCT price FROM price_item")}
    database.close()
    assert "=cmd()|calc" in names
    assert prices == {"10.00", "2.50", "55"}


async def test_an_export_is_fetched_by_who_asked_for_it_and_nobody_else(world: World, stranger: Person) -> None:
    """Not even by another admin: what a role may read is the asker's."""
    export_id, _ = await export(world.admin, "csv")

    for person in (world.owner, stranger):
        for path in (f"/exports/{export_id}", f"/exports/{export_id}/file"):
            assert (await person.refusal("GET", path))[:2] == (404, "not_found")


async def test_an_export_of_whoever_has_lost_their_rights_is_not_written(world: World) -> None:
    """Between asking and writing, somebody may have been dismissed."""
    asked = (await world.admin.send("POST", "/exports", {})).json()["id"]
    async with tenant_write(world.tenant, by=SYSTEM):
        await connection().execute("UPDATE member SET active = false WHERE id = $1", world.admin.id)
    token = _tenant_id.set(world.tenant.id)
    try:
        await write_export.fn.__wrapped__(asked)
    finally:
        _tenant_id.reset(token)

    async with tenant_transaction(world.tenant) as conn:
        assert await conn.fetchval("SELECT state FROM export_file") == "failed"


async def test_no_more_than_a_few_exports_wait(world: World) -> None:
    """S7: asking is cheap, writing is not."""
    for _ in range(3):
        await world.admin.send("POST", "/exports", {})

    assert (await world.admin.refusal("POST", "/exports", {}))[:2] == (409, "exports_waiting")
