"""Breaking off at every single statement: whatever was done is whole, and the next start goes on."""

import shutil
import sqlite3
import subprocess
import sys

import pytest
from outrider_sdk import MemoryCredentials, Replica, StorageFailed, reveal
from sdk_crashes import STRIDE, Crash, crashing_connection
from sdk_fakes import FakeClock, FakeServer, FakeTransport, credentials, stock_shop


class Day:
    """A device's day against a server that survives; `acknowledged` is what the SDK returned from."""

    def __init__(self, path):
        self.path = path
        self.server = FakeServer(page_size=8)
        self.shop = stock_shop(self.server)
        self.acknowledged = []

    def open(self, factory=sqlite3.Connection):
        options = {"credentials": MemoryCredentials(credentials()), "clock": FakeClock()}
        return Replica.open(self.path, transport=FakeTransport(self.server), connection_factory=factory, **options)

    def run(self, factory):
        crm = self.open(factory)
        try:
            crm.sync()
            with crm.transaction() as first:
                order = crm.orders.create(outlet_id=self.shop["outlet"])
                crm.order_lines.create(order_id=order.id, product_id=self.shop["tea"], quantity=3)
                crm.orders.submit(order.id)
            self.acknowledged.append(first.number)
            with crm.transaction() as second:
                crm.contacts.edit(self.shop["contact"], name="Freda")
            self.acknowledged.append(second.number)
            self.server.put("contact", id=self.shop["contact"], job_title="Chief")
            self.server.remove("product", self.shop["jam"])
            crm.sync()
        finally:
            crm.close()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_crash_at_any_statement_loses_nothing_that_was_acknowledged(tmp_path, monkeypatch, after):
    """Kill points that no random test would hit: between each two statements of making, writing, pushing, revealing."""
    monkeypatch.setattr(reveal, "ADOPT_FROM_ROWS", 2)
    Day(tmp_path / "empty.db").open().close()
    counting = crashing_connection(10**9, after=after)
    made_day(tmp_path, "count").run(counting)
    for at in range(1 + after, counting.seen + 1, STRIDE):
        day = made_day(tmp_path, f"day{at}")
        with pytest.raises(Crash):
            day.run(crashing_connection(at, after=after))

        with day.open() as crm:
            numbers = [row["number"] for row in crm.query("SELECT number FROM sync_outbox")]
            assert numbers[: len(day.acknowledged)] == day.acknowledged, at
            assert len(numbers) <= len(day.acknowledged) + 1
            assert crm.verify() == [], at
            crm.sync()
            crm.sync()
            assert crm.verify() == []
            assert crm.status().pending == 0
            assert crm.query("SELECT * FROM sync_shadow") == []
            for entity, table in (
                ("contact", crm.contacts),
                ("order_line", crm.order_lines),
                ("product", crm.products),
            ):
                rows = {key: row["revision"] for (name, key), row in day.server.rows.items() if name == entity}
                assert {row.id: row.revision for row in table.list()} == rows, at
            assert sum(name == "order" for name, _ in day.server.rows) <= 1


def made_day(folder, name):
    """A day that begins with a file that is there: the making of it has a test of its own."""
    shutil.copyfile(folder / "empty.db", folder / f"{name}.db")
    return Day(folder / f"{name}.db")


def test_a_crash_while_a_replica_is_made_leaves_none_or_a_whole_one(tmp_path):
    """A file that half exists could neither be opened nor be made again."""
    counting = crashing_connection(10**9, after=False)
    Day(tmp_path / "count.db").open(counting).close()
    for at in range(1, counting.seen + 1, 7):
        day = Day(tmp_path / f"{at}.db")
        with pytest.raises(Crash):
            day.open(crashing_connection(at, after=True))

        with day.open() as crm:
            assert crm.sync().rows_put == len(day.server.rows)
            assert crm.verify() == []


def filling_connection(at):
    """A connection class that finds the disk full at its write number `at`, once; `seen` counts them."""

    class Filling(sqlite3.Connection):
        seen = 0

        def _run(self, run, sql, *arguments):
            if not sql.lstrip().upper().startswith(("SELECT", "PRAGMA", "BEGIN", "ROLLBACK")):
                type(self).seen += 1
                if type(self).seen == at:
                    raise sqlite3.OperationalError("database or disk is full")
            return run(sql, *arguments)

        def execute(self, *arguments):
            return self._run(super().execute, *arguments)

        def executemany(self, *arguments):
            return self._run(super().executemany, *arguments)

    return Filling


def test_a_full_disk_while_a_replica_is_opened_is_named_and_the_next_opening_goes_on(tmp_path):
    """After a wipe, or on a new phone: the app can say what is wrong, and start again without ending its process."""
    counting = filling_connection(0)
    Day(tmp_path / "count.db").open(counting).close()
    for at in [*range(1, counting.seen, 16), counting.seen]:
        day = Day(tmp_path / f"{at}.db")
        with pytest.raises(StorageFailed, match="Free some space"):
            day.open(filling_connection(at))

        with day.open() as crm:
            assert crm.sync().rows_put == len(day.server.rows)
            assert crm.verify() == []


_WITHOUT_ROOM = """
import resource, signal, sys
from pathlib import Path
from outrider_sdk import Replica, StorageFailed

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), hard))
try:
    Replica.open(Path(sys.argv[1]))
except StorageFailed:
    print("named")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows limits no file's size")
@pytest.mark.parametrize("room_bytes", [0, 20, 8192])
@pytest.mark.parametrize("is_there", [False, True], ids=["made", "opened"])
def test_a_disk_without_room_is_named_whatever_is_written_first(tmp_path, room_bytes, is_there):
    """The lock's file and SQLite's own are written before the first statement of ours."""
    day = Day(tmp_path / "day.db")
    if is_there:
        day.open().close()
    command = [sys.executable, "-c", _WITHOUT_ROOM, str(day.path), str(room_bytes)]

    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert said == "named\n"
    with day.open() as crm:
        assert crm.verify() == []


def test_a_connection_that_crashed_inside_a_transaction_goes_on_when_it_can(open_replica, server):
    """A full disk or an interrupt ends one transaction, not the app."""
    ids = stock_shop(server)
    trouble = []

    class Failing(sqlite3.Connection):
        def execute(self, sql, *arguments):
            if trouble and sql.startswith("INSERT INTO sync_outbox"):
                raise trouble.pop()
            return super().execute(sql, *arguments)

    crm = open_replica(connection_factory=Failing)
    crm.sync()
    trouble.append(Crash())
    with pytest.raises(Crash):
        crm.contacts.edit(ids["contact"], name="Freda")

    assert crm.contacts.get(ids["contact"]).name == "Fred"
    assert crm.contacts.edit(ids["contact"], name="Freda").name == "Freda"
    assert crm.status().last_number == 1
    assert crm.verify() == []


def test_a_full_disk_is_named_and_the_change_is_undone(open_replica, server):
    """The person can free some space and repeat."""
    ids = stock_shop(server)
    full = []

    class Full(sqlite3.Connection):
        def execute(self, sql, *arguments):
            if full and sql == "COMMIT":
                raise full.pop()
            return super().execute(sql, *arguments)

    crm = open_replica(connection_factory=Full)
    crm.sync()
    full.append(sqlite3.OperationalError("database or disk is full"))

    with pytest.raises(StorageFailed, match="Free some space"):
        crm.contacts.edit(ids["contact"], name="Freda")

    assert crm.contacts.get(ids["contact"]).name == "Fred"
