"""Running the server's coroutines, which never wait here."""

import asyncio
from asyncio import events
from collections.abc import Coroutine
from typing import Any

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
