"""What a lease says: until when, and how the tenant's plan stands. Pure.

A lease ends after so long without contact, or at the moment from which the tenant may not write by what it pays,
whichever comes first. Only the first counts against work: for what is not paid the server knows better than the device.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from server.tenants.entitlements import Entitlement, current


def claims_of(until: datetime, now: datetime, steps: Sequence[Entitlement]) -> dict[str, Any]:
    """What a lease says beside whose it is: its end, and how the tenant's plan stands.

    Args:
        until: its end without contact.
        steps: of the tenant; none where nobody bills it.
    """
    iat, contact = int(now.timestamp()), int(until.timestamp())
    if not steps:
        return {"iat": iat, "exp": contact, "state": "active"}
    held = current(steps, now)
    said = {
        "state": held.state,
        "plan": held.plan,
        "plan_version": held.plan_version,
        "limits": {"sync_interval_s": held.sync_interval_s},
    }
    closed = _closes_at(steps, now)
    if closed is None or closed >= contact:
        return {"iat": iat, "exp": contact} | said
    return {"iat": iat, "exp": max(iat, closed), "contact_exp": contact} | said


def _closes_at(steps: Sequence[Entitlement], now: datetime) -> int | None:
    """The second from which the tenant may not write; now, where it may not; None where that is not known to come."""
    if not current(steps, now).may_write:
        return int(now.timestamp())
    closed = [step.starts_at for step in steps if step.starts_at and step.starts_at > now and not step.may_write]
    return int(min(closed).timestamp()) if closed else None
