"""The worker process: runs the jobs of one database until it is told to stop.

One process, few threads and one event loop, on which all jobs run; a supervisor starts it again when it dies. A job
under way when it is told to stop is finished first; one that dies with the process runs again.
"""

import asyncio
import importlib
import logging
import signal
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from types import FrameType
from typing import Any, Final
from urllib.parse import urlsplit

import dramatiq
from dramatiq.asyncio import get_event_loop_thread
from dramatiq.middleware import Middleware, MiddlewareError

from server import connections, db, mail, storage
from server.billing import acts as billing_acts
from server.billing import daily as billing_daily
from server.billing import jobs as billing_jobs
from server.billing import links
from server.billing import setup as billing_setup
from server.billing.links import LinkSettings
from server.billing.metering import meter_all
from server.broker import broker
from server.config import MAIN_DATABASE, Config
from server.connections import Databases
from server.sync.daily import begin_day_everywhere
from server.sync.released_jobs import take_released_everywhere
from server.tenants import jobs as tenant_jobs
from server.tenants.recovery import note_position
from server.tenants.schema import app_urls, owner_urls
from server.tenants.service import list_tenants
from server.webhooks import gateway
from server.webhooks.gateway import WebhookSettings

ACTOR_MODULES: Final = (
    "server.billing.jobs",
    "server.billing.account.jobs",
    "server.billing.deletion.jobs",
    "server.billing.invoice.jobs",
    "server.billing.notice.jobs",
    "server.billing.sign_up.jobs",
    "server.crm.attachment.jobs",
    "server.crm.duplicate.jobs",
    "server.crm.order.jobs",
    "server.imports.jobs",
    "server.sync.held",
    "server.sync.released_jobs",
    "server.sync.snapshot_jobs",
    "server.exports.jobs",
    "server.tenants.jobs",
    "server.webhooks.jobs",
)
"""Every module with jobs: imported here, its actors are known to the broker."""
THREADS: Final = 4
"""Jobs at a time: they wait rather than compute."""
STOP_TIMEOUT_MS: Final = 20_000
DAYS_LOOKED_AT_EVERY_S: Final = 600.0
"""How long after midnight (UTC) rights may still be yesterday's."""

_log = logging.getLogger(__name__)


class WorkerError(MiddlewareError):
    """The worker cannot start; the message says why."""


class _Pools(Middleware):
    """The databases' pools, on the event loop of the jobs."""

    def __init__(self, urls: Mapping[str, str], database: str) -> None:
        self._urls = urls
        self._database = database
        self._loops: list[Future[None]] = []
        self._databases: Databases | None = None

    def before_worker_boot(self, broker: Any, worker: Any) -> None:
        loop = get_event_loop_thread()
        if loop is None:
            raise WorkerError("There is no event loop for the jobs.")
        try:
            self._databases = loop.run_coroutine(Databases.connect(self._urls, size_max=THREADS + 2))
        except Exception as error:
            raise WorkerError(f"The database cannot be reached: {error}") from error
        connections.use(self._databases)

    def after_worker_boot(self, broker: Any, worker: Any) -> None:
        loop = get_event_loop_thread()
        assert loop is not None
        loops = [_begin_days(self._database)]
        if self._database == MAIN_DATABASE:
            loops += [_sweep_billing(), _tend_billing()]
        self._loops = [asyncio.run_coroutine_threadsafe(each, loop.loop) for each in loops]

    def after_worker_shutdown(self, broker: Any, worker: Any) -> None:
        loop = get_event_loop_thread()
        for each in self._loops:
            each.cancel()
        if loop is not None:
            loop.run_coroutine(billing_setup.close())
        if self._databases is not None and loop is not None:
            loop.run_coroutine(self._databases.close())
        connections.use(None)


async def _begin_days(database: str) -> None:
    """Begin each day in the tenants of the database, soon after it has begun; and take what waited for others."""
    while True:
        try:
            async with db.platform_transaction():
                tenants = [tenant for tenant in await list_tenants() if tenant.database == database]
            await begin_day_everywhere(tenants)
            await take_released_everywhere(tenants)
            await meter_all(database)
            await _note_position(database)
        except Exception:
            _log.exception("The day could not be begun; it is tried again.")
        await asyncio.sleep(DAYS_LOOKED_AT_EVERY_S)


async def _sweep_billing() -> None:
    """Find what a lost wake-up of billing left, by and by."""
    while True:
        try:
            await billing_jobs.sweep()
            await billing_acts.sweep_intents()
            await billing_jobs.reconcile_if_due()
        except Exception:
            _log.exception("What billing left could not be swept; it is tried again.")
        await asyncio.sleep(billing_jobs.SWEEP_EVERY_S)


async def _tend_billing() -> None:
    """Do what time brings to those who are billed."""
    while True:
        try:
            await billing_daily.tend()
        except Exception:
            _log.exception("Billing could not be tended; it is tried again.")
        await asyncio.sleep(billing_daily.TENDED_EVERY_S)


async def _note_position(database: str) -> None:
    """Keep outside of the database how far it has come, so that an older copy of it is recognised."""
    state_dir = storage.state_dir()
    if state_dir is not None:
        async with connections.databases().pools[database].acquire() as connection:
            await note_position(connection, database, state_dir)


def run_worker(config: Config, *, database: str = MAIN_DATABASE, threads: int = THREADS) -> None:
    """Run the jobs of tenants in one database until SIGTERM or SIGINT.

    Raises:
        WorkerError: the database is unknown, or cannot be reached.
    """
    urls = app_urls(config)
    if database not in urls:
        raise WorkerError(f"There is no database {database!r}: choose one of {', '.join(sorted(urls))}.")
    stopping = threading.Event()
    _listen_for_stop(stopping)
    for module in ACTOR_MODULES:
        importlib.import_module(module)
    mail.use(mail.MailSettings(config.mail_url, urlsplit(config.base_url).hostname or "localhost"))
    storage.use(config.state_dir, config.storage_url)
    gateway.use(WebhookSettings(config.secret_key, config.webhook_networks))
    billing_setup.use(config)
    links.use(LinkSettings(config.base_url, config.secret_key, config.operator_email))
    tenant_jobs.use(owner_urls(config))
    broker.connect(urls[database])
    broker.add_middleware(_Pools(urls, database))
    worker = dramatiq.Worker(broker, worker_threads=threads)
    try:
        worker.start()
        _log.info("Running the jobs of database %s.", database)
        stopping.wait()
    finally:
        worker.stop(timeout=STOP_TIMEOUT_MS)
        broker.close()


def _listen_for_stop(stopping: threading.Event) -> None:
    def stop(number: int, frame: FrameType | None) -> None:
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
