"""Beginning with a snapshot: quick where it works, and without consequence where it does not."""

# ruff: noqa: S608  (names of tables)

import hashlib
import sqlite3

import pytest
from outrider_sdk import MemoryCredentials, Offline, ProtocolViolation, Replica, StorageFailed, reveal
from outrider_sdk.protocol.entities import ENTITIES
from outrider_sdk.protocol.tables import entity_indexes
from sdk_crashes import STRIDE, Crash, crashing_connection
from sdk_fakes import FakeClock, credentials, stock_shop
from sdk_snapshots import SnapshotServer, SnapshotTransport

INDEXES = "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = ?"


@pytest.fixture(autouse=True)
def small_tables_are_large(monkeypatch):
    """So that some are taken over whole, and some row by row."""
    monkeypatch.setattr(reveal, "ADOPT_FROM_ROWS", 5)


@pytest.fixture
def server():
    return SnapshotServer()


@pytest.fixture
def transport(server):
    return SnapshotTransport(server)


@pytest.fixture
def shop(server):
    ids = stock_shop(server)
    for number in range(20):
        server.put("contact", account_id=ids["account"], name=f"Contact {number}")
    return ids


def assert_equal(crm, server):
    """What is shown is what the server has, and the file is sound, with its indexes, and nothing beside it."""
    for name, entity in ENTITIES.items():
        rows = {key: row["revision"] for (of, key), row in server.rows.items() if of == name}
        assert {row.id: row.revision for row in crm.table(name).list()} == rows, name
        found = crm.query(INDEXES, [name])
        assert {row["name"] for row in found} == set(entity_indexes(entity)), name
        assert crm.query(f"SELECT count(*) AS n FROM sync_staged_{name}") == [{"n": 0}]
    assert crm.verify() == []
    assert crm.query("SELECT value FROM sync_meta WHERE key LIKE 'snapshot%' AND value IS NOT NULL") == []
    assert [f.name for f in crm._store.path.parent.iterdir() if ".snapshot" in f.name] == []


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


def another_hash(offer, content):
    offer["sha256"] = hashlib.sha256(b"another").hexdigest()
    return content


def cut_short(offer, content):
    return content[:-10]


def damaged(offer, content):
    spoiled = bytearray(content)
    spoiled[len(content) // 2] ^= 255
    return bytes(spoiled)


def no_gzip(offer, content):
    offer["sha256"] = hashlib.sha256(b"x" * len(content)).hexdigest()
    return b"x" * len(content)


def larger_than_offered(offer, content):
    offer["file_bytes"] = 4_096
    return content


def another_format(offer, content):
    offer["format"] = 99
    return content


def another_encoding(offer, content):
    offer["encoding"] = "lzma"
    return content


def sizes_that_are_none(offer, content):
    offer["size_bytes"] = "many"
    return content


SPOILED = [
    another_hash, cut_short, damaged, no_gzip, larger_than_offered, another_format, another_encoding,
    sizes_that_are_none,
]  # fmt: skip


@pytest.mark.parametrize("spoil", SPOILED, ids=lambda spoil: spoil.__name__)
def test_a_snapshot_that_is_not_what_was_offered_is_not_used(server, crm, shop, spoil):
    """Whatever is wrong with it, the same rows come in pages, and nothing is lost."""
    server.spoil = spoil
    made = crm.contacts.create(account_id=shop["account"], name="Typed first")

    crm.sync()

    assert crm.contacts.get(made.id).name == "Typed first"
    assert_equal(crm, server)


def test_a_snapshot_that_is_gone_is_done_without(server, crm, shop):
    """Rights that changed, or a clean-up, in the middle of a download."""
    server.gone = True

    crm.sync()

    assert len(server.starts) == 1
    assert_equal(crm, server)


@pytest.mark.parametrize("is_new", [True, False], ids=["new", "anew"])
@pytest.mark.parametrize(
    "change",
    [
        "PRAGMA application_id=7",
        "PRAGMA user_version=99",
        "ALTER TABLE contact ADD COLUMN more",
        "ALTER TABLE contact DROP COLUMN language",
    ],
)
def test_a_file_of_other_tables_is_not_used(server, crm, shop, is_new, change, monkeypatch):
    """A server that is older or newer than the app."""
    if not is_new:
        crm.sync()
        server.view = "another"
    made = []
    snapshot_file = SnapshotServer._offer.__globals__["snapshot_file"]

    def other(rows, path):
        made.append(path)
        snapshot_file(rows, path)
        conn = sqlite3.connect(path)
        conn.execute(change)
        conn.commit()
        conn.close()

    monkeypatch.setitem(SnapshotServer._offer.__globals__, "snapshot_file", other)

    crm.sync()

    assert made
    assert_equal(crm, server)


def test_a_server_that_offers_again_and_again_is_not_believed(server, transport, crm, shop):
    """A pull must come to its end."""
    server.gone = True
    pull = server.pull
    server.pull = lambda request: pull(request | {"snapshots": ["gzip"]})

    with pytest.raises(ProtocolViolation, match="nobody asked"):
        crm.sync()


def test_a_replica_that_somebody_reads_is_not_replaced_under_them(server, crm, shop, open_replica):
    """A reader of the old file would read the log of the new one: the rows are copied instead."""
    reader = open_replica(read_only=True)
    reader.contacts.list()
    before = crm._store.path.stat().st_ino

    crm.sync()

    assert crm._store.path.stat().st_ino == before
    assert len(reader.contacts.list()) == len(crm.contacts.list()) == 21
    assert_equal(crm, server)


def test_a_full_disk_leaves_the_replica_as_it_was(server, transport, crm, shop, monkeypatch):
    """Space can be made, and the sync repeated."""

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("outrider_sdk.snapshot_placing._settle", full)
    crm.contacts.create(account_id=shop["account"], name="Typed first")
    with pytest.raises(StorageFailed, match="Free some space"):
        crm.sync()
    monkeypatch.undo()

    assert crm.contacts.list()[0].name == "Typed first"
    crm.sync()
    assert_equal(crm, server)


class Beginning:
    """A replica that begins, or begins anew, with a snapshot, and has captured something."""

    def __init__(self, path, *, is_new):
        self.path, self.is_new = path, is_new
        self.server = SnapshotServer()
        self.shop = stock_shop(self.server)
        for number in range(8):
            self.server.put("contact", account_id=self.shop["account"], name=f"Contact {number}")

    def open(self, factory=sqlite3.Connection):
        options = {"credentials": MemoryCredentials(credentials()), "clock": FakeClock()}
        transport = SnapshotTransport(self.server)
        return Replica.open(self.path, transport=transport, connection_factory=factory, **options)

    def prepare(self):
        with self.open() as crm:
            if not self.is_new:
                crm.sync()
                self.server.view = "another"
            crm.contacts.create(account_id=self.shop["account"], name="Typed first")
        return self

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
    Beginning(tmp_path / "count.db", is_new=is_new).prepare().run(counting)
    assert counting.seen > 200
    for at in range(1 + after, counting.seen + 1, 3 * STRIDE):
        beginning = Beginning(tmp_path / f"{at}.db", is_new=is_new).prepare()
        with pytest.raises(Crash):
            beginning.run(crashing_connection(at, after=after))

        with beginning.open() as crm:
            assert crm.verify() == [], at
            assert len(crm.query("SELECT number FROM sync_outbox")) == 1, at
            assert crm.contacts.count(where={"name": "Typed first"}) == 1, at
            crm.sync()
            crm.sync()
            assert crm.status().pending == 0
            assert_equal(crm, beginning.server)
        for file in tmp_path.glob(f"{at}.db*"):
            file.unlink()
