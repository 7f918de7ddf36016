"""Keeps child processes running, and leaves none behind.

A child that dies is started again, after a pause that grows. Asked to stop, it stops them in order. Killed, it takes
them with it: on Linux the kernel tells them; elsewhere they look for their parent (`watch_parent`).
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Final

from server.embedded.processes import die_with_owner

POLL_S: Final = 0.1
PAUSE_MIN_S: Final = 0.5
PAUSE_MAX_S: Final = 30.0
GOOD_LIFE_S: Final = 30.0
"""A child that lived so long starts with the shortest pause again."""
STOP_TIMEOUT_S: Final = 30.0
"""Above the time that each child gives its own work to end."""
PARENT_POLL_S: Final = 1.0
ORPHAN_TIMEOUT_S: Final = 5.0
"""An orphan's database is mostly gone too, and what waits for it would wait in vain. Jobs cut off run again."""


@dataclass(slots=True)
class Child:
    """One process to keep running."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    failures: int = 0
    start_at: float = field(default=0.0)


class Supervisor:
    """Runs children until SIGINT or SIGTERM; use it in the main thread.

    Linux ends the children with the thread that started them. `tend` looks after what the children need, before them.
    """

    def __init__(
        self,
        children: Sequence[Child],
        env: Mapping[str, str],
        say: Callable[[str], None],
        *,
        tend: Callable[[], None],
    ) -> None:
        self._children = children
        self._env = dict(env)
        self._say = say
        self._tend_needs = tend
        self._signals = 0

    def run(self, *, on_start: Callable[[Callable[[], bool]], None]) -> None:
        """Start the children, call `on_start` with a function that says whether to go on, and keep them running."""
        previous = {n: signal.signal(n, self._on_signal) for n in (signal.SIGINT, signal.SIGTERM)}
        try:
            self._tend()
            on_start(self._go_on)
            while self._go_on():
                time.sleep(POLL_S)
        finally:
            self._stop_all()
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._signals += 1

    def _go_on(self) -> bool:
        if not self._signals:
            self._tend()
        return not self._signals

    def _tend(self) -> None:
        self._tend_needs()
        now = time.monotonic()
        for child in self._children:
            if child.process is None:
                if now >= child.start_at:
                    self._start(child)
            elif child.process.poll() is not None:
                self._note_death(child, child.process.returncode, now)

    def _start(self, child: Child) -> None:
        child.started_at = time.monotonic()
        child.process = subprocess.Popen(
            [*child.command, "--supervisor-pid", str(os.getpid())],
            stdin=subprocess.DEVNULL,
            env=self._env,
            start_new_session=True,  # the terminal's Ctrl-C is for us, who then stop them in order
            preexec_fn=die_with_owner(signal.SIGTERM),
        )

    def _note_death(self, child: Child, code: int, now: float) -> None:
        child.process = None
        child.failures = 1 if now - child.started_at > GOOD_LIFE_S else child.failures + 1
        pause = min(PAUSE_MIN_S * 2 ** (child.failures - 1), PAUSE_MAX_S)
        child.start_at = now + pause
        self._say(f"The {child.name} process ended (code {code}); starting it again in {pause:g} s.")

    def _stop_all(self) -> None:
        for child in self._children:
            if child.process is not None:
                self._stop(child.process)
                child.process = None

    def _stop(self, process: subprocess.Popen[bytes]) -> None:
        """Ask, wait, and end it by force after a while, or at a second Ctrl-C."""
        process.terminate()
        deadline, asked = time.monotonic() + STOP_TIMEOUT_S, self._signals
        while process.poll() is None and time.monotonic() < deadline and self._signals == asked:
            time.sleep(POLL_S / 5)
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def watch_parent(parent_pid: int) -> None:
    """In a child: when the supervisor is gone, stop as if told to; and if that hangs, at once."""

    def watch() -> None:
        while os.getppid() == parent_pid:
            time.sleep(PARENT_POLL_S)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(ORPHAN_TIMEOUT_S)
        os._exit(1)

    threading.Thread(target=watch, name="watch-parent", daemon=True).start()


def own_command(*arguments: str) -> list[str]:
    """The command line that runs this program again."""
    return [sys.executable, "-m", "server.cli", *arguments]
