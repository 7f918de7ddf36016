"""Pokes: "there is news", without content, on a connection that a device keeps open (docs/sync-protocol.md §15).

A poke follows a commit of this process at once, and any other (another process, plain SQL) within a second, by a look
at the heads of the tenants that somebody listens to. Nothing is correct only because a poke arrived: a device that
listens pulls all the same. One task serves all connections; each of them waits for nothing but its end.
"""

import asyncio
import contextlib
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from server.auth import standings
from server.auth.session import open_session
from server.auth.tokens import Claims
from server.db import TenantRef, committed, connection, platform_transaction
from server.errors import AppError, TooManyRequests

SWEEP_S: Final = 1.0
HEARTBEAT_S: Final = 25.0
"""Below the half minute after which networks forget a silent connection."""
COALESCE_S: Final = 0.25
"""A tenant's devices are poked at once, and then not again for so long."""
SEND_TIMEOUT_S: Final = 2.0
STREAMS_OF_TENANT_MAX: Final = 2_000
STREAMS_MAX: Final = 10_000
RETRY_AFTER_S: Final = 60

_HEARTBEAT: Final = b": still here\n\n"
_log = logging.getLogger(__name__)

Send = Callable[[Any], Awaitable[None]]


@dataclass(eq=False, slots=True)
class Stream:
    """A device's open connection."""

    tenant: TenantRef
    device_id: UUID
    claims: Claims
    expires_at: float
    """When the token ends, of `time.time`; the device comes again with another."""
    send: Send
    task: asyncio.Task[Any]
    told: int
    """The revision that it knows of."""
    sent_at: float = field(default_factory=time.monotonic)
    over: bool = False


class Hub:
    """All streams of this process, by tenant."""

    def __init__(self) -> None:
        self._streams: dict[UUID, dict[UUID, Stream]] = {}
        self._heads: dict[UUID, int] = {}
        self._poked_at: dict[UUID, float] = {}
        self._news = asyncio.Event()
        self._tending: asyncio.Task[None] | None = None
        self._standings = standings.generation()

    @property
    def count(self) -> int:
        """How many streams are open."""
        return sum(map(len, self._streams.values()))

    async def add(self, stream: Stream) -> None:
        """Take a stream in; an older one of the same device ends.

        Raises:
            TooManyRequests: the tenant, or the process, has as many as it may.
        """
        streams = self._streams.get(stream.tenant.id, {})
        older = streams.get(stream.device_id)
        if older is None and (len(streams) >= STREAMS_OF_TENANT_MAX or self.count >= STREAMS_MAX):
            raise TooManyRequests(retry_after_s=RETRY_AFTER_S)
        self._streams.setdefault(stream.tenant.id, {})[stream.device_id] = stream
        self._heads.setdefault(stream.tenant.id, stream.told)
        if older is not None:
            await self._end(older)
        if self._tending is None or self._tending.done():
            self._tending = asyncio.create_task(self._tend())

    def remove(self, stream: Stream) -> None:
        """Its connection is gone."""
        streams = self._streams.get(stream.tenant.id, {})
        if streams.get(stream.device_id) is stream:
            del streams[stream.device_id]
        if not streams:
            self._streams.pop(stream.tenant.id, None)
            self._heads.pop(stream.tenant.id, None)
            self._poked_at.pop(stream.tenant.id, None)

    def tell(self, tenant: TenantRef, revision: int) -> None:
        """This process has committed a revision. Costs nothing where nobody listens."""
        if tenant.id in self._heads and revision > self._heads[tenant.id]:
            self._heads[tenant.id] = revision
            self._news.set()

    async def close(self) -> None:
        """End all streams."""
        if self._tending is not None:
            self._tending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._tending
            self._tending = None
        for stream in self._all():
            await self._end(stream)

    def _all(self) -> list[Stream]:
        return [stream for streams in self._streams.values() for stream in streams.values()]

    async def _tend(self) -> None:
        """Poke, sweep, and keep the streams alive, until there are none."""
        swept_at = time.monotonic()
        while self._streams:
            due_in = await self._poke()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, min(due_in, swept_at + SWEEP_S - time.monotonic()))):
                    await self._news.wait()
            self._news.clear()
            if time.monotonic() - swept_at >= SWEEP_S:
                swept_at = time.monotonic()
                await self._sweep()

    async def _poke(self) -> float:
        """Tell streams of a newer revision; in how many seconds those come whose tenants were poked just now."""
        now, due_in = time.monotonic(), SWEEP_S
        for tenant_id in list(self._streams):
            head = self._heads.get(tenant_id, 0)
            behind = [s for s in self._streams.get(tenant_id, {}).values() if s.told < head]
            if not behind:
                continue
            waits = self._poked_at.get(tenant_id, -COALESCE_S) + COALESCE_S - now
            if waits > 0:
                due_in = min(due_in, waits)
                continue
            self._poked_at[tenant_id] = now
            for stream in behind:
                stream.told = head
                await self._write(stream, f"event: news\nid: {head}\ndata: \n\n".encode())
        return due_in

    async def _sweep(self) -> None:
        """Look what was committed elsewhere, whose token is over, and who has heard nothing for long."""
        streams = self._all()
        try:
            await self._load_heads({stream.tenant for stream in streams})
        except Exception:
            _log.exception("The heads of tenants could not be read; tried again in a second.")
        looks_again = self._standings != standings.generation()
        self._standings = standings.generation()
        for stream in streams:
            silent = time.monotonic() - stream.sent_at >= HEARTBEAT_S
            if stream.expires_at <= time.time() or ((silent or looks_again) and not await self._is_trusted(stream)):
                await self._end(stream)
            elif silent:
                await self._write(stream, _HEARTBEAT)

    async def _load_heads(self, tenants: Iterable[TenantRef]) -> None:
        by_database: dict[str, dict[str, UUID]] = defaultdict(dict)
        for tenant in tenants:
            by_database[tenant.database][tenant.schema] = tenant.id
        for database, ids in by_database.items():
            async with platform_transaction(database):
                records = await connection().fetch("SELECT * FROM heads($1)", list(ids))
            for record in records:
                tenant_id = ids[record["schema"]]
                if tenant_id in self._heads:
                    self._heads[tenant_id] = max(self._heads[tenant_id], record["revision"])

    async def _is_trusted(self, stream: Stream) -> bool:
        """Whether the device, and its member, may still sync."""
        try:
            await open_session(stream.claims)
        except AppError as refusal:
            return refusal.status >= 500  # busy is no reason to let go of anybody
        return True

    async def _write(self, stream: Stream, content: bytes, *, last: bool = False) -> None:
        """Send, and let go of who does not take it: one stuck phone must not hold up the others."""
        stream.sent_at = time.monotonic()
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await stream.send({"type": "http.response.body", "body": content, "more_body": not last})
        except Exception:
            self._let_go(stream)

    async def _end(self, stream: Stream) -> None:
        await self._write(stream, b"event: end\ndata: \n\n", last=True)
        self._let_go(stream)

    def _let_go(self, stream: Stream) -> None:
        self.remove(stream)
        if not stream.over:
            stream.over = True
            stream.task.cancel()


hub: Final = Hub()
"""The streams of this process."""
committed.append(hub.tell)
