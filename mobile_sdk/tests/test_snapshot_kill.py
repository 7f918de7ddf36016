"""Real `kill -9` while a snapshot is fetched, unpacked, placed and shown: at each step, not at random."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from outrider_sdk import MemoryCredentials, Replica, reveal
from sdk_crashes import STRIDE
from sdk_fakes import credentials, stock_shop
from sdk_http import HttpServer
from sdk_snapshots import SnapshotServer, assert_equal

pytestmark = pytest.mark.skipif(os.name != "posix", reason="SIGKILL and fork are POSIX")


class Zygote:
    """The process that forks the workers."""

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("sdk_mortal.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
            start_new_session=True,
        )  # fmt: skip

    def run(self, beginning, kind, at):
        """One worker; None if it died, else how many steps of both kinds it took."""
        order = {"path": str(beginning.path), "url": beginning.http.url, "kind": kind, "at": at}
        self._process.stdin.write(json.dumps(order) + "\n")
        said, *counts = self._process.stdout.readline().split()
        assert said in ("died", "done"), counts
        return None if said == "died" else dict(zip(("file", "statement"), map(int, counts), strict=True))

    def end(self):
        self._process.stdin.close()
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process.stdout.close()


class Beginning:
    """A replica that begins, or begins anew, with a snapshot, and has captured something; its server, over HTTP."""

    def __init__(self, folder, *, is_new):
        folder.mkdir()
        self.path = folder / "crm.db"
        self.server = SnapshotServer(piece=2_000)
        self.http = HttpServer(self.server)
        shop = stock_shop(self.server)
        for number in range(8):
            self.server.put("contact", account_id=shop["account"], name=f"Contact {number}")
        with self.open() as crm:
            if not is_new:
                crm.sync()
                self.server.view = "another"
            crm.contacts.create(account_id=shop["account"], name="Typed first")

    def open(self):
        return Replica.open(self.path, credentials=MemoryCredentials(credentials(self.http.url)))


@pytest.fixture(scope="module")
def zygote():
    running = Zygote()
    yield running
    running.end()


@pytest.fixture
def begin(tmp_path, monkeypatch):
    monkeypatch.setattr(reveal, "ADOPT_FROM_ROWS", 5)
    made = []

    def make(*, is_new):
        made.append(Beginning(tmp_path / str(len(made)), is_new=is_new))
        return made[-1]

    yield make
    for beginning in made:
        beginning.http.close()


def assert_heals(beginning, at):
    """The file is whole, what was captured is in it, and the next sync ends where an undisturbed one does."""
    with beginning.open() as crm:
        assert crm.verify() == [], at
        assert len(crm.query("SELECT number FROM sync_outbox")) == 1, at
        assert crm.contacts.count(where={"name": "Typed first"}) == 1, at
        crm.sync()
        crm.sync()
        assert crm.status().pending == 0, at
        assert sum(row.get("name") == "Typed first" for row in beginning.server.rows.values()) == 1, at
        assert_equal(crm, beginning.server)
    assert sorted(f.name for f in beginning.path.parent.iterdir()) == ["crm.db", "crm.db.lock"], at


@pytest.mark.parametrize("is_new", [True, False], ids=["new", "anew"])
@pytest.mark.parametrize(("kind", "stride"), [("file", 1), ("statement", STRIDE)])
def test_s1_a_kill_at_any_step_of_a_beginning_loses_nothing(zygote, begin, is_new, kind, stride):
    """Between download, unpacking, syncing, renaming and syncing the folder; in each piece of them."""
    counted = zygote.run(begin(is_new=is_new), kind, 0)
    assert counted["file"] > (20 if is_new else 10)

    for at in range(1, counted[kind] + 1, stride):
        beginning = begin(is_new=is_new)

        assert zygote.run(beginning, kind, at) is None, at

        assert_heals(beginning, at)
