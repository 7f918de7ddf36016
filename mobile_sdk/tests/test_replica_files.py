"""Which files open, which don't, and that a wrong one is never touched."""

import os
import sqlite3
import subprocess
import sys

import pytest
from outrider_sdk import (
    ForeignCredentials,
    ForeignFile,
    MemoryCredentials,
    Replica,
    ReplicaBroken,
    ReplicaBusy,
    ReplicaClosed,
    ReplicaMissing,
    ReplicaTooNew,
)
from outrider_sdk.protocol import ENTITIES
from sdk_fakes import credentials, stock_shop


def folder(tmp_path):
    return {path.name: path.read_bytes() for path in tmp_path.iterdir() if not path.name.endswith(".lock")}


def sqlite_file(path, *statements):
    conn = sqlite3.connect(path)
    for statement in statements:
        conn.execute(statement)
    conn.commit()
    conn.close()


def test_a_new_file_is_a_plain_sqlite_replica_with_every_entity(crm, tmp_path):
    """Anyone can read it with the tools they know."""
    conn = sqlite3.connect(tmp_path / "crm.db")

    tables = {name for (name,) in conn.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    columns = [row[1] for row in conn.execute('PRAGMA table_info("order")')]
    facts = ("journal_mode", "application_id", "user_version")
    settings = [conn.execute(f"PRAGMA {name}").fetchone()[0] for name in facts]
    conn.close()

    assert set(ENTITIES) <= tables
    assert tuple(columns) == ENTITIES["order"].columns
    assert settings == ["wal", 0x4F757472, 1]


def test_deleted_content_is_overwritten_and_commits_are_flushed(crm):
    """What a user loses must not linger in free pages, and what was acknowledged must survive a power cut."""
    assert crm.query("PRAGMA secure_delete") == [{"secure_delete": 1}]
    assert crm.query("PRAGMA synchronous") == [{"synchronous": 2}]


@pytest.mark.parametrize("content", [b"hello, this is no database", b"\x00" * 5000, b"SQLite format 3"])
def test_a_file_that_is_no_database_is_refused_and_left_alone(open_replica, tmp_path, content):
    """A typo in a file name must not cost somebody a file."""
    (tmp_path / "crm.db").write_bytes(content)
    before = folder(tmp_path)

    with pytest.raises(ForeignFile, match="no SQLite database"):
        open_replica()

    assert folder(tmp_path) == before


def test_the_database_of_another_program_is_refused_and_left_alone(open_replica, tmp_path):
    """Another program's database may lie under the name that was given."""
    sqlite_file(tmp_path / "crm.db", "CREATE TABLE account (id)", "PRAGMA application_id=7")
    before = folder(tmp_path)

    with pytest.raises(ForeignFile, match="another program"):
        open_replica()

    assert folder(tmp_path) == before


@pytest.mark.parametrize("damage", ["overwritten", "cut"])
def test_a_damaged_replica_says_so_and_is_left_alone(open_replica, tmp_path, server, damage):
    """It may hold unsent work, which an expert can still get out of the untouched file."""
    stock_shop(server)
    crm = open_replica()
    crm.sync()
    crm.close()
    whole = (tmp_path / "crm.db").read_bytes()
    broken = whole[: len(whole) // 2] if damage == "cut" else whole[:4096] + b"\xa5" * 20_000 + whole[24_096:]
    (tmp_path / "crm.db").write_bytes(broken)
    before = folder(tmp_path)

    with pytest.raises(ReplicaBroken, match=r"damaged.*Keep a copy"):
        open_replica()

    assert folder(tmp_path) == before


def test_our_header_on_a_database_without_our_tables_is_broken(open_replica, tmp_path):
    """An application id alone does not make a replica."""
    header = f"PRAGMA application_id={0x4F757472}", "PRAGMA user_version=1"
    sqlite_file(tmp_path / "crm.db", "CREATE TABLE t (id)", *header)

    with pytest.raises(ReplicaBroken, match="sync_meta"):
        open_replica()


def test_a_file_of_a_newer_sdk_asks_for_an_update(open_replica, tmp_path):
    """An older app must not write a format that it doesn't know."""
    open_replica().close()
    sqlite_file(tmp_path / "crm.db", "PRAGMA user_version=99")
    before = folder(tmp_path)

    with pytest.raises(ReplicaTooNew, match="Update the SDK"):
        open_replica()

    assert folder(tmp_path) == before


def test_an_empty_file_becomes_a_replica(open_replica, tmp_path):
    """Platforms hand out names by creating empty files."""
    (tmp_path / "crm.db").touch()

    assert open_replica().accounts.list() == []


def test_a_second_writer_in_this_process_is_told_who_holds_the_file(open_replica):
    """Two writers would give one number to two mutations."""
    open_replica()

    with pytest.raises(ReplicaBusy, match="process"):
        open_replica()


def test_a_second_writer_in_another_process_is_told_who_holds_the_file(crm, tmp_path):
    """The same, across processes."""
    script = f"from outrider_sdk import Replica; Replica.open({str(tmp_path / 'crm.db')!r})"

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert "ReplicaBusy" in done.stderr
    assert f"process {os.getpid()}" in done.stderr


def test_a_reader_works_beside_the_writer(crm, shop, tmp_path):
    """A report or a terminal may look while the app runs."""
    with Replica.open(tmp_path / "crm.db", read_only=True) as reader:
        crm.contacts.edit(shop["contact"], name="Freda")

        assert reader.contacts.get(shop["contact"]).name == "Freda"
        with pytest.raises(ReplicaClosed, match="reading only"):
            reader.contacts.edit(shop["contact"], name="Fritz")


def test_reading_what_is_not_there_makes_no_file(tmp_path):
    """A mistyped name in a report shouldn't leave an empty replica behind."""
    with pytest.raises(ReplicaMissing):
        Replica.open(tmp_path / "crm.db", read_only=True)

    assert folder(tmp_path) == {}


def test_a_closed_replica_says_so_and_lets_the_next_one_in(open_replica):
    """Close, then open, is what an app does when it is put aside."""
    first = open_replica()
    first.close()
    first.close()

    with pytest.raises(ReplicaClosed, match="closed"):
        first.accounts.list()
    assert open_replica().accounts.list() == []


def test_credentials_of_another_device_do_not_fit(open_replica):
    """Work of one device must never be handed in as another's."""
    from dataclasses import replace

    open_replica().close()
    other = replace(credentials(), device_id="0190a000-0000-7000-8000-0000000000ff")

    with pytest.raises(ForeignCredentials, match="another enrolment"):
        open_replica(credentials=MemoryCredentials(other))


def test_importing_and_opening_need_neither_sqlite_utils_nor_urllib3(crm, tmp_path):
    """An app on a phone starts fast: both take longer to import than all the rest."""
    crm.close()
    script = (
        f"import sys, outrider_sdk; outrider_sdk.Replica.open({str(tmp_path / 'crm.db')!r}).close();"
        "print({'sqlite_utils', 'urllib3', 'server'} & set(sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"
