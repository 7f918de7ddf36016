"""A small HTTP/1.1 server in a thread of its own, on loopback: it can also hang, break off or refuse on demand.

A framework would hide just what must be shown: a body that ends in the middle, a connection that is closed.
"""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 404: "Not Found",
           409: "Conflict", 429: "Too Many Requests", 500: "Internal Server Error", 503: "Service Unavailable"}  # fmt: skip


@dataclass
class Request:
    """What a client sent."""

    method: str
    path: str
    query: str
    headers: dict[str, str]  # names in lower case
    body: bytes


@dataclass
class Response:
    """What is answered; `hang` sends nothing, `drop` closes at once, `cut` in the middle of the body."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    hang: bool = False
    drop: bool = False
    cut: bool = False


class Server:
    """Serves until `stop`; answers are made one at a time."""

    def __init__(self, answer: Callable[[Request], Response], *, port: int = 0) -> None:
        self._answer = answer
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._connections: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._run, name="stripe-simulator", daemon=True)
        self.url = ""

    def start(self) -> "Server":
        self._thread.start()
        self._started.wait(10)
        if not self.url:
            raise OSError(f"the simulator could not listen on port {self._port}")
        return self

    def discard(self) -> None:
        """Let go of a server that was never started."""
        self._loop.close()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            server = self._loop.run_until_complete(
                asyncio.start_server(self._serve, "127.0.0.1", self._port, backlog=512)
            )
            self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            self._started.set()
        try:
            self._loop.run_forever()
            server.close()
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
            self._loop.run_until_complete(asyncio.sleep(0))
            for writer in list(self._connections):
                writer.transport.abort()
            self._loop.run_until_complete(asyncio.sleep(0))
        finally:
            self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            while (request := await _read(reader)) is not None:
                if not await self._respond(writer, request, self._answer(request)):
                    break
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(writer)
            writer.close()

    async def _respond(self, writer: asyncio.StreamWriter, request: Request, response: Response) -> bool:
        if response.hang:
            await asyncio.sleep(3600)
        if response.drop or response.hang:
            return False
        head = [f"HTTP/1.1 {response.status} {REASONS.get(response.status, 'Unknown')}"]
        head.append(f"Content-Type: {response.content_type}")
        head.append(f"Content-Length: {len(response.body)}")
        head.extend(f"{name}: {value}" for name, value in response.headers.items())
        keep = request.headers.get("connection", "").lower() != "close" and not response.cut
        head.append(f"Connection: {'keep-alive' if keep else 'close'}")
        body = response.body[: len(response.body) // 2] if response.cut else response.body
        writer.write("\r\n".join(head).encode() + b"\r\n\r\n" + (b"" if request.method == "HEAD" else body))
        await writer.drain()
        return keep


async def _read(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    path, _, query = target.partition("?")
    return Request(method, path, query, headers, body)
