"""Listening for news: a thread with an open connection that syncs, or calls back, when the server pokes (protocol 15).

A poke says only that there is news. Nothing is correct because one arrived: what is missed while nobody listens, the
next sync brings, and one follows each time that the connection is made anew.
"""

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol, Self

from outrider_sdk.errors import (
    ClientTooOld,
    DeviceRevoked,
    DeviceUnknown,
    NotEnrolled,
    Offline,
    OutriderError,
    ReplicaBusy,
    SyncError,
    WipeOrdered,
)

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

    from outrider_sdk.transport import HttpTransport

EVENT_BYTES = 512
BACKOFF_FIRST_S = 1.0
BACKOFF_MAX_S = 60.0
BUSY_PAUSE_S = 0.2
FINAL = (DeviceRevoked, NotEnrolled, ClientTooOld)
"""What only a person can mend: the listener ends."""


class EventSource(Protocol):
    """What a listener needs of a network."""

    def events(self, cursor: int) -> Iterator[str]:
        """The names of events as they come, until the connection ends; raises as a sync does."""

    def hang_up(self) -> None:
        """End the connection, from another thread."""


class HttpEvents:
    """`GET /sync/events` of a device's server, on a connection of its own."""

    def __init__(self, transport: "HttpTransport") -> None:
        self._transport = transport
        self._response: BaseHTTPResponse | None = None
        self._hung_up = threading.Event()

    def events(self, cursor: int) -> Iterator[str]:
        """See `EventSource`."""
        from urllib3.exceptions import HTTPError

        path, headers = f"/sync/events?cursor={cursor}", {"Accept": "text/event-stream"}
        response = self._transport.with_token(lambda token: self._transport.request("GET", path, b"", headers, token))
        self._response = response
        try:
            if not self._hung_up.is_set():
                yield from read_events(split_lines(response.stream(EVENT_BYTES, decode_content=False)))
        except (HTTPError, OSError) as error:
            raise Offline(f"The server can't be listened to now ({type(error).__name__}).") from error
        finally:
            self._response = None
            response.close()

    def hang_up(self) -> None:
        """End `events`, from another thread; for good."""
        self._hung_up.set()
        response = self._response
        if response is not None:
            with suppress(Exception):
                response.shutdown()


class Listener:
    """What `Replica.listen` gives; `stop` ends it, as does leaving its `with`."""

    def __init__(
        self,
        source: EventSource,
        cursor: Callable[[], int],
        on_news: Callable[[], object],
        *,
        jitter: Callable[[float, float], float] | None = None,
    ) -> None:
        self.error: OutriderError | None = None
        """Why it ended by itself; None while it listens."""
        self.pokes = 0
        self._source, self._cursor, self._on_news = source, cursor, on_news
        self._jitter = jitter or secrets.SystemRandom().uniform
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="outrider-listener", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether it listens, or tries to."""
        return self._thread.is_alive()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Hang up, and wait until a sync that it runs just now has ended."""
        self._stopping.set()
        self._source.hang_up()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                for event in self._events():
                    failures = 0
                    if event == "news":
                        self.pokes += 1
                        self._tell()
                    if self._stopping.is_set():
                        return
            except FINAL as error:
                self.error = error
                return
            except SyncError:
                failures += 1
            self._stopping.wait(self._jitter(0, min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2.0**failures)))

    def _events(self) -> Iterator[str]:
        try:
            yield from self._source.events(self._cursor())
        except (WipeOrdered, DeviceUnknown):
            self._tell()  # the sync that hands in, and erases; or comes back
            raise

    def _tell(self) -> None:
        """Call back; where another sync is under way, after it. That one may have begun before the news."""
        while not self._stopping.is_set():
            try:
                self._on_news()
                return
            except ReplicaBusy:
                self._stopping.wait(BUSY_PAUSE_S)
            except FINAL:
                raise
            except SyncError:
                return  # offline again: the next connection brings it


def read_events(lines: Iterator[bytes]) -> Iterator[str]:
    """The names of server-sent events (WHATWG HTML, 9.2), of which comments are none."""
    name = ""
    with suppress(UnicodeDecodeError):
        for line in lines:
            text = line.decode().rstrip("\r\n")
            if text.startswith("event:"):
                name = text[6:].strip()
            elif not text and name:
                yield name
                name = ""


def split_lines(parts: Iterator[bytes], line_bytes_max: int = 10_000) -> Iterator[bytes]:
    """Lines of a stream that comes in parts of any size; one without end ends it."""
    rest = b""
    for part in parts:
        *lines, rest = (rest + part).split(b"\n")
        yield from lines
        if len(rest) > line_bytes_max:
            return
