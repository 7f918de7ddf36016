"""A network and a machine that fail: lost, doubled, late messages; kills and full disks at any statement."""

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from outrider_sdk.errors import (
    ClientTooOld,
    DeviceRevoked,
    Offline,
    Rejected,
    ReplicaForked,
    ServerUnavailable,
    SyncError,
    WipeOrdered,
)

from server.auth.devices import _wipe_of
from server.errors import AppError
from tests.simulation import doors, travel
from tests.simulation.server import Locked
from tests.simulation.statements import LEASE_US

if TYPE_CHECKING:
    from tests.simulation.run import Rep, Run

PAGE_ROWS = (2, 5, 20, 500)


class SimulatedCrash(BaseException):
    """The process of a device ends here."""


class FailingConnection(sqlite3.Connection):
    """Fails at a statement chosen beforehand: ends the process before it or just after, or finds the disk full."""

    fuse: int | None = None
    at_commits: bool = False
    """Whether the fuse counts commits alone."""
    mode: str = "before"

    def _burn(self, run: Callable[[], Any], sql: str) -> Any:
        cls = type(self)
        if cls.fuse is None or (cls.at_commits and sql != "COMMIT") or (cls.mode == "full" and not _writes(sql)):
            return run()
        cls.fuse -= 1
        if cls.fuse > 0:
            return run()
        cls.fuse = None
        if cls.mode == "full":
            raise sqlite3.OperationalError("database or disk is full")
        if cls.mode == "after":
            run()
        raise SimulatedCrash

    def execute(self, sql: str, *args: Any) -> Any:  # type: ignore[override]
        """Run a statement, or fail at it."""
        if type(self).fuse is None:
            return super().execute(sql, *args)
        return self._burn(lambda: super(FailingConnection, self).execute(sql, *args), sql)

    def executemany(self, sql: str, *args: Any) -> Any:  # type: ignore[override]
        """Run a statement for many, or fail at it."""
        if type(self).fuse is None:
            return super().executemany(sql, *args)
        return self._burn(lambda: super(FailingConnection, self).executemany(sql, *args), sql)


def _writes(sql: str) -> bool:
    return sql.lstrip().startswith(("INSERT", "UPDATE", "DELETE", "COMMIT"))


class AtOnce:
    """`UnderWay` without a thread: what goes on beside is done at once, so that a plan has one history."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._failure: Exception | None = None
        try:
            self._result = call()
        except Exception as error:
            self._failure = error

    def result(self) -> Any:
        """What came of it."""
        if self._failure is not None:
            raise self._failure
        return self._result

    def drop(self) -> None:
        """It is done."""


class PushUnderWay:
    """A push that travels while its device does other things: it arrives meanwhile, or when it is waited for."""

    def __init__(self, transport: "FaultyTransport", request: Any) -> None:
        self._transport, self._request = transport, request
        self._device_id = transport.rep.id
        self._answer: Callable[[], Any] | None = None
        if transport.run.chance.random() < 0.5:
            self._arrive()

    def _arrive(self) -> Callable[[], Any]:
        try:
            reply = self._transport.push(self._request)
        except SyncError as error:
            failure = error

            def fail() -> Any:
                raise failure

            self._answer = fail
        else:
            self._answer = lambda: reply
        return self._answer

    def result(self) -> Any:
        """Wait for its answer."""
        return (self._answer or self._arrive())()

    def drop(self) -> None:
        """Nobody waits any more; what the network holds may still arrive, after whatever is sent next."""
        run = self._transport.run
        if self._answer is None:
            run.oracle.on_send(self._transport.rep.life, self._request["mutations"])
            if run.happens("push under way dropped", 0.6):
                self._transport.late.append((self._device_id, self._request))


@dataclass
class PageAhead:
    """A page that was asked for before its device wanted it."""

    device_id: str
    request: Any
    page: Any
    expected: dict[Any, int] | None
    contact_time: tuple[int, int]


class FaultyTransport:
    """Carries a device's requests to the server in memory, or doesn't."""

    def __init__(self, run: "Run", rep: "Rep") -> None:
        self.run, self.rep = run, rep
        self.contact_time: tuple[int, int] | None = None
        self.bytes_sent = self.bytes_received = 0
        self.late: list[tuple[str, dict[str, Any]]] = []
        """Copies of pushes that the network still holds, and whose they are."""
        self._ahead: PageAhead | None = None

    def _contact(self) -> None:
        """A token that is renewed brings a lease, as with any contact after a while."""
        rep, server = self.rep, self.run.server
        if rep.leased_at is None or server.clock() - rep.leased_at > LEASE_US // 4:
            lease = answered(lambda: doors.renew(server, rep.id), self.run)
            rep.credentials.save(replace(rep.credentials.credentials, lease=lease, lease_key="a2V5"))
            rep.leased_at = server.clock()

    def push(self, request: Any) -> Any:
        """Deliver a push: it may be lost, its reply may be, a copy may come later, the server may crash in between."""
        run = self.run
        self.rep.for_next_sync = None
        run.oracle.on_send(self.rep.life, request["mutations"])
        if run.happens("request lost", 0.08):
            raise Offline("lost")
        self._contact()
        if run.happens("push doubled", 0.12):
            self.late.append((self.rep.id, request))
        left = self.rep.clock()
        reply = self.deliver(request)
        if run.happens("reply lost after commit", 0.12):
            raise Offline("lost")
        self.contact_time = (left, self.rep.clock())
        return reply

    def make_ready(self, request: Any) -> None:
        """Nothing is to be done ahead here."""

    def begin_push(self, request: Any) -> PushUnderWay:
        """The same, while the device stores what the push before it came to, and its person goes on typing."""
        return PushUnderWay(self, request)

    def deliver(self, request: Any, device_id: str | None = None) -> Any:
        """What the server makes of a push that reached it."""
        run, server = self.run, self.run.server
        transaction = answered(lambda: server.begin_push(device_id or self.rep.id, request), run)
        failure = None
        run.inside = "push"
        try:
            run.interleave(self.rep)
        finally:  # the server goes on, also where the device ends meanwhile
            if run.happens("server killed before its commit", 0.06):
                failure = Offline("the server went away")
            elif run.happens("server's disk full", 0.03):
                failure = ServerUnavailable("no space left")
            if failure is None:
                server.commit(transaction)
            else:
                server.abort(transaction)
        if failure is not None:
            raise failure
        reply = transaction.reply
        travel.on_reply(run.oracle, self.rep.member_id, reply)
        return reply

    def deliver_late(self) -> None:
        """A copy that the network held comes through, after whatever was sent since."""
        device_id, request = self.late.pop(self.run.chance.randrange(len(self.late)))
        self.run.fault("push reordered")
        with suppress(SyncError):  # nobody waits for it
            self.deliver(request, device_id)

    def pull(self, request: Any) -> Any:
        """Ask for a page; it may be lost, and the world goes on while it travels."""
        run = self.run
        if self.rep.for_next_sync is None:
            self.rep.for_next_sync = set()
            run.inside = "pull"
            run.interleave(self.rep)
        if run.happens("pull cut mid-page" if request["position"] else "pull cut", 0.08):
            raise Offline("lost")
        ahead, self._ahead = self._ahead, None
        if ahead is None or (ahead.device_id, ahead.request) != (self.rep.id, request):
            self._contact()
            if "snapshots" in request and run.chance.random() < 0.4:  # a client that takes none
                request = {name: value for name, value in request.items() if name != "snapshots"}
            ahead = self._page(request)
        page, self.rep.expected, self.contact_time = ahead.page, ahead.expected, ahead.contact_time
        self.rep.promised[page["cursor"]] = ahead.expected
        if page.get("snapshot"):
            run.note(f"{self.rep.name} is offered a snapshot of {page['snapshot']['rows']} rows")
        if page["position"] is not None and not run.healed and run.chance.random() < 0.4:
            run.fault("page asked for ahead")
            with suppress(SyncError):  # asked for again when it is wanted
                self._ahead = self._page(request | {"position": page["position"]})
        run.inside = "pull"
        run.interleave(self.rep)
        return page

    def _page(self, request: Any) -> PageAhead:
        run, left = self.run, self.rep.clock()
        size = run.chance.choice(PAGE_ROWS)
        page = answered(lambda: run.server.pull(self.rep.id, request, page_rows=size), run)
        expected = travel.on_page(run.oracle, self.rep.id, page, request["schema"])
        return PageAhead(self.rep.id, request, page, expected, (left, self.rep.clock()))

    def snapshot_part(self, snapshot_id: str, start: int, take: Callable[[bytes], None]) -> int:
        """Fetch a range of a snapshot: it may be cut off or damaged, and the world goes on meanwhile."""
        run = self.run
        part, size = answered(lambda: doors.snapshot_part(run.server, self.rep.id, snapshot_id, start), run)
        if run.happens("snapshot cut off", 0.3):
            take(part[: run.chance.randrange(len(part))])
            raise Offline("lost")
        if run.happens("snapshot damaged", 0.06):
            at = run.chance.randrange(len(part))
            part = part[:at] + bytes([part[at] ^ 1]) + part[at + 1 :]
        run.inside = "snapshot"
        run.interleave(self.rep)
        take(part)
        run.fault("pull begun with a snapshot")
        return size

    def checksum(self, request: Any) -> Any:
        """Have the replica compared."""
        if self.run.happens("request lost", 0.08):
            raise Offline("lost")
        return answered(lambda: doors.compare(self.run.server, self.rep.id, request), self.run)

    def hand_in(self, incarnation: int, mutations: Any, *, complete: bool) -> Any:
        """A revoked device's last push."""
        run = self.run
        run.oracle.on_send(self.rep.life, mutations)
        if run.happens("request lost", 0.08):
            raise Offline("lost")
        ask = lambda: doors.hand_in(run.server, self.rep.id, incarnation, mutations, complete=complete)  # noqa: E731
        reply = answered(ask, run)
        if mutations:
            run.fault("revoked device's work in quarantine")
        if run.happens("reply lost after commit", 0.12):
            raise Offline("lost")
        return reply

    def wanted_wipe(self) -> str | None:
        """What the server says to a revoked device that asks for a token."""
        record = self.run.server.devices.get(self.rep.id)
        return None if record is None else _wipe_of(record)  # type: ignore[arg-type]

    def begin_incarnation(self, request: Any) -> Any:
        """Ask to go on as another device; the new credentials are kept before anybody else knows."""
        run, rep = self.run, self.rep
        if run.happens("request lost", 0.08):
            raise Offline("lost")
        reply = answered(lambda: run.server.begin_incarnation(rep.id, request), run)
        if run.happens("reply lost after commit", 0.12):
            raise Offline("lost")
        run.fault("replica copied or restored")
        held = rep.credentials.credentials
        fields = {name: reply[name] for name in ("device_id", "incarnation", "number_prefix")}
        rep.credentials.save(replace(held, **fields, origin_id=held.origin))
        return reply

    def close(self) -> None:
        """Nothing to let go of."""


def answered(ask: Callable[[], Any], run: "Run") -> Any:
    """What the server answers; its refusals are what `HttpTransport` makes of them."""
    try:
        return ask()
    except Locked:
        run.fault("writers blocked")
        raise ServerUnavailable("busy") from None
    except AppError as error:
        if error.code == "forked":
            raise ReplicaForked(error.extra["number"]) from None
        if error.code == "device_revoked":
            raise DeviceRevoked from None
        if error.code == "wipe_ordered":
            raise WipeOrdered(now=error.extra["now"]) from None
        if error.code == "client_too_old":
            raise ClientTooOld(error.message) from None
        raise Rejected(error.status, error.code, error.message, error.extra) from None
