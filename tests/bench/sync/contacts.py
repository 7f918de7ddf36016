"""W1 to W3: a first pull of 100,000 contacts, a push of 10,000 offline edits, and 100 changed rows live."""

import asyncio
import gc
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from uuid import UUID

from outrider_sdk import Replica, SyncReport
from outrider_sdk.protocol import encoding

from server.db import SYSTEM, Source, connection, tenant_write
from tests.bench.house import House, add_rep, enrol, fill, web_server
from tests.bench.report import report
from tests.bench.sync import floor
from tests.bench.sync.peers import best_durable_s, report_ratio
from tests.bench.sync.processes import cpu_s, peak_mb

CONTACTS = 100_000
WARM = 3
"""So many devices begin with the snapshot that is there."""
EDITS = 10_000
LIVE_ROWS = 100
MB = 1_000_000
ALONE = Path(__file__).with_name("lone_device.py")


@contextmanager
def bare_sdk() -> Iterator[None]:
    """The SDK as it is without its optional packages."""
    there = encoding.msgspec, encoding.zstd
    encoding.msgspec = encoding.zstd = lambda: None
    try:
        yield
    finally:
        encoding.msgspec, encoding.zstd = there


async def bench_contacts(house: House) -> None:
    """W1, W2 and W3, and what the processes took for it."""
    await fill(house, CONTACTS)
    reps = [await add_rep(house, name) for name in ("ann", "bob", "cid")]
    with tempfile.TemporaryDirectory() as folder, web_server(house.config) as (server, pid):
        ann, bob, cid = [await enrol(house, rep, server, Path(folder, f"{i}.db")) for i, rep in enumerate(reps)]
        others = [await enrol(house, reps[1], server, Path(folder, f"warm-{n}.db")) for n in range(WARM - 1)]
        # The bench holds the whole server in the process of its devices. Theirs hold none, nor do the other engines':
        # the collector is not to look through it in their time.
        gc.collect()
        gc.freeze()
        try:
            await asyncio.to_thread(_bootstrap, ann, [bob, *others], pid, Path(folder))
            await asyncio.to_thread(_without_extras, cid)
            await _push(house, ann)
            await _memory(house, reps[2], server, Path(folder))
            await _live(house, bob)
            await asyncio.to_thread(_edit_seen, ann, bob)
        finally:
            gc.unfreeze()
            for replica in (ann, bob, cid, *others):
                replica.close()
        report("server process, peak memory", peak_mb(pid) or 0, "MB", 250)
    report(
        "device and bench process, peak memory", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MB", None
    )


@dataclass(frozen=True)
class Begun:
    """What a first sync took."""

    taken_s: float
    server_cpu_s: float
    device_cpu_s: float
    bytes_down: int


def _begin(replica: Replica, pid: int) -> Begun:
    """A first sync, until all rows are there and counted, as the other engines' scripts have it."""
    busy, cpu = cpu_s(pid), time.process_time()
    start = time.perf_counter()
    pulled = replica.sync()
    assert replica.query("SELECT count(*) AS n FROM contact")[0]["n"] == CONTACTS
    taken = time.perf_counter() - start
    return Begun(taken, cpu_s(pid) - busy, time.process_time() - cpu, pulled.bytes_received)


def _bootstrap(ann: Replica, others: list[Replica], pid: int, folder: Path) -> None:
    """Cold by the first device that asks; warm, the median of others, as the other engines' scripts have it."""
    for name, replicas, goal in (("cold", [ann], 1.5), ("warm", others, 0.15)):
        begun = [_begin(replica, pid) for replica in replicas]
        taken = median(b.taken_s for b in begun)
        copy = floor.copied_file_s(Path(folder, "0.db"))
        peer = best_durable_s("W1")
        report(f"W1 bootstrap of {CONTACTS:,} contacts, {name}", taken, "s", goal, floor=copy, peer=peer)
        if name == "warm":
            report("W1 warm, the slowest device", max(b.taken_s for b in begun), "s", None)
            report_ratio("W1", taken, 3)
        report(f"W1 {name}, bytes down", median(b.bytes_down for b in begun) / MB, "MB", 11)
        report(f"W1 {name}, processor of the server", median(b.server_cpu_s for b in begun), "s", None)
        report(f"W1 {name}, processor of the device", median(b.device_cpu_s for b in begun), "s", None)
    report(f"{CONTACTS:,} rows into a bare SQLite table", floor.inserted_rows_s(folder, CONTACTS), "s", None)


async def _memory(house: House, rep: UUID, server: str, folder: Path) -> None:
    """What a device takes that is a process of its own."""
    ways = {"full": "", "paged": ", where there is no snapshot", "bare": ", without the optional packages"}
    for mode, said in ways.items():
        path = folder / f"alone-{mode}.db"
        (await enrol(house, rep, server, path)).close()
        command = [sys.executable, str(ALONE), str(path), mode]
        done = await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True, text=True)
        peaks = json.loads(done.stdout)
        report(f"SDK's process at {CONTACTS:,} rows, peak memory{said}", max(peaks.values()), "MB", 60)


def _without_extras(cid: Replica) -> None:
    """The same on a device that has neither msgspec nor zstd."""
    with bare_sdk():
        start, cpu = time.perf_counter(), time.process_time()
        pulled = cid.sync()
        report("W1 without the optional packages", time.perf_counter() - start, "s", 3)
        report("W1 without them, processor of the device", time.process_time() - cpu, "s", None)
        report("W1 without them, bytes down", pulled.bytes_received / MB, "MB", None)
        push_s, _, size = _pushed(cid, -1)
        report("W2 without the optional packages", push_s, "s", 1.6)
        report("W2 without them, bytes up", size / MB, "MB", None)


async def _push(house: House, ann: Replica) -> None:
    bare = await floor.pushed_edits_s(house.urls["main"], EDITS)
    taken, sizes, whole = [], [], []
    for turn in range(3):
        push_s, sync_s, size = await asyncio.to_thread(_pushed, ann, turn)
        taken.append(push_s)
        whole.append(sync_s)
        sizes.append(size)
    name = f"W2 push of {EDITS:,} offline edits, until all outcomes are stored"
    report(name, median(taken), "s", 0.8, floor=bare, peer=best_durable_s("W2"))
    report_ratio("W2", median(taken), 1.25)
    report("W2 with the pull that brings them back", median(whole), "s", None)
    report("W2 bytes up", median(sizes) / MB, "MB", 0.6)


def _pushed(ann: Replica, turn: int) -> tuple[float, float, int]:
    """Seconds until the last outcome was stored, and until the sync was done; bytes up."""
    ann.sync()  # else another's edits of before would be conflicts
    for contact in ann.contacts.list(limit=EDITS):
        ann.contacts.edit(contact["id"], job_title=f"Title {turn}")
    start, pushed = time.perf_counter(), 0.0

    def watch(progress: object) -> None:
        nonlocal pushed
        if getattr(progress, "phase", "") == "pushed":
            pushed = time.perf_counter() - start

    done = ann.sync(watch)
    assert done.applied == EDITS, done
    return pushed, time.perf_counter() - start, done.bytes_sent


async def _live(house: House, bob: Replica) -> None:
    """From the commit in the office until the rows show on the device, which is told at once.

    As with the peers, without the bench's own change of threads.
    """
    await asyncio.to_thread(bob.sync)
    ids = [UUID(c["id"]) for c in bob.contacts.list(limit=LIVE_ROWS)]
    taken, sizes = [], []
    for turn in range(21):
        async with tenant_write(house.tenant, by=SYSTEM, source=Source.REST):
            await connection().execute(
                "UPDATE contact SET description = $2 || name WHERE id = ANY ($1::uuid[])", ids, f"Changed {turn} "
            )
        sync_ms, done = await asyncio.to_thread(_synced, bob)
        taken.append(sync_ms)
        assert done.rows_put == LIVE_ROWS, done
        sizes.append(done.bytes_received)
    bare = await asyncio.to_thread(_bare_live_ms)
    peer_s = best_durable_s("W3")
    peer_ms = None if peer_s is None else peer_s * 1_000
    report(f"W3 {LIVE_ROWS} changed rows on a device", median(taken), "ms", 10, floor=bare, peer=peer_ms)
    report_ratio("W3", median(taken) / 1_000, 2)
    report("W3 bytes down", median(sizes) / 1_000, "KB", 14)
    nothing = [await asyncio.to_thread(_sync_ms, bob) for _ in range(41)]
    report("a sync with nothing new, whole on the device", median(nothing), "ms", None)


def _bare_live_ms() -> float:
    with tempfile.TemporaryDirectory() as folder:
        return floor.inserted_rows_s(Path(folder), LIVE_ROWS) * 1_000


def _synced(replica: Replica) -> tuple[float, SyncReport]:
    """Milliseconds that a sync took, and what it brought."""
    start = time.perf_counter()
    done = replica.sync()
    return (time.perf_counter() - start) * 1_000, done


def _sync_ms(replica: Replica) -> float:
    return floor.ms(replica.sync)


def _edit_seen(ann: Replica, bob: Replica) -> None:
    """One edit, from one device to the other."""
    contact = ann.contacts.list(limit=1)[0]

    def act(turn: int) -> float:
        ann.contacts.edit(contact["id"], name=f"Name {turn}")
        return floor.ms(lambda: (ann.sync(), bob.sync()))

    report("one edit visible on another device", median(act(turn) for turn in range(21)), "ms", 40)
