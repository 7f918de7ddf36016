"""The application under test: one for all files of a process, as making it costs more than most tests do."""

from types import SimpleNamespace
from typing import Any, Final

from server.app import create_app

WEBHOOK_SECRET: Final = "whsec_of_the_tests"
CONFIG: Final[Any] = SimpleNamespace(
    secret_key=b"k" * 32, base_url="https://crm.example", stripe_webhook_secret=WEBHOOK_SECRET, webhook_networks=()
)
APP: Final = create_app(CONFIG, connect=False)


async def forget_requests() -> None:
    """Nobody has asked for anything yet: what its limits for each address have counted is forgotten."""
    await APP.stores.get("rate_limit").delete_all()
