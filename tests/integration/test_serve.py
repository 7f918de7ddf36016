"""`outrider serve`, really started: it answers, stops in order, and leaves no process behind, however it ends."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

START_TIMEOUT_S = 90
STOP_TIMEOUT_S = 40

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for processes in /proc"),
    pytest.mark.skipif(
        bool(os.environ.get("OUTRIDER_DATABASE_URL")),
        reason="starts the embedded PostgreSQL, and the run is given another",
    ),
]


@pytest.fixture(scope="module")
def state_dir() -> Iterator[Path]:
    """Kept between starts, as an installation's is; readable, so that PostgreSQL may run as another user."""
    folder = Path(tempfile.mkdtemp(prefix="outrider-serve-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


class Installation:
    """One `outrider serve` in a process of its own."""

    def __init__(self, state_dir: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.state_dir = state_dir
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("OUTRIDER_")}
        self.env |= {"OUTRIDER_STATE_DIR": str(state_dir), "OUTRIDER_PORT": str(self.port), "PYTHONUNBUFFERED": "1"}
        self.said: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "server.cli", "serve", "--no-seed"],
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout:
            self.said += iter(self.process.stdout.readline, "")

    @property
    def output(self) -> str:
        return "".join(self.said)

    def wait_until_serving(self) -> None:
        wait_for(lambda: "serves http" in self.output or self.process.poll() is not None, START_TIMEOUT_S, self.output)
        assert self.process.poll() is None, self.output

    def get_health(self) -> tuple[int, dict[str, str]]:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)) as conn:
            conn.request("GET", "/health")
            response = conn.getresponse()
            return response.status, json.loads(response.read())

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another command of the same installation."""
        command = [sys.executable, "-m", "server.cli", *arguments]
        return subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=60, check=False)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(STOP_TIMEOUT_S)
        self._reader.join(5)
        return code


def wait_for(condition: Callable[[], object], timeout_s: float, otherwise: str = "") -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.05)


def processes_of(state_dir: Path) -> dict[int, str]:
    """Living processes that belong to the installation: they bear its folder in arguments or environment."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            with contextlib.suppress(OSError):
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                environment = (folder / "environ").read_bytes().decode(errors="replace")
                if command and (str(state_dir) in command or f"OUTRIDER_STATE_DIR={state_dir}" in environment):
                    found[int(folder.name)] = command
    return found


@pytest.fixture
def installation(state_dir: Path) -> Iterator[Callable[[], Installation]]:
    started = []

    def start() -> Installation:
        started.append(Installation(state_dir))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait()
    wait_for(lambda: not processes_of(state_dir), STOP_TIMEOUT_S, str(processes_of(state_dir)))


def child(state_dir: Path, word: str) -> int:
    return next(pid for pid, command in processes_of(state_dir).items() if f"server.cli {word}" in command)


def test_it_serves_and_stops_in_order_and_leaves_no_process(installation: Callable[[], Installation], state_dir: Path):
    """Ctrl-C is how people stop it: exit status 0, and nothing goes on in the background."""
    running = installation()
    running.wait_until_serving()

    status, body = running.get_health()
    doctor = running.run("doctor")
    made = running.run("tenant", "create", "acme", "--name", "Acme")
    code = running.stop()

    assert (status, body["status"]) == (200, "ok")
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    assert made.returncode == 0, made.stderr
    assert code == 0, running.output
    assert processes_of(state_dir) == {}
    assert "Traceback" not in running.output


def test_it_starts_again_on_what_it_left(installation: Callable[[], Installation]):
    """The tenant is still there, and a second one of that name is refused in one line."""
    running = installation()
    running.wait_until_serving()

    listed = running.run("tenant", "list")
    taken = running.run("tenant", "create", "acme", "--name", "Again")

    assert listed.stdout.startswith("acme\t")
    assert taken.returncode == 1
    assert taken.stderr == "Error: The address “acme” is taken. Choose another.\n"
    assert running.stop() == 0


def test_a_child_that_dies_is_started_again(installation: Callable[[], Installation], state_dir: Path):
    """A crash of the worker or the web server is a matter of a second, not of the night."""
    running = installation()
    running.wait_until_serving()

    for word in ("worker", "web"):
        dead = child(state_dir, word)
        os.kill(dead, signal.SIGKILL)
        wait_for(lambda dead=dead, word=word: dead not in (now := processes_of(state_dir)) and
                 any(f"server.cli {word}" in command for command in now.values()), 20)  # fmt: skip
    wait_for(lambda: answers(running), 20)

    assert "The worker (main) process ended (code -9)" in running.output
    assert running.stop() == 0


def test_a_postgresql_that_dies_is_started_again(installation: Callable[[], Installation], state_dir: Path):
    """The out-of-memory killer likes databases; nobody should have to come and restart it."""
    running = installation()
    running.wait_until_serving()
    number = int((state_dir / "postgres").resolve().joinpath("postmaster.pid").read_text().split()[0])

    os.kill(number, signal.SIGKILL)

    wait_for(lambda: "PostgreSQL had died; it runs again." in running.output, 30, running.output)
    assert running.run("tenant", "list").stdout.startswith("acme\t")
    assert running.stop() == 0


def answers(running: Installation) -> bool:
    try:
        return running.get_health()[0] == 200
    except OSError:
        return False


def test_killed_it_takes_its_children_along_and_starts_again(installation: Callable[[], Installation], state_dir: Path):
    """kill -9, or the out-of-memory killer: no PostgreSQL and no worker goes on without it."""
    running = installation()
    running.wait_until_serving()
    assert len(processes_of(state_dir)) >= 4

    running.process.kill()
    running.process.wait()

    wait_for(lambda: not processes_of(state_dir), 30, str(processes_of(state_dir)))
    again = installation()
    again.wait_until_serving()
    assert again.get_health()[0] == 200
    assert again.stop() == 0


def test_a_second_one_beside_it_says_why_not(installation: Callable[[], Installation], free_tcp_port: int):
    """Also without a port in the way: one installation has one database."""
    running = installation()
    running.wait_until_serving()

    same_port = running.run("serve")
    running.env["OUTRIDER_PORT"] = str(free_tcp_port)
    other_port = running.run("serve")

    for refused, words in ((same_port, "Cannot listen on"), (other_port, "already running")):
        assert refused.returncode == 1
        assert words in refused.stderr
        assert refused.stderr.startswith("Error: ")
        assert "Traceback" not in refused.stderr
    assert running.stop() == 0


@pytest.mark.parametrize(
    ("variables", "status", "words"),
    [
        ({"OUTRIDER_PORT": "many"}, 2, "OUTRIDER_PORT"),
        ({"OUTRIDER_DATABASE_URL": "mysql://x"}, 2, "not a PostgreSQL URL"),
        ({"OUTRIDER_DATABASE_URL": "postgresql://a:b@127.0.0.1:1/c"}, 1, "cannot be reached"),
    ],
)
def test_expected_trouble_is_one_line(tmp_path: Path, variables: dict[str, str], status: int, words: str):
    """An operator reads it at three in the morning."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("OUTRIDER_")} | variables
    env["OUTRIDER_STATE_DIR"] = str(tmp_path)

    outcome = subprocess.run(
        [sys.executable, "-m", "server.cli", "migrate"], env=env, capture_output=True, text=True, check=False
    )

    assert outcome.returncode == status
    assert words in outcome.stderr
    assert len(outcome.stderr.splitlines()) == 1
