"""The server's life: started on a free port, watched until ready, stopped with its owner."""

import atexit
import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
import warnings
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from server.embedded.cluster import LOG_LINES_SHOWN, create_cluster, options
from server.embedded.errors import EmbeddedError
from server.embedded.places import (
    Account,
    choose_account,
    find_binaries,
    make_home,
    make_reachable,
    place_data,
    program,
    run_options,
)
from server.embedded.processes import (
    POLL_SECONDS,
    FileLock,
    die_with_owner,
    read_postmaster_file,
    remove,
    remove_if_abandoned,
    stop_leftover,
    stop_process,
)

START_TIMEOUT_SECONDS: Final = 60
START_ATTEMPTS_MAX: Final = 5
LOG_BYTES_MAX: Final = 10_000_000

_PASSING_TROUBLE: Final = ("could not bind", "pre-existing shared memory block")


class EmbeddedPostgres:
    """A running PostgreSQL, owned by this process; a context manager that stops it.

    It ends with its owner: by `stop`, at exit, and on Linux even when the owner is killed. Elsewhere the next
    start stops what a killed owner left. Call it from the main thread: Linux counts the end of the thread
    that started the server as the end of the owner.

    Attributes:
        url: an owner's URL of the database `outrider`, on loopback.
        pid: of the server's main process.
        data_dir: the database cluster, as PostgreSQL knows it.
        log_path: what the server said.
    """

    @classmethod
    def persistent(cls, state_dir: Path) -> Self:
        """The installation's own database in `state_dir/postgres`, durable and kept between runs.

        Raises:
            EmbeddedError: it already runs, or cannot run here.
        """
        home = make_home(state_dir)
        return cls(home, FileLock(home / "postgres.lock"), durable=True)

    @classmethod
    def throwaway(cls, state_dir: Path) -> Self:
        """An empty database for a demo or a test: fast, not durable, deleted at the end.

        Also deletes those left in `state_dir` by runs that were killed.

        Raises:
            EmbeddedError: it cannot run here.
        """
        parent = make_home(state_dir)
        with contextlib.closing(FileLock(parent / "throwaway.lock", wait=True)):
            for stale in parent.glob("throwaway-*"):
                remove_if_abandoned(stale)
            home = Path(tempfile.mkdtemp(prefix="throwaway-", dir=parent))
            home.chmod(0o711)  # lets the server's user through; the data inside stays closed
            lock = FileLock(home / "postgres.lock")
        return cls(home, lock, durable=False)

    def __init__(self, home: Path, lock: FileLock, *, durable: bool) -> None:
        self._home = home
        self._lock = lock
        self._durable = durable
        self._owner = os.getpid()
        self._process: subprocess.Popen[bytes] | None = None
        self.log_path = home / "postgres.log"
        atexit.register(self.stop)
        try:
            if threading.current_thread() is not threading.main_thread():
                raise RuntimeError("EmbeddedPostgres must be started from the main thread")
            account = choose_account(home / "postgres")
            install = make_reachable(find_binaries(), account)
            self.data_dir = place_data(home, account, durable=durable)
            stop_leftover(self.data_dir)
            if not self.data_dir.exists():
                create_cluster(install, self.data_dir, account, durable=durable)
            self._run_as = (install, account)
            self.url = self._start(install, account)
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def revive(self) -> bool:
        """Start the server again where it died, under the same URL; whether it had. Its crash recovery has run then.

        Raises:
            EmbeddedError: it does not start again.
        """
        if self._process is None or self._process.poll() is None:
            return False
        complaint = self._try_start(*self._run_as, self._port)
        if complaint is not None:
            raise EmbeddedError(f"PostgreSQL died, and does not start again. Its last words:\n{complaint}")
        return True

    def stop(self) -> None:
        """Disconnect every client and stop, waiting until it has; twice is harmless."""
        if os.getpid() != self._owner:  # a fork inherits this object, not the server
            return
        atexit.unregister(self.stop)
        process, self._process = self._process, None
        if process is not None:
            stop_process(process)
        if not self._durable:
            remove(self._home)
        self._lock.close()

    def _start(self, install: Path, account: Account | None) -> str:
        for _ in range(START_ATTEMPTS_MAX):
            port = find_free_port()
            complaint = self._try_start(install, account, port)
            if complaint is None:
                self._port = port
                password = (self.data_dir / "password").read_text(encoding="ascii").strip()
                return f"postgresql://outrider:{password}@127.0.0.1:{port}/outrider"
            if not any(trouble in complaint for trouble in _PASSING_TROUBLE):
                break
            time.sleep(POLL_SECONDS * 10)
        raise EmbeddedError(
            f"PostgreSQL did not start in {self.data_dir}. Its last words:\n{complaint}\n"
            "Put that right, or set OUTRIDER_DATABASE_URL to a PostgreSQL of your own."
        )

    def _try_start(self, install: Path, account: Account | None, port: int) -> str | None:
        """Start on a port and wait until it accepts connections; otherwise what the log says."""
        full = self.log_path.exists() and self.log_path.stat().st_size > LOG_BYTES_MAX
        with self.log_path.open("wb" if full else "ab") as log:
            log_start = log.tell()
            command = [
                program(install, "postgres"),
                "-D",
                str(self.data_dir),
                *options(self._durable, port),
            ]
            with warnings.catch_warnings():
                # Python 3.12 warns of any fork beside threads; what runs in the child takes no lock.
                warnings.simplefilter("ignore", DeprecationWarning)
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # the terminal's Ctrl-C is for us, who then stop it in order
                    preexec_fn=die_with_owner(signal.SIGINT if self._durable else signal.SIGQUIT),
                    **run_options(account),
                )
        if self._wait_until_ready(self._process):
            return None
        process, self._process = self._process, None
        stop_process(process)
        with self.log_path.open("rb") as log:
            log.seek(log_start)
            lines = log.read().decode(errors="replace").splitlines()
        return "\n".join(lines[-LOG_LINES_SHOWN:])

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> bool:
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            lines = read_postmaster_file(self.data_dir)
            if lines[:1] == [str(process.pid)] and lines[7:8] == ["ready"]:
                return True
            time.sleep(POLL_SECONDS)
        return False


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
