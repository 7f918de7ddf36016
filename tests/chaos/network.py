"""A bad network between phones and servers: a proxy on a loopback port that cuts, delays, loses and repeats."""

import asyncio
import random
import threading
from collections import Counter
from typing import Final, Self

CHUNK_BYTES: Final = 65_536
REPEATED_BYTES_MAX: Final = 4_000_000
WEIGHTS: Final = {
    "passed on": 60, "request lost": 4, "request cut": 4, "reply lost": 8, "reply cut": 6, "slow": 8, "sent twice": 10,
}  # fmt: skip

Way = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Network:
    """The way to the servers, as a context; `url` is what phones are told.

    Each exchange of a connection meets a fate of its own: see `WEIGHTS`. What is *sent twice* is sent once more by
    itself, up to a second later, to any of the servers, and nobody hears the answer.

    Args:
        ports: of the servers, on loopback; a connection goes to any that takes it.
    """

    def __init__(self, ports: list[int], seed: str) -> None:
        self._ports = ports
        self._chance = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="network", daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()
        self.is_bad = self.is_there = True
        self.fates: Counter[str] = Counter()
        """What happened, and how often."""
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        listening = asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(listening, self._loop).result(10)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _close(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        up: Way | None = None
        try:
            request = await reader.read(CHUNK_BYTES)
            up = await self._reach()
            while request and up is not None:
                request = await self._exchange(request, (reader, writer), up)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for end in (writer, up[1] if up else None):
                if end is not None:
                    end.transport.abort()
            self._tasks.discard(task)

    async def _reach(self) -> Way | None:
        """A connection to some server; None where none takes it, or there is no network."""
        if not self.is_there:
            return None
        for port in self._chance.sample(self._ports, len(self._ports)):
            try:
                return await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                continue
        return None

    async def _exchange(self, request: bytes, phone: Way, up: Way) -> bytes:
        """One request and its answer; returns the next request, or nothing where the connection ends."""
        fate = self._draw()
        self.fates[fate] += 1
        if fate == "request lost":
            return b""
        if fate == "request cut":
            up[1].write(request[: self._chance.randrange(len(request))])
            await up[1].drain()
            return b""
        if fate == "slow":
            await asyncio.sleep(self._chance.uniform(0.05, 0.5))
        up[1].write(request)
        sent, answer = await self._until_answered(request, phone[0], up)
        if fate == "sent twice" and len(sent) < REPEATED_BYTES_MAX:
            task = self._loop.create_task(self._repeat(sent, self._chance.uniform(0, 1)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if fate == "reply lost" or not answer:
            return b""
        if fate == "reply cut":
            phone[1].write(answer[: self._chance.randrange(len(answer))])
            await phone[1].drain()
            return b""
        return await self._pass_on(answer, phone, up)

    def _draw(self) -> str:
        if not self.is_bad:
            return "passed on"
        return self._chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]

    async def _until_answered(self, request: bytes, reader: asyncio.StreamReader, up: Way) -> tuple[bytes, bytes]:
        """Pass the rest of the request on until the server says something: what was sent, and its first words."""
        sent = bytearray(request)
        answer = asyncio.ensure_future(up[0].read(CHUNK_BYTES))
        try:
            while not answer.done():
                more = asyncio.ensure_future(reader.read(CHUNK_BYTES))
                await asyncio.wait({answer, more}, return_when=asyncio.FIRST_COMPLETED)
                if not more.done():
                    more.cancel()
                    await asyncio.wait({more})
                    if more.cancelled():
                        break
                if not more.result():  # the phone is gone: so is its question
                    return bytes(sent), b""
                sent += more.result()
                up[1].write(more.result())
            return bytes(sent), await answer
        finally:
            answer.cancel()

    async def _pass_on(self, answer: bytes, phone: Way, up: Way) -> bytes:
        """The answer to its end: until the phone asks for something more, which is returned, or an end is closed."""
        phone[1].write(answer)
        while True:
            more = asyncio.ensure_future(up[0].read(CHUNK_BYTES))
            asked = asyncio.ensure_future(phone[0].read(CHUNK_BYTES))
            done, pending = await asyncio.wait({more, asked}, return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)
            if more in done:
                if not (part := more.result()):
                    return b""
                phone[1].write(part)
                await phone[1].drain()
            if asked in done:
                return asked.result()

    async def _repeat(self, sent: bytes, after_s: float) -> None:
        await asyncio.sleep(after_s)
        way = await self._reach()
        if way is None:
            return
        try:
            way[1].write(sent)
            async with asyncio.timeout(5):
                await way[0].read(CHUNK_BYTES)
        except (OSError, TimeoutError):
            pass
        finally:
            way[1].transport.abort()


__all__ = ["Network"]
