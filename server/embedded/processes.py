"""Locks and processes: who owns a server, and stopping one only when it is certainly ours."""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final

from server.embedded.errors import EmbeddedError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

STOP_TIMEOUT_SECONDS: Final = 20
QUIT_TIMEOUT_SECONDS: Final = 10
POLL_SECONDS: Final = 0.02

_IS_LINUX: Final = sys.platform.startswith("linux")
_PR_SET_PDEATHSIG: Final = 1  # <sys/prctl.h>
_LOCKED_BYTE: Final = 1_000_000  # on Windows, beyond the text, which others may read


class FileLock:
    """A lock the kernel lets go of when its holder dies; the file names the holder."""

    def __init__(self, path: Path, *, wait: bool = False) -> None:
        try:
            self._file = path.open("a+", encoding="ascii")
        except OSError as error:
            raise EmbeddedError(
                f"{path} cannot be opened ({error.strerror}): run as the user who made it, or set "
                "OUTRIDER_STATE_DIR to a folder of your own."
            ) from error
        try:
            _lock_file(self._file, wait=wait)
        except OSError as error:
            self._file.seek(0)
            holder = self._file.read().strip() or "unknown"
            self._file.close()
            raise EmbeddedError(
                f"PostgreSQL of {path.parent} is already running (pid {holder}): stop it, or set "
                "OUTRIDER_DATABASE_URL or another OUTRIDER_STATE_DIR."
            ) from error
        self._file.truncate(0)
        self._file.write(f"{os.getpid()}\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def _lock_file(file: IO[str], *, wait: bool) -> None:
    if sys.platform == "win32":
        file.seek(_LOCKED_BYTE)
        msvcrt.locking(file.fileno(), msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)


def die_with_owner(signal_number: int) -> Callable[[], None] | None:
    """What the child runs before it becomes PostgreSQL, so that the kernel stops it when its owner dies."""
    if not _IS_LINUX:
        return None
    libc = ctypes.CDLL(None)
    owner = os.getpid()

    def ask_kernel() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal_number)
        if os.getppid() != owner:  # it died before we asked
            os._exit(1)

    return ask_kernel


def stop_process(process: subprocess.Popen[bytes]) -> None:
    """Stop our child: disconnect clients and shut down; then at once, without a checkpoint; then by force."""
    for number, seconds in _stop_signals():
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.send_signal(number)
            process.wait(seconds)
            return
    process.kill()
    process.wait()


def _stop_signals() -> list[tuple[int, float]]:
    if sys.platform == "win32":
        return [(signal.SIGTERM, STOP_TIMEOUT_SECONDS)]
    return [(signal.SIGINT, STOP_TIMEOUT_SECONDS), (signal.SIGQUIT, QUIT_TIMEOUT_SECONDS)]


def stop_leftover(data: Path) -> None:
    """Stop a server of this data directory that outlived its owner; the caller holds the owner's lock."""
    lines = read_postmaster_file(data)
    pid = int(lines[0]) if lines and lines[0].isdigit() else 0
    command = read_command(pid)
    if not command:
        return  # it is gone, and PostgreSQL itself clears up after it
    if f" -D {data} " not in command:
        (data / "postmaster.pid").unlink()  # the number is now another program's
        return
    for number, seconds in _stop_signals():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if read_command(pid) != command:
                return
            time.sleep(POLL_SECONDS)
    raise EmbeddedError(f"PostgreSQL (pid {pid}) of {data} does not stop: end it, then start again.")


def read_postmaster_file(data: Path) -> list[str]:
    """PostgreSQL's own notes about its server: the pid comes first, its readiness eighth."""
    try:
        text = (data / "postmaster.pid").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    return [line.strip() for line in text.splitlines()]


def read_command(pid: int) -> str:
    """A living process's command line, followed by a space; empty when there is none."""
    if pid <= 0 or sys.platform == "win32":
        return ""
    if _IS_LINUX:
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    command = ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)]
    output = subprocess.run(command, capture_output=True).stdout.decode(errors="replace").strip()
    return f"{output} " if output else ""


def remove_if_abandoned(home: Path) -> None:
    try:
        lock = FileLock(home / "postgres.lock")
    except EmbeddedError:  # its owner lives, or it belongs to another user
        return
    with contextlib.closing(lock):
        data = home / "postgres"
        stop_leftover(data.readlink() if data.is_symlink() else data)
        remove(home)


def remove(home: Path) -> None:
    data = home / "postgres"
    if data.is_symlink() and data.readlink().parent.name.startswith("outrider-"):
        shutil.rmtree(data.readlink().parent, ignore_errors=True)
    shutil.rmtree(home, ignore_errors=True)
