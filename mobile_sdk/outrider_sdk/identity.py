"""Whose a replica is: the device that its credentials name, written into the file once."""

import re
from typing import Any
from urllib.parse import unquote, urlsplit

from outrider_sdk import incarnation
from outrider_sdk.credentials import CredentialStore
from outrider_sdk.errors import DeviceRevoked, ForeignCredentials, InvalidValue, Rejected
from outrider_sdk.ids import Clock
from outrider_sdk.store import Store


def identify(store: Store, credentials: CredentialStore) -> None:
    """Write into a new replica whose it is; see that an older one is the same device's.

    A file that is of another incarnation of the same device is an older copy: with the next sync, it goes on as a
    device of its own.

    Raises:
        ForeignCredentials: it is of another device.
    """
    known = credentials.load()
    if known is None or incarnation.is_due(store):
        return
    mine = store.meta("device_id")
    if mine is None:
        with store.write():
            store.set_meta(
                device_id=known.device_id,
                incarnation=known.incarnation,
                member_id=known.member_id,
                number_prefix=known.number_prefix,
                origin_id=known.origin,
            )
    elif mine == known.device_id and store.meta_int("incarnation") == known.incarnation:
        return
    elif store.meta("origin_id") == known.origin and mine != known.device_id:
        incarnation.prepare(store)
    else:
        raise ForeignCredentials(
            f"{store.path} belongs to another enrolment ({mine}) than its credentials "
            f"({known.device_id}). Open it with its own, or name a new file."
        )


def read_enrolment_url(url: str) -> tuple[str, str, str]:
    """Server, tenant and code of what an enrolment's QR code says.

    Raises:
        InvalidValue: it says something else.
    """
    try:
        parts = urlsplit(url.strip())
    except ValueError:  # such as half an IPv6 address
        parts = urlsplit("")
    found = re.fullmatch(r"(.*)/t/([^/]+)/enrol", parts.path)
    if found is None or not parts.netloc or not parts.fragment:
        raise InvalidValue("enrolment", "url", "this is no QR code of an enrolment; ask for another, or type the code")
    return f"{parts.scheme}://{parts.netloc}{found[1]}", unquote(found[2]), unquote(parts.fragment)


def come_back(store: Store, credentials: CredentialStore, clock: Clock) -> bool:
    """Be let in again by a server that was restored, and lost this device: by its last lease (protocol 2.9).

    Returns:
        False where the server wants a code, or there is no lease.
    """
    held = credentials.load()
    if held is None or not held.lease:
        return False
    try:
        enrol(store, credentials, clock, server=held.server, tenant=held.slug, lease=held.lease, secret=held.secret)
    except (Rejected, DeviceRevoked):
        return False
    return True


def enrol(store: Store, credentials: CredentialStore, clock: Clock, **where: Any) -> None:
    """Make the replica's device known by a one-time code; one that was a device before goes on from what it holds."""
    from outrider_sdk import enrolment

    if store.meta("device_id") is None:
        enrolment.enrol(credentials, clock=clock, **where)
        identify(store, credentials)
        return
    incarnation.prepare(store)
    previous = incarnation.request_of(store)
    known = credentials.load()
    if known is not None:
        previous["proof"] = known.proof(previous["key"])
    reply = enrolment.enrol(credentials, clock=clock, previous=previous, member_id=store.meta("member_id"), **where)
    incarnation.adopt(store, reply, at=clock())
    with store.write():
        store.set_meta(origin_id=reply["device_id"], quarantined_through=None, quarantine_refused=None)
