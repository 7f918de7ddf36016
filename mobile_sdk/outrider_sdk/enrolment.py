"""Making a device known to a server, and what the server answers: its credentials (protocol 2)."""

import secrets
from collections.abc import Mapping
from typing import Any

from outrider_sdk.credentials import Credentials, CredentialStore
from outrider_sdk.errors import ForeignCredentials, NotEnrolled
from outrider_sdk.http import Http
from outrider_sdk.replies import check_reply

ADMISSION = ("device_id", "member_id", "incarnation", "number_prefix", "refresh_token", "access_token")
"""What the server says of a device that it has just made."""


def loaded(store: CredentialStore) -> Credentials:
    credentials = store.load()
    if credentials is None:
        raise NotEnrolled("This device is not enrolled. Ask your administrator for a code, and enrol it.")
    return credentials


def enrol(
    credentials: CredentialStore,
    *,
    server: str,
    tenant: str,
    code: str | None = None,
    lease: str | None = None,
    secret: str | None = None,
    name: str = "device",
    previous: Mapping[str, Any] | None = None,
    member_id: str | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Make this device known to the server by a one-time code, keep what it answers, and return that (protocol 2.1).

    Args:
        lease: in place of a code, at a server that was restored; with the `secret` that the device has.
        previous: what a replica that was enrolled before goes on from (`incarnation.request_of`, with its proof).
        member_id: whose the replica is; another person's code is of no use to it.

    Raises:
        Rejected: the code is used, expired or unknown.
        Offline: no answer came; where it was the answer that got lost, the code is used up, and another is needed.
        NotEnrolled: the server's address is not https.
        ForeignCredentials: the code was drawn for another person. It is used up.
    """
    http = Http(server, **({"attempts_max": 1} if lease is None else {}) | options)  # a code works once
    secret = secret or secrets.token_urlsafe(32)
    admission = {"code": code} if lease is None else {"lease": lease}
    message = {"name": name, "secret": secret, **admission, **({"previous": previous} if previous else {})}
    try:
        reply = http.post(f"/t/{tenant}/devices/enrol", message)
    finally:
        http.close()
    made = admitted(reply, http.server, tenant, secret)
    check_reply(reply, ("after",) if previous else ())
    if member_id not in (None, made.member_id):
        raise ForeignCredentials("This code is another person's, and the work on this device is not theirs.")
    credentials.save(made)
    return reply


def admitted(reply: Mapping[str, Any], server: str, slug: str, secret: str, origin_id: str = "") -> Credentials:
    """The credentials of a device that the server has just made.

    Raises:
        ProtocolViolation: it says something else.
    """
    check_reply(reply, ADMISSION)
    lease, lease_key = lease_of(reply)
    return Credentials(
        server=server,
        slug=slug,
        secret=secret,
        origin_id=origin_id,
        lease=lease,
        lease_key=lease_key,
        **{name: reply[name] for name in ADMISSION},
    )


def lease_of(reply: Mapping[str, Any]) -> tuple[str, str]:
    """The lease of a reply that was checked, and the key that verifies it."""
    lease = reply.get("lease") or {"token": "", "key": ""}
    return lease["token"], lease["key"]
