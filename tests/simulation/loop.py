"""Running the server's coroutines, which never wait here."""

import asyncio
from asyncio import events
from collections.abc import Coroutine
from typing import Any, Self

_LOOP = asyncio.new_event_loop()


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that never waits, though it may make futures of a loop."""
    events._set_running_loop(_LOOP)
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    finally:
        events._set_running_loop(None)
    raise RuntimeError("it waited")


class AtOnce:
    """Stands in for `server.sync.beside.Beside`: nothing waits here."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing is under way."""

    async def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it."""
        await work
