"""Devices that listen: what an idle connection costs the server, and how soon a change is there."""

import asyncio
import resource
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from outrider_sdk import Replica

from server.tenants.service import create_tenant
from tests.bench.house import House, add_rep, enrol, fill, web_server
from tests.bench.report import report
from tests.bench.sync.crowd import add_reps
from tests.bench.sync.processes import private_mb
from tests.bench.sync.wire import enrol_bare

IDLE = 1_000
ROUNDS = 21
PATIENCE_S = 30


async def bench_listeners(house: House) -> None:
    """Idle connections, and a change that one device hands in until another, which listens, shows it."""
    own = replace(house, tenant=await create_tenant(house.urls, slug=f"l-{house.tenant.slug}", name="Listeners"))
    await fill(own, 1_000, outlets=10)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 2 * IDLE + 200)), hard))
    with web_server(house.config) as (server, pid):
        await _idle(own, server, pid)
        with tempfile.TemporaryDirectory() as folder:
            reps = [await add_rep(own, name) for name in ("lea", "leo")]
            lea, leo = [await enrol(own, rep, server, Path(folder, f"{i}.db")) for i, rep in enumerate(reps)]
            try:
                await asyncio.to_thread(_live, lea, leo)
            finally:
                lea.close()
                leo.close()


async def _idle(house: House, server: str, pid: int) -> None:
    parts = urlsplit(server)
    devices = await enrol_bare(house.tenant, (await add_reps(house.tenant, 1)) * (IDLE + 1))
    streams = []

    async def listen(token: str) -> None:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=1_000)
        writer.write(f"GET /sync/events HTTP/1.1\r\nHost: b\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        assert b"retry" in await reader.readuntil(b"retry: 5000")
        streams.append(writer)

    await listen(devices[0].token)
    before = private_mb(pid) or 0.0
    for device in devices[1:]:
        await listen(device.token)
    await asyncio.sleep(2)
    each = ((private_mb(pid) or 0.0) - before) * 1024 / IDLE
    report(f"an idle connection that listens, of {IDLE:,}", each, "KB", 25)
    for writer in streams:
        writer.close()
    await asyncio.sleep(1)


def _live(lea: Replica, leo: Replica) -> None:
    """From the moment that the server has answered the push, until the rows show."""
    for replica in (lea, leo):
        replica.sync()
    contacts = lea.contacts.list(limit=100)
    shown = threading.Event()

    def fetch() -> None:
        if leo.sync().rows_put:
            shown.set()

    taken = []
    with leo.listen(fetch):
        time.sleep(1)
        for turn in range(ROUNDS):
            with lea.transaction():
                for contact in contacts:
                    lea.contacts.edit(contact["id"], job_title=f"Title {turn}")
            shown.clear()
            start = []

            def pushed(progress: object, start: list[float] = start) -> None:
                start.append(time.perf_counter())

            lea.sync(pushed)
            assert shown.wait(PATIENCE_S)
            taken.append((time.perf_counter() - start[0]) * 1_000)
            time.sleep(0.3)  # beyond the time in which pokes are brought together
    report("W3 100 changed rows on a device that listens, from the answered push", median(taken), "ms", 10)
