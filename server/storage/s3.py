"""Files in a bucket of S3, or of a service that speaks like it. Only here is obstore known."""

import logging
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from server.storage.files import CHUNK_BYTES, FilesUnavailable, Kept, NotKept, clean_key

TIMEOUT: Final = "60s"
ATTEMPTS_MAX: Final = 4

_log = logging.getLogger(__name__)


class S3Files:
    """`s3://bucket/prefix?region=…&endpoint=…`: keys below the prefix.

    Credentials are the environment's (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, …) or the machine's role.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query))
        endpoint = options.get("endpoint")
        config: dict[str, Any] = {"region": options.get("region", "us-east-1")}
        if endpoint:
            config["endpoint"] = endpoint
        self._store = S3Store(
            parts.netloc,
            prefix=parts.path.strip("/") or None,
            client_options={"allow_http": bool(endpoint and endpoint.startswith("http://")), "timeout": TIMEOUT},
            retry_config={"max_retries": ATTEMPTS_MAX},
            **config,
        )

    async def put(self, key: str, parts: AsyncIterable[bytes]) -> int:
        """See `Files`. Larger files go in several parts; S3 shows none of them before the last."""
        size = 0

        async def counted() -> AsyncIterator[bytes]:
            nonlocal size
            async for part in parts:
                size += len(part)
                yield part

        with _named_errors():
            await obstore.put_async(self._store, clean_key(key), counted())
        return size

    async def open(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """See `Files`."""
        if end is not None and end <= start:
            return
        wanted: Any = {"offset": start} if end is None else (start, end)
        with _named_errors(key):
            found = await obstore.get_async(self._store, clean_key(key), options={"range": wanted})
            async for part in found.stream(min_chunk_size=CHUNK_BYTES):
                yield bytes(part)

    async def find(self, key: str) -> Kept | None:
        """See `Files`."""
        try:
            with _named_errors(key):
                return _kept(await obstore.head_async(self._store, clean_key(key)))
        except NotKept:
            return None

    async def delete(self, key: str) -> None:
        """See `Files`."""
        try:
            with _named_errors(key):
                await obstore.delete_async(self._store, clean_key(key))
        except NotKept:
            return

    async def list(self, prefix: str) -> AsyncIterator[Kept]:
        """See `Files`."""
        with _named_errors():
            async for batch in obstore.list(self._store, clean_key(prefix)):
                for each in batch:
                    yield _kept(each)


def _kept(found: Any) -> Kept:
    return Kept(found["path"], found["size"], found["last_modified"])


@contextmanager
def _named_errors(key: str = "") -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise NotKept(key) from None
    except BaseError as error:
        _log.warning("The bucket failed: %s", error)
        raise FilesUnavailable from error
