"""Downloading a snapshot over HTTP (protocol 13)."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from outrider_sdk.errors import Offline, Rejected

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

READ_BYTES = 256 * 1024
Take = Callable[[bytes], None]


@runtime_checkable
class SnapshotTransport(Protocol):
    """What snapshots need of a network; over a transport without it, a pull does with pages."""

    def snapshot_part(self, snapshot_id: str, start: int, take: Take) -> int:
        """`GET /sync/snapshots/{id}` from a byte on, as many as the server gives at once; the size of the whole.

        What arrived was taken, also where this raises: the next call goes on from there.
        """


class SnapshotCalls:
    """The same over an `HttpTransport`, which this is mixed into."""

    with_token: Callable[[Callable[[str], Any]], Any]
    request: Callable[..., "BaseHTTPResponse"]
    ask_ahead: Callable[[], None]
    bytes_received: int

    def snapshot_part(self, snapshot_id: str, start: int, take: Take) -> int:
        """See `SnapshotTransport`."""
        from urllib3.exceptions import HTTPError

        path, headers = f"/sync/snapshots/{snapshot_id}", {"Range": f"bytes={start}-", "Accept-Encoding": "identity"}
        response = self.with_token(lambda token: self.request("GET", path, b"", headers, token))
        try:
            if response.status != 206:
                raise Rejected(response.status, "range_ignored", "Something on the way sends no ranges.")
            self.ask_ahead()
            for part in response.stream(READ_BYTES, decode_content=False):
                self.bytes_received += len(part)
                take(part)
            return int(response.headers.get("Content-Range", "").rpartition("/")[2])
        except (HTTPError, ValueError) as error:
            raise Offline(f"The connection broke off ({type(error).__name__}). What arrived is kept.") from error
        finally:
            response.release_conn()
