"""A loss of power: what was acknowledged is on the disk; a pull that brought rows alone comes again."""

import errno
import os
import shutil
import sqlite3
import threading
from pathlib import Path

import pytest
import sdk_snapshots
from outrider_sdk import MemoryCredentials, Replica, StorageFailed
from outrider_sdk.store import Store
from sdk_crashes import Crash
from sdk_fakes import FakeClock, FakeServer, FakeTransport, credentials, stock_shop
from sdk_snapshots import assert_equal

server, transport, shop = sdk_snapshots.server, sdk_snapshots.transport, sdk_snapshots.shop

UNFLUSHED = [(1,)]
"""What SQLite says of `PRAGMA synchronous=NORMAL`."""


class Phone:
    """A device that the office changes rows for; `unflushed` are the commits that did not wait for the disk."""

    def __init__(self, path):
        self.path = path
        self.server = FakeServer()
        self.ids = stock_shop(self.server)
        self.commits, self.unflushed = 0, []

    def open(self, *, dies_at=None):
        phone = self

        class Watched(sqlite3.Connection):
            def execute(self, sql, *arguments):
                if sql != "COMMIT":
                    return super().execute(sql, *arguments)
                phone.commits += 1
                if super().execute("PRAGMA synchronous").fetchall() == UNFLUSHED:
                    phone.unflushed.append(phone.commits)
                if phone.commits != dies_at:
                    return super().execute(sql, *arguments)
                phone.keep()
                super().execute(sql, *arguments)
                raise Crash

        options = {"credentials": MemoryCredentials(credentials()), "clock": FakeClock()}
        return Replica.open(self.path, transport=FakeTransport(self.server), connection_factory=Watched, **options)

    def keep(self):
        """What the disk has before a commit."""
        for suffix in ("", "-wal"):
            shutil.copyfile(f"{self.path}{suffix}", f"{self.path}.disk{suffix}")

    def lose_power(self):
        """The commit is gone, and all else is there."""
        for suffix in ("", "-wal"):
            shutil.move(f"{self.path}.disk{suffix}", f"{self.path}{suffix}")
        Path(f"{self.path}-shm").unlink(missing_ok=True)

    def live(self, crm):
        """A day: work of one's own, that of the office, and both at once."""
        crm.sync()
        self.server.put("contact", id=self.ids["contact"], job_title="Chief")
        crm.sync()
        crm.contacts.edit(self.ids["contact"], name="Freda")
        self.server.put("product", id=self.ids["tea"], name="Green tea")
        crm.sync()
        self.server.remove("product", self.ids["jam"])
        crm.sync()
        self.server.put("contact", id=self.ids["contact"], job_title="Owner")
        crm.sync()


@pytest.fixture
def phone(tmp_path):
    return Phone(tmp_path / "crm.db")


def test_a_pull_that_brings_rows_alone_does_not_wait_for_the_disk(phone):
    """A flush takes longer than all else of a small sync, and these rows would come again."""
    with phone.open() as crm:
        crm.sync()
        phone.server.put("contact", id=phone.ids["contact"], job_title="Chief")
        phone.unflushed.clear()

        crm.sync()

        assert phone.unflushed == [phone.commits]


def test_what_a_person_did_is_flushed_after_a_pull_that_was_not(phone):
    """S1: what the SDK returned from survives the battery."""
    with phone.open() as crm:
        crm.sync()
        phone.server.put("contact", id=phone.ids["contact"], job_title="Chief")
        crm.sync()
        phone.unflushed.clear()

        crm.contacts.edit(phone.ids["contact"], name="Freda")

        assert phone.unflushed == []
        assert crm.query("PRAGMA synchronous") == [{"synchronous": 2}]


def test_what_leaves_a_device_and_what_was_decided_of_its_work_is_flushed(phone):
    """S6 and S1: a row out of sight is gone for good, and an outcome is acknowledged by the next request."""
    with phone.open() as crm:
        crm.sync()
        crm.contacts.edit(phone.ids["contact"], name="Freda")
        phone.server.remove("product", phone.ids["jam"])
        phone.unflushed.clear()

        crm.sync()

        assert crm.status().pending == 0
        assert phone.unflushed == []


def test_s1_a_loss_of_power_after_any_pull_that_was_not_flushed_loses_nothing(tmp_path):
    """The cursor goes back with the rows, so that the next pull brings them once more; the outbox is as it was."""
    whole = Phone(tmp_path / "whole.db")
    with whole.open() as crm:
        whole.live(crm)
    assert whole.unflushed

    for at in whole.unflushed:
        phone = Phone(tmp_path / f"{at}.db")
        crm = phone.open(dies_at=at)
        with pytest.raises(Crash):
            phone.live(crm)
        crm.close()
        phone.lose_power()

        with phone.open() as crm:
            assert crm.verify() == []
            crm.sync()
            crm.sync()
            assert crm.verify() == []
            assert crm.status().pending == 0
            assert crm.query("SELECT * FROM sync_shadow") == []
            for entity, table in (("contact", crm.contacts), ("product", crm.products)):
                rows = {key: row["revision"] for (name, key), row in phone.server.rows.items() if name == entity}
                assert {row.id: row.revision for row in table.list()} == rows, at


class Folder:
    """The syncing of the folder: takes until it is let go, and may fail; `events` says when it is done."""

    def __init__(self, monkeypatch, events, *, fails=False):
        self.let_go = threading.Event()
        self.events, self.fails = events, fails
        monkeypatch.setattr("outrider_sdk.store.sync_folder", self.sync)

    def sync(self, _):
        assert self.let_go.wait(30)
        self.events.append("named")
        if self.fails:
            raise OSError(errno.EIO, os.strerror(errno.EIO))


class Begun(sqlite3.Connection):
    """Notes the begin of each transaction."""

    events = []  # noqa: RUF012 - of the one that a test has

    def execute(self, sql, *arguments):
        if sql == "BEGIN IMMEDIATE":
            self.events.append("begun")
        return super().execute(sql, *arguments)


def test_s1_what_is_captured_first_waits_until_the_disk_has_the_name_of_the_file_that_it_is_written_to(
    server, open_replica, shop, monkeypatch
):
    """A first snapshot is shown before that: it would come again. An order would not, and its log is of that file."""
    events = []
    monkeypatch.setattr(Begun, "events", events)
    crm = open_replica(connection_factory=Begun)
    folder = Folder(monkeypatch, events)

    crm.sync()

    assert_equal(crm, server)
    assert "named" not in events
    events.clear()
    capturing = threading.Thread(target=crm.contacts.edit, args=(shop["contact"],), kwargs={"name": "Freda"})
    capturing.start()
    folder.let_go.set()
    capturing.join()
    assert events == ["named", "begun"]
    assert crm.sync().applied == 1


def test_s1_nothing_is_captured_into_a_file_whose_name_could_not_be_made_safe(crm, server, shop, monkeypatch):
    """The disk says it once, and the person hears it as often as they try; what is shown stays to be seen."""
    folder = Folder(monkeypatch, [], fails=True)
    folder.let_go.set()
    crm.sync()

    for _ in range(2):
        with pytest.raises(StorageFailed, match="Open it again"):
            crm.contacts.edit(shop["contact"], name="Freda")

    assert crm.query("SELECT * FROM sync_outbox") == []
    assert_equal(crm, server)


def test_s1_a_first_snapshot_that_has_outcomes_in_it_waits_for_the_disk(crm, shop, monkeypatch):
    """The next request acknowledges them, and the server forgets: they are not told again."""
    crm.contacts.create(account_id=shop["account"], name="Typed first")
    folder = Folder(monkeypatch, [], fails=True)
    folder.let_go.set()

    with pytest.raises(StorageFailed):
        crm.sync()


def test_s1_a_loss_of_power_right_after_a_first_snapshot_leaves_the_file_of_before(
    crm, server, open_replica, shop, monkeypatch
):
    """It shows nothing, and begins again; nothing of the file that was lost is mixed into it."""
    before = Path(f"{crm._store.path}.disk")
    become = Store.become

    def kept(store, draft, **how):
        shutil.copyfile(store.path, before)
        become(store, draft, **how)

    monkeypatch.setattr(Store, "become", kept)
    crm.sync()
    path = crm._store.path
    crm.close()
    assert not Path(f"{path}-wal").exists()
    before.replace(path)

    again = open_replica()

    assert again.contacts.list() == []
    assert again.verify() == []
    again.sync()
    assert_equal(again, server)
