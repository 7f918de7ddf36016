"""Failures on demand: which of the next requests go wrong, and how."""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from tests.stripe.http import Response


@dataclass
class Fault:
    """What becomes of the next `times` requests whose `METHOD /path` matches.

    `after_effect`: Stripe did what was asked and saved the answer under the idempotency key, but the client does not
    get it; otherwise nothing happened.
    """

    pattern: str
    status: int = 500
    times: int = 1
    after_effect: bool = False
    hang: bool = False
    cut: bool = False

    def matches(self, method: str, path: str) -> bool:
        """Whether this request is meant; a pattern without method means every method, and paths below it too."""
        if self.times <= 0:
            return False
        wanted_method, _, wanted = self.pattern.rpartition(" ")
        if wanted_method and wanted_method.lower() != method:
            return False
        return fnmatchcase(path, wanted) or path.startswith(wanted.rstrip("/") + "/")


def failure(fault: Fault, body: bytes) -> Response:
    """What the client gets of it."""
    if fault.hang:
        return Response(200, b"", hang=True)
    if fault.cut:
        return Response(200, body, cut=True)
    kind, code, message = {
        429: ("invalid_request_error", "rate_limit", "Request rate limit exceeded."),
        409: ("invalid_request_error", "lock_timeout", "This object cannot be accessed right now."),
    }.get(fault.status, ("api_error", "", "An unknown error occurred."))
    text = f'{{"error": {{"type": "{kind}", "code": "{code}", "message": "{message}"}}}}'
    return Response(fault.status, text.encode())
