"""Jobs of the directory: they need the owner's URLs of the databases, which the worker has."""

from collections.abc import Mapping
from typing import Final

import dramatiq

from server.broker import enqueue
from server.tenants.service import keep_spares

BUILD_TIME_LIMIT_MS: Final = 300_000

_owner_urls: Mapping[str, str] | None = None


def use(owner_urls: Mapping[str, str] | None) -> None:
    """Make these the owner's URLs of the process's jobs (at start-up; None at shutdown)."""
    global _owner_urls
    _owner_urls = owner_urls


def owner_urls() -> Mapping[str, str]:
    """The owner's URL of each database."""
    if _owner_urls is None:
        raise RuntimeError("Jobs of tenants are not set up: call server.tenants.jobs.use() at start-up.")
    return _owner_urls


async def enqueue_spares() -> None:
    """Have spares built ahead again, once the open platform transaction has committed."""
    await enqueue(build_spares.message())


@dramatiq.actor(queue_name="tenants", time_limit=BUILD_TIME_LIMIT_MS)
async def build_spares() -> None:
    """Build tenants ahead until each database has enough; two of it at once build a few more than that."""
    await keep_spares(owner_urls())
