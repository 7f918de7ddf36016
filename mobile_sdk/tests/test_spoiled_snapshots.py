"""Snapshots that are not what they should be, and disks that are full: pages do, and nothing is lost."""

import errno
import hashlib
import os
import sqlite3
from threading import Event

import pytest
import sdk_snapshots
from outrider_sdk import ProtocolViolation, StorageFailed, snapshot_placing, snapshot_unpacking
from outrider_sdk.snapshot_unpacking import opened
from sdk_snapshots import SnapshotServer, assert_equal

small_tables_are_large = sdk_snapshots.small_tables_are_large
server, transport, shop = sdk_snapshots.server, sdk_snapshots.transport, sdk_snapshots.shop


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


def test_a_page_that_cannot_be_read_leaves_the_replica_as_it_was(server, transport, crm, shop):
    """A bug of the server's: when it is repaired, the snapshot that is here already is used."""
    transport.while_downloading = lambda: server.put("contact", id=shop["contact"], name=["Fred"])
    made = crm.contacts.create(account_id=shop["account"], name="Typed first")
    with pytest.raises(ProtocolViolation):
        crm.sync()
    assert [row.name for row in crm.contacts.list()] == ["Typed first"]
    assert crm.verify() == []
    server.put("contact", id=shop["contact"], name="Fred")

    crm.sync()

    assert len(server.offers) == 1
    assert crm.contacts.get(made.id).name == "Typed first"
    assert_equal(crm, server)


def assert_full_disk_is_told(crm, server, monkeypatch):
    """The sync says it and leaves nothing behind; with room, which undoing makes, the next one is whole."""
    with pytest.raises(StorageFailed, match="Free some space"):
        crm.sync()
    assert [f.name for f in crm._store.path.parent.iterdir() if ".snapshot" in f.name] == []
    monkeypatch.undo()

    crm.sync()

    assert_equal(crm, server)


def test_a_disk_that_is_full_while_a_snapshot_is_unpacked_is_told(server, crm, shop, monkeypatch):
    """The thread that unpacks is not where anybody looks: its trouble is the sync's."""

    def full(path, mode):
        file = opened(path, mode)
        return Full(file) if mode == "wb" else file

    monkeypatch.setattr("outrider_sdk.snapshot_unpacking.opened", full)
    assert_full_disk_is_told(crm, server, monkeypatch)


def test_a_disk_that_says_once_that_it_could_not_write_is_believed(server, crm, shop, monkeypatch):
    """Linux tells an error of writing back to whoever syncs first, and to nobody after: a second one proves nothing."""
    before = crm._store.path.stat().st_ino
    errors = [OSError(5, "Input/output error")]
    settle = snapshot_placing._settle

    def once(file):
        if errors:
            raise errors.pop()
        settle(file)

    monkeypatch.setattr(snapshot_placing, "_settle", once)
    with pytest.raises(StorageFailed):
        crm.sync()
    assert crm._store.path.stat().st_ino == before
    assert crm.contacts.list() == []

    crm.sync()

    assert_equal(crm, server)


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="no room can be set aside here")
def test_a_disk_without_room_for_all_of_a_snapshot_says_so_before_anything_is_unpacked(server, crm, shop, monkeypatch):
    """A rep at a kiosk's wireless network should not wait for ten megabytes to hear it."""
    monkeypatch.setattr(os, "posix_fallocate", failing(errno.ENOSPC))
    assert_full_disk_is_told(crm, server, monkeypatch)


@pytest.mark.parametrize("code", [errno.EOPNOTSUPP, errno.EINVAL, errno.EFBIG], ids=errno.errorcode.get)
def test_a_file_system_that_sets_no_room_aside_does_without(server, crm, shop, monkeypatch, code):
    """A card in an old phone knows nothing of it."""
    monkeypatch.setattr(os, "posix_fallocate", failing(code), raising=False)

    crm.sync()

    assert len(server.starts) > 1
    assert_equal(crm, server)


@pytest.mark.parametrize("size", [2**50, 2**80])
def test_a_snapshot_of_an_absurd_size_is_done_without(server, crm, shop, size):
    """More than any disk has, or any call takes: a mistake of the server's, and not a full disk."""

    def spoil(offer, content):
        offer["file_bytes"] = size
        return content

    server.spoil = spoil

    crm.sync()

    assert_equal(crm, server)


@pytest.mark.skipif(not hasattr(os, "fdatasync"), reason="nothing goes to the disk ahead here")
def test_a_disk_that_fails_while_a_snapshot_is_unpacked_is_told_though_the_sync_at_the_end_succeeds(
    server, crm, shop, monkeypatch
):
    """An error of writing back is said once: to the thread that had the first megabytes written."""
    monkeypatch.setattr(snapshot_unpacking, "SETTLED_FROM_BYTES", 1)
    monkeypatch.setattr(snapshot_unpacking, "PIECE_BYTES", 1_000)
    said = Event()

    def fail(_):
        said.set()
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fdatasync", fail)
    monkeypatch.setattr(snapshot_unpacking, "opened", lambda path, mode: Awaiting(opened(path, mode), said))
    before = crm._store.path.stat().st_ino
    with pytest.raises(StorageFailed):
        crm.sync()
    assert crm._store.path.stat().st_ino == before
    assert crm.contacts.list() == []
    monkeypatch.undo()

    crm.sync()

    assert_equal(crm, server)


def failing(code):
    def fail(*_):
        raise OSError(code, os.strerror(code))

    return fail


class Full:
    """A file for which there is no room."""

    def __init__(self, file):
        self._file = file

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()

    def fileno(self):
        return self._file.fileno()

    def write(self, part):
        raise OSError(28, "No space left on device")


class Awaiting(Full):
    """A file of which the second write waits for something."""

    def __init__(self, file, said):
        super().__init__(file)
        self._said = said

    def write(self, part):
        if self._file.tell():
            assert self._said.wait(30)
        return self._file.write(part)
