"""Processes that end at a step of one's choice: pretended here, or really killed."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

STRIDE = int(os.environ.get("OUTRIDER_CRASH_STRIDE", "16"))
"""Every so many statements a crash, to be quick; 1 takes each (two minutes)."""


class Crash(BaseException):
    """The process is gone."""


def crashing_connection(at, *, after):
    """A connection class that crashes before or after its statement number `at`; `seen` counts over all connections."""

    class Crashing(sqlite3.Connection):
        seen = 0

        def _run(self, run, *arguments):
            type(self).seen += 1
            if type(self).seen >= at and not after:
                raise Crash
            done = run(*arguments)
            if type(self).seen >= at:
                raise Crash
            return done

        def execute(self, *arguments):
            return self._run(super().execute, *arguments)

        def executemany(self, *arguments):
            return self._run(super().executemany, *arguments)

    return Crashing


class Zygote:
    """A process that forks workers which are to be killed, as its script says; it takes lines, and says some."""

    def __init__(self, script):
        self._process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name(script)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
            start_new_session=True,
        )  # fmt: skip

    def order(self, line):
        self._process.stdin.write(f"{line}\n")

    def hear(self):
        """The words of the next line."""
        return self._process.stdout.readline().split()

    def end(self):
        self._process.stdin.close()
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process.stdout.close()


def run_mortal(mortals, path, url, kind, at, **more):
    """One worker of `sdk_mortal`: whether it said `kept`, and how many steps of each kind it took (None: it died)."""
    mortals.order(json.dumps({"path": str(path), "url": url, "kind": kind, "at": at} | more))
    said, *counts = mortals.hear()
    is_kept = said == "kept"
    if is_kept:
        said, *counts = mortals.hear()
    assert said in ("died", "done"), counts
    taken = dict(zip(("file", "statement"), map(int, counts), strict=True)) if said == "done" else None
    return is_kept, taken
