"""The job broker, and the outbox through which every job is sent.

A job is sent by `enqueue`: one INSERT in the open transaction. Rolled back, it was never sent; committed, it runs at
least once: a job reads the present state, so that twice, late and out of order are all the same. The queue is a
table of the tenant's own database, so one worker process serves one database.

Dramatiq's own `send` is refused: it would commit apart from what the job is about. A broker of another kind (Redis)
would take the place of `JobBroker`, and a relay would read the same outbox; nothing else would change.
"""

from contextvars import ContextVar
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit, urlunsplit
from uuid import UUID

import dramatiq
from dramatiq.middleware import AgeLimit, AsyncIO, CurrentMessage, Middleware, Retries, ShutdownNotifications, TimeLimit
from dramatiq_postgres import PostgresBroker
from dramatiq_postgres.utils import make_pool
from psycopg_pool import ConnectionPool

from server.db import PLATFORM_ROLE, NoTransaction, connection, current_tenant

TIME_LIMIT_MS: Final = 60_000
RETRIES_MAX: Final = 15
BACKOFF_MIN_MS: Final = 2_000
BACKOFF_MAX_MS: Final = 3_600_000
POLL_INTERVAL_S: Final = 0.5
HEARTBEAT_INTERVAL_S: Final = 3.0
HEARTBEAT_TTL_S: Final = 15.0
"""A worker silent for so long is dead, and its jobs go to another."""
MAINTENANCE_INTERVAL_S: Final = 5.0
CONNECTIONS_BESIDE: Final = 8
"""Each queue's consumer keeps a connection, and so does that of its delayed messages; so many more are for threads that
end jobs, heartbeats and upkeep. With too few, the worker takes jobs and never ends them."""

_tenant_id: ContextVar[UUID | None] = ContextVar("job_tenant_id", default=None)


def job_tenant_id() -> UUID:
    """The tenant whose transaction sent the running job, as the database stamped it.

    Raises:
        RuntimeError: no job of a tenant is running here.
    """
    tenant_id = _tenant_id.get()
    if tenant_id is None:
        raise RuntimeError("No job of a tenant is running.")
    return tenant_id


class _TenantOfJob(Middleware):
    """Gives the running job its tenant; async actors run in a copy of this thread's context."""

    def before_process_message(self, broker: Any, message: Any) -> None:
        stamp = message.options.get("tenant_id")
        _tenant_id.set(UUID(stamp) if stamp else None)

    def after_process_message(
        self, broker: Any, message: Any, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        _tenant_id.set(None)

    def after_skip_message(self, broker: Any, message: Any) -> None:
        _tenant_id.set(None)


class JobBroker(PostgresBroker):  # type: ignore[misc]  # dramatiq_postgres ships no types
    """Knows the actors as soon as they are imported; opens no connection before `connect`."""

    def __init__(self) -> None:
        super().__init__(
            pool=ConnectionPool(open=False, min_size=0, max_size=1),
            listen=False,
            notify=False,
            results=False,
            poll_interval=POLL_INTERVAL_S,
            heartbeat_interval=HEARTBEAT_INTERVAL_S,
            heartbeat_ttl=HEARTBEAT_TTL_S,
            maintenance_interval=MAINTENANCE_INTERVAL_S,
            middleware=[
                AgeLimit(),
                TimeLimit(time_limit=TIME_LIMIT_MS),
                ShutdownNotifications(),
                CurrentMessage(),
                AsyncIO(),
                _TenantOfJob(),
                Retries(max_retries=RETRIES_MAX, min_backoff=BACKOFF_MIN_MS, max_backoff=BACKOFF_MAX_MS),
            ],
        )
        self._connected = False

    def connect(self, url: str) -> None:
        """Open the queue of one database, with the app's log-in (a worker does, at its start)."""
        self.pool = make_pool(_as_platform(url), maxconn=self.connections_max())
        self._owns_pool = self._connected = True

    def connections_max(self) -> int:
        """How many connections the worker may hold, by the queues of the actors that are imported."""
        consumers = len(self.get_declared_queues()) + len(self.get_declared_delay_queues())
        return consumers + CONNECTIONS_BESIDE

    def enqueue(self, message: Any, *, delay: int | None = None) -> Any:
        """Put a job back, for a retry; only the worker's middleware does."""
        if not self._connected:
            raise RuntimeError("Send a job with server.broker.enqueue, within the transaction it belongs to.")
        return super().enqueue(message, delay=delay)


def _as_platform(url: str) -> str:
    """The URL with which the log-in, which inherits no rights, takes the platform's role as it connects."""
    parts = urlsplit(url)
    options = urlencode({"options": f"-c role={PLATFORM_ROLE}"}, quote_via=quote)
    return urlunsplit(parts._replace(query=f"{parts.query}&{options}" if parts.query else options))


broker: Final = JobBroker()
dramatiq.set_broker(broker)  # so that a plain @dramatiq.actor belongs to it


async def enqueue(message: "dramatiq.Message[Any]", *, delay_ms: int = 0) -> None:
    """Send a job with the open transaction's commit: `await enqueue(confirm_order.message(str(order.id)))`.

    In a tenant's transaction the database stamps the job with that tenant; in the platform's it has none.

    Raises:
        NoTransaction: none is open.
    """
    body = message.encode().decode()
    try:
        current_tenant()
    except NoTransaction:
        sql = """INSERT INTO dramatiq.queue (message_id, queue_name, state, message, available_at)
            VALUES ($1, $2, 'queued', $3::jsonb #- '{options,tenant_id}', now() + make_interval(secs => $4 / 1000.0))"""
    else:
        sql = "SELECT enqueue_job($1, $2, $3, $4)"
    await connection().execute(sql, UUID(message.message_id), message.queue_name, body, delay_ms)
