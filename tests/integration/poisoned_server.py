"""A server of its own process that does not survive deciding on whatever names a poison.

usage: python -m tests.integration.poisoned_server PORT DATABASE_URL POISON; the URL is the app's.
"""

import asyncio
import json
import os
import sys
from types import SimpleNamespace
from typing import Any

from granian.constants import Interfaces
from granian.server.embed import Server

from server import connections
from server.app import create_app
from server.connections import Databases
from server.sync import apply as apply_module

SECRET_KEY = b"k" * 32


def plant(poison: str) -> None:
    """End the process, without a word, where a mutation names the poison."""
    decide = apply_module.decide_in_steps

    def die_of_it(mutations: Any, *rest: Any) -> Any:
        if poison in json.dumps(mutations):
            os._exit(9)
        return decide(mutations, *rest)

    apply_module.decide_in_steps = die_of_it


async def serve(port: int, database_url: str) -> None:
    """Until the process ends."""
    connections.use(await Databases.connect({"main": database_url}))
    app = create_app(SimpleNamespace(secret_key=SECRET_KEY), connect=False)  # type: ignore[arg-type]
    await Server(app, "127.0.0.1", port, interface=Interfaces.ASGI, websockets=False, log_enabled=False).serve()


if __name__ == "__main__":
    plant(sys.argv[3])
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2]))
