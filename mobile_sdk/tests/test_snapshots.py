"""Beginning with a snapshot: quick where it works, and without consequence where it does not."""

import sqlite3
from contextlib import closing

import pytest
import sdk_snapshots
from outrider_sdk import HttpTransport, MemoryCredentials, Offline, Replica
from outrider_sdk.store import Store
from sdk_crashes import STRIDE, Crash, crashing_connection
from sdk_fakes import FakeClock, credentials, stock_shop
from sdk_http import HttpServer
from sdk_snapshots import Beginning, SnapshotTransport, assert_equal

small_tables_are_large = sdk_snapshots.small_tables_are_large
server, transport, shop = sdk_snapshots.server, sdk_snapshots.transport, sdk_snapshots.shop


def test_a_new_replica_becomes_the_snapshot(server, crm, shop):
    """No row is written twice: the file is renamed into place."""
    before = crm._store.path.stat().st_ino

    report = crm.sync()

    assert crm._store.path.stat().st_ino != before
    assert report.rows_put == len(server.rows)
    assert_equal(crm, server)


def test_s1_what_was_captured_before_the_first_sync_is_still_there_after_it(server, crm, shop):
    """Who installs the app and begins to type has been told that it is safe."""
    made = crm.contacts.create(account_id=shop["account"], name="Typed first")
    crm._store._conn.execute("CREATE VIEW mine AS SELECT name FROM contact")

    report = crm.sync()

    assert report.applied == 1
    assert crm.contacts.get(made.id).name == "Typed first"
    assert {"name": "Typed first"} in crm.query("SELECT * FROM mine")
    assert_equal(crm, server)


@pytest.mark.parametrize("is_new", [True, False], ids=["new", "anew"])
def test_s9_what_is_captured_while_a_snapshot_is_fetched_is_shown_and_sent(server, transport, crm, shop, is_new):
    """The rep goes on working; a new base comes in under the work, and takes nothing of it away."""
    if not is_new:
        crm.sync()
        server.view = "another"
    made = []

    def work():
        made.append(crm.contacts.create(account_id=shop["account"], name="Meanwhile").id)
        if not is_new:
            crm.contacts.edit(shop["contact"], name="Freda")

    transport.while_downloading = work

    crm.sync()

    assert crm.contacts.get(made[0]).name == "Meanwhile"
    assert crm.contacts.find(shop["contact"]).name == ("Fred" if is_new else "Freda")
    assert crm.status().pending == 2 - is_new
    assert crm.verify() == []
    assert crm.sync().applied == 2 - is_new
    assert_equal(crm, server)


def test_s9_a_replica_that_begins_anew_loses_what_the_snapshot_does_not_have(server, crm, shop):
    """Behind the horizon nobody tells what was deleted: what is not in the snapshot is gone."""
    crm.sync()
    server.rows.pop(("contact", shop["contact"]))
    server.put("contact", account_id=shop["account"], name="Later")
    server.view = "another"

    crm.sync()

    assert crm.contacts.find(shop["contact"]) is None
    assert_equal(crm, server)


def test_what_changed_after_the_snapshot_comes_with_the_pages_after_it(server, transport, crm, shop):
    """A file is of the moment when it was built."""

    def change():
        server.put("contact", id=shop["contact"], name="Freda")
        server.remove("product", shop["jam"])
        server.put("account", name="New")

    transport.while_downloading = change

    crm.sync()

    assert crm.contacts.get(shop["contact"]).name == "Freda"
    assert_equal(crm, server)


def test_s4_nothing_is_shown_before_the_pull_is_complete(server, transport, crm, shop):
    """Half of a price list is worse than none."""
    transport.faults.extend([None, "before"])

    with pytest.raises(Offline):
        crm.sync()

    assert crm.products.list() == []
    assert crm.status().cursor == 0
    crm.sync()
    assert len(server.offers) == 1
    assert_equal(crm, server)


def test_s4_rows_and_cursor_take_the_replicas_place_together(server, crm, shop, monkeypatch):
    """The file that is renamed into place shows everything already: there is no second step that a crash could part."""
    seen = []
    become = Store.become

    def looked_at(store, draft, **how):
        with closing(sqlite3.connect(draft)) as conn:
            cursor = conn.execute("SELECT value FROM sync_meta WHERE key = 'cursor'").fetchone()[0]
            seen.append((int(cursor), conn.execute("SELECT count(*) FROM contact").fetchone()[0]))
        become(store, draft, **how)

    monkeypatch.setattr(Store, "become", looked_at)

    crm.sync()

    assert seen == [(server.revision, 21)]
    assert_equal(crm, server)


def test_a_snapshots_first_bytes_come_before_the_page_after_it(server, open_replica):
    """Who waits for ten megabytes does not wait for the server's next page first; nor for that one after them."""
    stock_shop(server)
    server.piece = 1_000_000
    http = HttpServer(server)
    kept = MemoryCredentials(credentials(http.url))
    transport = HttpTransport(kept)
    try:
        crm = open_replica(transport=transport, credentials=kept)

        crm.sync()

        paths = [path.rpartition("/")[0] for path, _, _ in http.log]
        assert paths == ["/sync", "/sync/snapshots", "/sync"]
        assert_equal(crm, server)
    finally:
        transport.close()
        http.close()


def test_several_pages_after_a_snapshot_are_staged_upon_it(server, transport, crm, shop, monkeypatch):
    """A file of last month: what has changed since fills more than a page."""

    def change():
        server.page_size = 3
        for number in range(10):
            server.put("contact", account_id=shop["account"], name=f"Later {number}")

    transport.while_downloading = change
    before = crm._store.path.stat().st_ino

    report = crm.sync()

    assert report.pages > 3
    assert crm._store.path.stat().st_ino != before
    assert_equal(crm, server)


def test_a_download_goes_on_where_the_network_broke(server, transport, crm, shop):
    """Ten megabytes over a bad line arrive in the end, each byte once."""
    transport.cuts = [700, None, 300, 0, None]

    crm.sync()

    assert server.starts[:5] == [0, 700, 1_700, 2_000, 2_000]
    assert_equal(crm, server)


def test_a_download_goes_on_in_the_next_sync(server, transport, crm, shop, open_replica):
    """The tunnel is long, and the app was closed in it."""
    transport.cuts = [500, 0, 0, 0, 0, 0]
    with pytest.raises(Offline):
        crm.sync()
    crm.close()
    again = open_replica()

    again.sync()

    assert server.starts[-1] >= 500
    assert len(server.offers) == 1
    assert_equal(again, server)


def test_a_replica_that_somebody_reads_is_not_replaced_under_them(server, crm, shop, open_replica):
    """A reader of the old file would read the log of the new one: the rows are copied instead."""
    reader = open_replica(read_only=True)
    reader.contacts.list()
    before = crm._store.path.stat().st_ino

    crm.sync()

    assert crm._store.path.stat().st_ino == before
    assert len(reader.contacts.list()) == len(crm.contacts.list()) == 21
    assert_equal(crm, server)


class BeginningInProcess(Beginning):
    """Without a network; its connections may crash."""

    def open(self, factory=sqlite3.Connection):
        options = {"credentials": MemoryCredentials(credentials()), "clock": FakeClock()}
        transport = SnapshotTransport(self.server)
        return Replica.open(self.path, transport=transport, connection_factory=factory, **options)

    def run(self, factory):
        crm = self.open(factory)
        try:
            crm.sync()
        finally:
            crm.close()


@pytest.mark.parametrize("is_new", [True, False], ids=["new", "anew"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_s1_a_crash_at_any_statement_of_a_beginning_loses_nothing(tmp_path, after, is_new):
    """Between any two statements of staging, replacing and revealing, the file is whole, and the next sync goes on."""
    counting = crashing_connection(10**9, after=after)
    BeginningInProcess(tmp_path / "count", is_new=is_new).prepare().run(counting)
    assert counting.seen > 200

    for at in range(1 + after, counting.seen + 1, 3 * STRIDE):
        beginning = BeginningInProcess(tmp_path / str(at), is_new=is_new).prepare()

        with pytest.raises(Crash):
            beginning.run(crashing_connection(at, after=after))

        beginning.assert_heals(at)
