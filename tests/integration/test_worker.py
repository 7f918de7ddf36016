"""The worker as a process: it runs what was committed, ends in order, and may be killed."""

import asyncio
import importlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from server import db
from server.broker import broker
from server.crm.order.jobs import enqueue_order_confirmation
from server.db import tenant_write
from server.worker import ACTOR_MODULES, THREADS
from tests.integration import job_world
from tests.integration.job_world import SECRET, Home, Postbox, make_order

pytestmark = pytest.mark.usefixtures("no_ledger")
home, pools = job_world.home, job_world.pools
postbox = job_world.postbox

Start = Callable[[str], Awaitable[subprocess.Popen[bytes]]]


@pytest.fixture
async def start_worker(home: Home, tmp_path: Path) -> AsyncIterator[Start]:
    """Starts `outrider worker` with the mail URL given."""
    started: list[subprocess.Popen[bytes]] = []

    async def start(mail_url: str) -> subprocess.Popen[bytes]:
        env = {k: v for k, v in os.environ.items() if not k.startswith("OUTRIDER_")}
        env |= {
            "OUTRIDER_DATABASE_URL": home.url,
            "OUTRIDER_SECRET_KEY": SECRET,
            "OUTRIDER_MAIL_URL": mail_url,
            "OUTRIDER_STATE_DIR": str(tmp_path),
        }
        command = [sys.executable, "-m", "server.cli", "worker"]
        started.append(await asyncio.to_thread(subprocess.Popen, command, env=env))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()


async def wait_for(condition: Callable[[], Any], timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while True:
        outcome = condition()
        if (await outcome) if asyncio.iscoroutine(outcome) else outcome:
            return
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)


async def is_queue_empty(home: Home) -> bool:
    return not await home.queue()


async def is_settled(home: Home) -> bool:
    """Nothing waits but what found another's claim, and looks again later."""
    return all(job["queue"].endswith(".DQ") for job in await home.queue())


async def test_the_worker_runs_committed_jobs_once_and_stops_when_told(home: Home, start_worker: Start, tmp_path: Path):
    """From the commit to the mail, through every part; SIGTERM lets it end in order."""
    folder = tmp_path / "sent"
    orders = [await make_order(home.tenant) for _ in range(3)]
    for order_id in [*orders, *orders]:
        async with tenant_write(home.tenant, by=db.SYSTEM):
            await enqueue_order_confirmation(order_id)

    worker = await start_worker(f"folder:{folder}")
    await wait_for(lambda: len(list(folder.glob("*.eml"))) == 3)
    await wait_for(lambda: is_settled(home))
    worker.send_signal(signal.SIGTERM)

    assert await asyncio.to_thread(worker.wait, 40) == 0
    assert len(list(folder.glob("*.eml"))) == 3


async def test_a_worker_killed_while_sending_is_followed_by_one_that_sends_once(
    home: Home, start_worker: Start, postbox: tuple[Postbox, str]
):
    """kill -9 in the middle of the dialogue: nothing had been taken, so the next one hands it over, once."""
    box, url = postbox
    box.hangs = True
    order_id = await make_order(home.tenant)
    async with tenant_write(home.tenant, by=db.SYSTEM):
        await enqueue_order_confirmation(order_id)

    first = await start_worker(url)
    await wait_for(lambda: box.attempts == 1)
    first.kill()
    first.wait()
    await asyncio.sleep(0.2)
    box.taken.clear()
    box.hangs = False
    await asyncio.sleep(0.3)
    box.taken.clear()  # what the server makes of the broken dialogue is not the customer's
    await home.let_time_pass()
    second = await start_worker(url)
    await wait_for(lambda: is_queue_empty(home))
    second.send_signal(signal.SIGTERM)

    assert await asyncio.to_thread(second.wait, 40) == 0
    assert [message["To"] for message in box.taken] == ["buyer@shop.example"]


def test_every_queue_has_a_connection_and_threads_have_some_beside():
    """A consumer keeps its connection: with too few for all, the worker took jobs and could never end them."""
    for module in ACTOR_MODULES:
        importlib.import_module(module)
    consumers = 2 * len(broker.get_declared_queues())  # one for what is delayed

    assert broker.connections_max() >= consumers + THREADS + 2
