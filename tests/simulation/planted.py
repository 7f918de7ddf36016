"""Planted bugs: each a mistake that a sync engine can make. The simulator must find every one of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from outrider_sdk import reveal

from server.sync import changes
from tests.simulation.network import FaultyTransport
from tests.simulation.server import MemoryServer, Transaction


@contextmanager
def drop_the_lock() -> Iterator[None]:
    """The counter is raised, and not locked until commit: a slow writer commits behind a reader's cursor."""

    def begin(server: MemoryServer) -> Transaction:
        server.counter += 1
        return Transaction(server.counter, server.clock())

    with patch.object(MemoryServer, "begin", begin):
        yield


@contextmanager
def save_the_cursor_before_the_rows() -> Iterator[None]:
    """The device stores how far it is in one transaction, and what it got in the next."""
    shown = reveal.reveal

    def early(store: Any, page: Any, asked_from: int, **facts: Any) -> Any:
        with store.write():
            store.set_meta(cursor=page["cursor"])
        return shown(store, page, page["cursor"], **facts)

    with patch.object(reveal, "reveal", early):
        yield


@contextmanager
def acknowledge_before_commit() -> Iterator[None]:
    """The server answers, and commits afterwards; where it ends in between, the device believes it was kept."""

    def deliver(transport: FaultyTransport, request: Any) -> Any:
        transaction = transport.server.begin_push(transport.device_id, request)
        transport.interleave()
        if transport.chance.random() < 0.1 and not transport.healed:
            transport.server.abort(transaction)
        else:
            transport.server.commit(transaction)
        return transaction.reply

    with patch.object(FaultyTransport, "deliver", _with_errors(deliver)):
        yield


def _with_errors(deliver: Callable[..., Any]) -> Callable[..., Any]:
    """The replies of the real `deliver` where a push is not taken."""
    from outrider_sdk.errors import Rejected, ReplicaForked, ServerUnavailable

    from server.errors import AppError
    from tests.simulation.server import Locked

    def wrapped(transport: FaultyTransport, request: Any) -> Any:
        try:
            return deliver(transport, request)
        except Locked:
            raise ServerUnavailable("busy") from None
        except AppError as error:
            if error.code == "forked":
                raise ReplicaForked(error.extra["number"]) from None
            raise Rejected(error.status, error.code, error.message, error.extra) from None

    return wrapped


@contextmanager
def forget_the_base() -> Iterator[None]:
    """What the person saw when typing is not looked at: the last push wins."""
    with patch.object(changes, "is_conflict", lambda stamp, *, base, device_id: False):
        yield


@contextmanager
def skip_a_drop() -> Iterator[None]:
    """The device puts what comes, and forgets to remove what goes."""
    with patch.object(reveal, "_drop", lambda conn, entity: None):
        yield


PLANTED = (drop_the_lock, save_the_cursor_before_the_rows, acknowledge_before_commit, forget_the_base, skip_a_drop)
