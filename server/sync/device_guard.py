"""Who may come through a device's doors: a device, and not in a hurry."""

from uuid import UUID

from server.auth.rate_limit import RateCounter
from server.auth.session import Session
from server.errors import AppError, Forbidden, TooManyRequests

DEVICE_REQUESTS_PER_MINUTE = 1_200
"""Of pushes, pulls, checksums and ranges together. A client that waits for its answers does not get there."""
_requests = RateCounter()


class DeviceTooFast(TooManyRequests):
    """The device asks more often than any client that waits for its answers."""

    def __init__(self, *, retry_after_s: int) -> None:
        detail = f"This device asks without a pause. Go on in {retry_after_s} s; what it holds is kept."
        AppError.__init__(self, detail, retry_after_s=retry_after_s)
        self.retry_after_s = retry_after_s


def require_device(session: Session) -> UUID:
    """The device that is asking.

    Raises:
        Forbidden: it is a person.
        DeviceTooFast: it asks without a pause.
    """
    if session.actor.device_id is None:
        raise Forbidden("Only an enrolled device syncs. Use the REST API with this token.")
    allowance = _requests.take(session.actor.device_id, DEVICE_REQUESTS_PER_MINUTE)
    if allowance.remaining < 0:
        raise DeviceTooFast(retry_after_s=allowance.reset_s)
    return session.actor.device_id
