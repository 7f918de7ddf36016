"""`outrider web` as a child process: started, killed and started again at one address."""

import http.client
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final, Self

from server.embedded.postgres import find_free_port
from server.embedded.processes import die_with_owner, stop_process

START_TIMEOUT_S: Final = 60.0
POLL_S: Final = 0.05
LOG_LINES_SHOWN: Final = 15


class DemoError(Exception):
    """The demo cannot be played here; the message says why."""


class WebServer:
    """The server on a free loopback port, as a context: it runs inside the block, and ends with us, however we end.

    Args:
        database_url: the owner's, of a database that is prepared.
        folder: its state, which other servers of the same installation share.
    """

    def __init__(self, database_url: str, secret: str, folder: Path) -> None:
        self._installation = (database_url, secret, folder)
        port = find_free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.port = port
        self.log_path = folder / f"server-{port}.log"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("OUTRIDER_")}
        settings = {
            "OUTRIDER_DATABASE_URL": database_url,
            "OUTRIDER_SECRET_KEY": secret,
            "OUTRIDER_STATE_DIR": str(folder),
            "OUTRIDER_HOST": "127.0.0.1",
            "OUTRIDER_PORT": str(port),
        }
        self._environment = kept | settings
        self._process: subprocess.Popen[bytes] | None = None

    def another(self) -> "WebServer":
        """One more of the same installation, at an address of its own; not started."""
        return WebServer(*self._installation)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            stop_process(self._process)

    def start(self) -> None:
        """Start the process; it ends when the thread does that called this."""
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "server.cli", "web", "--supervisor-pid", str(os.getpid())],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # the terminal's Ctrl-C is for us, who then stop it in order
                preexec_fn=die_with_owner(signal.SIGTERM),
            )

    @property
    def is_running(self) -> bool:
        """Whether there is a process; one that found no database ends by itself."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """End the process as a power cut would: it gets to do nothing more."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def wait_until_ready(self) -> None:
        """Return as soon as it answers.

        Raises:
            DemoError: it died, or does not answer.
        """
        deadline = time.monotonic() + START_TIMEOUT_S
        while self.is_running and time.monotonic() < deadline:
            if self.is_ready():
                return
            time.sleep(POLL_S)
        last = "\n".join(self.log_path.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:])
        raise DemoError(f"The web server does not answer. Its last words:\n{last}")

    def is_ready(self) -> bool:
        """Whether it answers now."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=1)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
