"""The web server process."""

import asyncio
import logging
import os
import signal
from typing import Any, Final

from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

from server.cli.collecting import settle

STOP_TIMEOUT_S: Final = 8.0
"""Requests under way may take so long; event streams never end by themselves."""

CONNECTIONS_MAX: Final = 12_000
"""Open at once; of them, up to 10,000 are devices that listen for news. Left to itself, Granian takes 128."""
BACKLOG: Final = 1_024
HTTP: Final = HTTPModes.http1
"""HTTP/2 is the proxy's that ends TLS. To understand both would cost 12 KB more for each open connection."""

_log = logging.getLogger(__name__)


def run_web(app: Any, *, host: str, port: int) -> None:
    """Serve an ASGI application until SIGTERM or SIGINT, in this one process."""
    settle()
    asyncio.run(_serve(app, host, port))


async def _serve(app: Any, host: str, port: int) -> None:
    server = Server(
        app,
        host,
        port,
        interface=Interfaces.ASGI,
        http=HTTP,
        websockets=False,
        log_enabled=False,
        backlog=BACKLOG,
        backpressure=CONNECTIONS_MAX,
    )
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    serving = asyncio.create_task(server.serve())
    waiting = asyncio.create_task(stopping.wait())
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        waiting.cancel()
        serving.result()
        raise RuntimeError("The web server stopped by itself: see above.")
    server.stop()  # type: ignore[no-untyped-call]
    done, _ = await asyncio.wait({serving}, timeout=STOP_TIMEOUT_S)
    if not done:
        _log.warning("Closing the connections that are still open.")
        os._exit(0)
