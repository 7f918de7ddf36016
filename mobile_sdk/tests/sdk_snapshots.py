"""A `FakeServer` that offers snapshots, and what may be wrong with them."""

# ruff: noqa: S608  (names of tables)

import gzip
import hashlib
import json
import sqlite3
import tempfile
from pathlib import Path

import pytest
from outrider_sdk import Offline, Rejected, reveal
from outrider_sdk.kinds import to_stored
from outrider_sdk.protocol.entities import ENTITIES
from outrider_sdk.protocol.tables import (
    SNAPSHOT_APPLICATION_ID,
    SNAPSHOT_FORMAT,
    create_entity_indexes,
    create_entity_table,
    entity_indexes,
    quoted,
)
from sdk_fakes import FakeServer, FakeTransport, stock_shop

INDEXES = "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = ?"


def snapshot_file(rows, path):
    """The SQLite file of rows as `FakeServer.rows` has them."""
    conn = sqlite3.connect(path)
    conn.execute(f"PRAGMA application_id={SNAPSHOT_APPLICATION_ID}")
    conn.execute(f"PRAGMA user_version={SNAPSHOT_FORMAT}")
    for name, entity in ENTITIES.items():
        mine = [row for (of, _), row in sorted(rows.items()) if of == name]
        create_entity_table(conn.execute, name, entity)
        marks = ", ".join("?" * len(entity.columns))
        stored = [[to_stored(f, row[f.name]) for f in entity.all_fields] for row in mine]
        conn.executemany(f"INSERT INTO {quoted(name)} VALUES ({marks})", stored)
        create_entity_indexes(conn.execute, entity)
    conn.commit()
    conn.close()


class SnapshotServer(FakeServer):
    """Offers a snapshot to whoever begins, or begins anew.

    `piece` is how much of a file it gives at once; `starts` where downloads began; `spoil` changes an offer or its
    file; `gone`: files are refused.
    """

    def __init__(self, page_size=1_000, piece=1_000):
        super().__init__(page_size)
        self.piece = piece
        self.starts = []
        self.offers = {}
        self.gone = False
        self.spoil = lambda offer, content: content

    def pull(self, request):
        page = super().pull(request | {"position": self._own(request["position"])})
        begins = request["position"] is None and (request["cursor"] == 0 or page["anew"])
        if begins and "gzip" in request.get("snapshots", []):
            page |= {"puts": {}, "drops": {}, "complete": False, "outcomes": [], "snapshot": self._offer()}
            page["position"] = json.dumps(["snapshot", self.revision])
        return page

    def _own(self, position):
        """A position after a snapshot is one after the last row of its revision."""
        if position is None or json.loads(position)[0] != "snapshot":
            return position
        return json.dumps([json.loads(position)[1], "\uffff", ""])

    def _offer(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "snapshot.db")
            snapshot_file(self.rows, path)
            raw = path.read_bytes()
        content = gzip.compress(raw, mtime=0)
        offer = {
            "id": f"0190a000-0000-7000-8000-{len(self.offers):012d}",
            "format": SNAPSHOT_FORMAT,
            "encoding": "gzip",
            "sha256": hashlib.sha256(content).hexdigest(),
            "size_bytes": len(content),
            "file_bytes": len(raw),
            "rows": len(self.rows),
        }
        self.offers[offer["id"]] = self.spoil(offer, content)
        return offer

    def download(self, snapshot_id, start):
        """A part of a file, and the size of the whole."""
        content = self.offers[snapshot_id]
        self.starts.append(start)
        if self.gone:
            raise Rejected(410, "snapshot_gone", "It is gone.")
        return content[start : start + self.piece], len(content)


class SnapshotTransport(FakeTransport):
    """`cuts` says per download how much of its bytes arrive before the network is gone (None: all)."""

    def __init__(self, server):
        super().__init__(server)
        self.cuts = []
        self.while_downloading = None

    def snapshot_part(self, snapshot_id, start, take):
        part, size = self.server.download(snapshot_id, start)
        cut = self.cuts.pop(0) if self.cuts else None
        if self.while_downloading:
            act, self.while_downloading = self.while_downloading, None
            act()
        take(part[:cut])
        if cut is not None:
            raise Offline("The network is gone.")
        return size


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
    """Ids of what an order needs, and twenty contacts; nothing is pulled yet."""
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
    for table in crm.query("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'sync_staged%'"):
        assert crm.query(f"SELECT count(*) AS n FROM {table['name']}") == [{"n": 0}]
    assert crm.verify() == []
    assert crm.query("SELECT value FROM sync_meta WHERE key LIKE 'snapshot%' AND value IS NOT NULL") == []
    assert [f.name for f in crm._store.path.parent.iterdir() if ".snapshot" in f.name] == []


class Beginning:
    """A replica that begins, or begins anew, with a snapshot, and has captured something; its `open` is the test's."""

    def __init__(self, folder, *, is_new, piece=1_000):
        folder.mkdir()
        self.path = folder / "crm.db"
        self.server = SnapshotServer(piece=piece)
        self.is_new = is_new
        self.shop = stock_shop(self.server)
        for number in range(8):
            self.server.put("contact", account_id=self.shop["account"], name=f"Contact {number}")

    def prepare(self):
        with self.open() as crm:
            if not self.is_new:
                crm.sync()
                self.server.view = "another"
            crm.contacts.create(account_id=self.shop["account"], name="Typed first")
        return self

    def assert_heals(self, at):
        """The file is whole, what was captured is in it, and the next sync ends where an undisturbed one does."""
        with self.open() as crm:
            assert crm.verify() == [], at
            assert len(crm.query("SELECT number FROM sync_outbox")) == 1, at
            assert crm.contacts.count(where={"name": "Typed first"}) == 1, at
            crm.sync()
            crm.sync()
            assert crm.status().pending == 0, at
            assert sum(row.get("name") == "Typed first" for row in self.server.rows.values()) == 1, at
            assert_equal(crm, self.server)
        assert sorted(f.name for f in self.path.parent.iterdir()) == ["crm.db", "crm.db.lock"], at
