"""Who may come through a device's doors: a device that is trusted, and not in a hurry."""

from uuid import UUID

from server.auth.devices import DeviceRevoked
from server.auth.rate_limit import RateCounter
from server.auth.service import Standing, find_standing
from server.auth.session import Session
from server.auth.wipes import WipeOrdered
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


async def get_standing(session: Session, device_id: UUID) -> Standing:
    """What the device's member may see at this moment, which the session may be half a minute late with (tenant).

    Raises:
        DeviceRevoked: the device, or its member, may no longer sync.
        WipeOrdered: it is to erase what it holds, in place of getting more.
    """
    standing = await find_standing(session.member_id, device_id)
    if standing is None or not (standing.active and standing.device_trusted):
        raise DeviceRevoked
    if standing.wipe is not None:
        raise WipeOrdered(now=standing.wipe == "now")
    return standing
