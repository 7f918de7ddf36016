"""A device in a process of its own, with the SDK and nothing else: what it takes in memory.

Run by its path, not as a module of this package, which would bring the server in. `bare` is without optional packages,
`paged` without snapshots.
"""

import json
import sys
from pathlib import Path

from outrider_sdk import Replica, pull
from outrider_sdk.protocol import encoding

EDITS = 2_500
"""More than go in one push."""


def peak_mb() -> float:
    """Largest resident memory of this program so far (`getrusage` would count what its parent had at the fork)."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def main(path: str, mode: str) -> None:
    """Sync for the first time, read a little, edit much, sync again; the peak after each."""
    if mode == "bare":
        encoding.msgspec = encoding.zstd = lambda: None
    if mode == "paged":
        pull.encodings = lambda *_: []
    peaks = {"start": peak_mb()}
    with Replica.open(path) as replica:
        replica.sync()
        peaks["first sync"] = peak_mb()
        for contact in replica.contacts.list(limit=EDITS):
            replica.contacts.edit(contact["id"], language="de")
        replica.sync()
        peaks["edits"] = peak_mb()
    print(json.dumps(peaks))


if __name__ == "__main__":
    main(*sys.argv[1:])
