"""What the embedded PostgreSQL says when it cannot run, without starting it."""

import importlib.util
import threading
from pathlib import Path

import pytest

from server.embedded import EmbeddedError, EmbeddedPostgres
from server.embedded.processes import FileLock, stop_leftover


def test_a_platform_without_binaries_is_told_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Whoever has no bundled PostgreSQL learns at once that their own will do."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    with pytest.raises(EmbeddedError, match="OUTRIDER_DATABASE_URL=postgresql://"):
        EmbeddedPostgres.persistent(tmp_path)


def test_a_second_owner_is_told_who_the_first_is(tmp_path: Path):
    """Two servers on one data folder would destroy it; the message says how to run both."""
    lock = FileLock(tmp_path / "postgres.lock")

    with pytest.raises(EmbeddedError, match=r"running \(pid \d+\): stop it, or set OUTRIDER_DATABASE_URL"):
        EmbeddedPostgres.persistent(tmp_path)
    lock.close()


def test_a_state_folder_that_cannot_be_made_is_said(tmp_path: Path):
    """The message names the variable that moves it."""
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(EmbeddedError, match="OUTRIDER_STATE_DIR"):
        EmbeddedPostgres.throwaway(tmp_path / "file" / "state")


def test_a_failed_start_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A throwaway that never ran is deleted, and its lock is free."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    with pytest.raises(EmbeddedError):
        EmbeddedPostgres.throwaway(tmp_path)

    assert [each.name for each in tmp_path.iterdir()] == ["throwaway.lock"]


def test_only_the_main_thread_may_start_it(tmp_path: Path):
    """Linux would stop the server with the thread that started it: better to fail at once."""
    caught: list[BaseException] = []

    def start() -> None:
        try:
            EmbeddedPostgres.throwaway(tmp_path)
        except RuntimeError as error:
            caught.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()

    assert "main thread" in str(caught[0])


def test_another_programs_process_is_never_signalled(tmp_path: Path):
    """After a reboot the number in postmaster.pid may be anyone's, here the test's own."""
    (tmp_path / "postmaster.pid").write_text(f"{threading.get_native_id()}\n{tmp_path}\n")

    stop_leftover(tmp_path)

    assert not (tmp_path / "postmaster.pid").exists()
