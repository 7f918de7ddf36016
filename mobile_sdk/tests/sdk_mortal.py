"""Forks workers that begin a replica with a snapshot, and end themselves by SIGKILL at a step of one's choice.

Reads lines of JSON `{"path", "url", "kind", "at"}`. A worker syncs once; before its file-system call ("file") or SQLite
statement ("statement") number `at` it is gone. Says `died`, or `done FILES STATEMENTS`: how many there were.

With `"act"` it works on an encrypted replica: `attach` adds a photo, says `kept` when that has returned, and syncs;
`fetch` syncs and opens what it sees.

File-system calls are those on files beside the replica: opening, writing, syncing, renaming, removing, and the syncing
of their folder.
"""

import json
import os
import signal
import sqlite3
import sys
import threading
import traceback
from pathlib import Path

import urllib3  # noqa: F401 - loaded once, before the process forks
from outrider_sdk import MemoryCredentials, Replica, encryption, reveal, snapshot, snapshot_unpacking

sys.path.insert(0, str(Path(__file__).parent))

from sdk_fakes import credentials

KEY = bytes(range(32))
PHOTO = bytes(range(251)) * 3_000
OF_FILES = {"open", "os.rename", "os.remove"}


class Steps:
    """Counts steps of a kind, and ends the process before one of them."""

    def __init__(self, kind, at):
        self.kind, self.at = kind, at
        self.seen = {"file": 0, "statement": 0}
        self.counting = threading.Lock()  # files are unpacked and synced beside other things

    def step(self, kind):
        with self.counting:
            self.seen[kind] += 1
            if kind == self.kind and self.seen[kind] == self.at:
                os.kill(os.getpid(), signal.SIGKILL)


def watch(steps, folder):
    """Count what is done to files of the folder from now on."""

    def heard(event, arguments):
        if event in OF_FILES and isinstance(arguments[0], str | Path) and str(arguments[0]).startswith(folder):
            steps.step("file")

    sys.addaudithook(heard)
    fsync, opened = os.fsync, snapshot_unpacking.opened

    def counted_fsync(descriptor):
        steps.step("file")
        fsync(descriptor)

    os.fsync = counted_fsync
    for module in (snapshot, snapshot_unpacking):
        module.opened = lambda path, mode: Counted(opened(path, mode), steps)


class Counted:
    """A file of which each write, and the end, is a step."""

    def __init__(self, file, steps):
        self.file, self.steps = file, steps

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.steps.step("file")
        self.file.close()

    def __getattr__(self, name):
        return getattr(self.file, name)

    def write(self, part):
        self.steps.step("file")
        return self.file.write(part)


def counting_connection(steps):
    class Counting(sqlite3.Connection):
        def execute(self, *arguments):
            steps.step("statement")
            return super().execute(*arguments)

        def executemany(self, *arguments):
            steps.step("statement")
            return super().executemany(*arguments)

    return Counting


def count_encrypted(steps):
    translated = encryption._translated  # each statement, and each opening of a file, goes through it

    def counted(errors):
        steps.step("statement")
        return translated(errors)

    encryption._translated = counted


def attach(crm):
    crm.attachments.add(crm.accounts.list()[0], PHOTO, name="shelf.png")
    os.write(1, b"kept\n")
    crm.sync()


def fetch(crm):
    crm.sync()
    for row in crm.attachments.list():
        with crm.attachments.open(row.id) as file:
            file.read()


def work(path, url, kind, at, act=None):
    steps = Steps(kind, at)
    watch(steps, str(Path(path).parent))
    if act is None:
        options = {"connection_factory": counting_connection(steps)}
    else:
        count_encrypted(steps)
        options = {"key": KEY}
    with Replica.open(path, credentials=MemoryCredentials(credentials(url)), **options) as crm:
        ACTS[act](crm)
    return steps.seen


ACTS = {None: Replica.sync, "attach": attach, "fetch": fetch}


def main():
    reveal.ADOPT_FROM_ROWS = 5
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            try:
                seen = work(**json.loads(line))
                os.write(1, f"done {seen['file']} {seen['statement']}\n".encode())
                os._exit(0)
            except BaseException:
                os.write(1, ("error " + traceback.format_exc().replace("\n", " | ") + "\n").encode())
                os._exit(0)
        _, status = os.waitpid(pid, 0)
        if os.WIFSIGNALED(status):
            os.write(1, b"died\n")


if __name__ == "__main__":
    main()
