"""Going on as a device of its own, where the file was copied, restored or lost a part of its outbox (protocol 2.7).

The server knows other work under this device's numbers, or misses some that this file no longer has. The replica then
asks, by proof of the device's secret, to be another device: with a number prefix that nobody else has, from a point of
its own history on. The outbox stays as it is; what the server has of it already, it recognises by the digests.

Each step is durable before the next: first the key of the request, then the credentials (the transport keeps them),
then identity and outbox together. A sync that breaks off anywhere is gone on with by the next one, with the same key.
"""

import sqlite3
import uuid
from typing import Any

from outrider_sdk import again, chain, incidents
from outrider_sdk.contact import Contact
from outrider_sdk.errors import Rejected, ReplicaForked
from outrider_sdk.protocol import GENESIS_DIGEST, IncarnationReply, IncarnationRequest, Lost, Point
from outrider_sdk.store import Store

POINTS_MAX = 40


def prepare(store: Store, lost: tuple[int, int | None] | None = None) -> None:
    """Decide, durably, to go on as another device; what is `lost` is stated with it. Again changes nothing.

    Args:
        lost: the first and last number of mutations that are no longer here; None for the last where it is unknown.
    """
    with store.write() as conn:
        if store.meta("incarnation_key") is not None:
            return
        store.set_meta(incarnation_key=str(uuid.uuid4()), lost_from=None, lost_to=None)
        if lost is not None:
            store.set_meta(lost_from=lost[0], lost_to=lost[1])
        if lost is not None and lost[1] is not None:
            chain.begin_anew(store, conn, lost[1] + 1, GENESIS_DIGEST)
        else:
            chain.mend(store, conn)


def is_due(store: Store) -> bool:
    """Whether the replica has decided to go on as another device, and is none yet."""
    return store.meta("incarnation_key") is not None


def request_of(store: Store) -> IncarnationRequest:
    """What the replica asks for; the proof is added by whoever has the secret."""
    with store.read() as conn:
        request: IncarnationRequest = {
            "device_id": store.meta("device_id") or "",
            "key": store.meta("incarnation_key") or "",
            "points": _points(store, conn),
        }
    lost = _lost(store)
    if lost is not None:
        request["lost"] = lost
    return request


def _lost(store: Store) -> Lost | None:
    start, to = store.meta("lost_from"), store.meta("lost_to")
    return None if start is None else {"from": int(start), "to": None if to is None else int(to)}


def _points(store: Store, conn: sqlite3.Connection) -> list[Point]:
    """Numbers and digests of the past, newest first: what was answered, then further and further back."""
    lost_to = store.meta("lost_to")
    if lost_to is not None:
        return [{"number": int(lost_to), "digest": GENESIS_DIGEST}]
    newest = store.meta_int("answered_through")
    wanted = {newest - step for step in (0, *(2**i for i in range(POINTS_MAX)))}
    held = dict(conn.execute("SELECT number, digest FROM sync_outbox WHERE number <= ?", (newest,)).fetchall())
    if newest == store.meta_int("last_number") and store.meta("last_digest") is not None:
        held[newest] = store.meta("last_digest")
    numbers = sorted((wanted & held.keys()) | {min(held, default=0)}, reverse=True)
    points: list[Point] = [{"number": n, "digest": held[n]} for n in numbers if n in held]
    if not points or points[-1]["number"] == 1:
        points.append({"number": 0, "digest": GENESIS_DIGEST})
    return points[-POINTS_MAX:]


def begin(contact: Contact) -> None:
    """Ask the server, and go on as the device that it names.

    Raises:
        ReplicaForked: it refuses; the person must enrol the device again, which hands in the same work.
    """
    store = contact.store
    try:
        reply = contact.transport.begin_incarnation(request_of(store))
    except Rejected as refusal:
        raise ReplicaForked(store.meta_int("last_number")) from refusal
    adopt(store, reply, at=contact.clock())
    contact.incarnation = store.meta_int("incarnation")
    contact.report.begun_anew = True


def adopt(store: Store, reply: IncarnationReply | dict[str, Any], *, at: int) -> None:
    """Become the device of the reply: identity, numbers and outbox change together."""
    with store.write() as conn:
        lost = _lost(store)
        again.hand_in_again(store, conn, reply["after"])
        store.set_meta(
            device_id=reply["device_id"],
            incarnation=reply["incarnation"],
            applied_through=min(store.meta_int("applied_through"), reply["after"]),
            incarnation_key=None,
            lost_from=None,
            lost_to=None,
        )
        store.begin_series(reply["number_prefix"])
        if lost is not None:
            incidents.note(store, "history_lost", at, first=lost["from"], last=lost["to"])
        else:
            incidents.note(store, "began_anew", at, prefix=reply["number_prefix"])
