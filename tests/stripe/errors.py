"""Errors in the shape in which Stripe answers them."""

from typing import Any


class StripeProblem(Exception):
    """An answer other than 200; `type` and `code` are Stripe's own words."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        type: str = "invalid_request_error",  # noqa: A002  (Stripe's name)
        code: str | None = None,
        param: str | None = None,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = {
            key: value
            for key, value in {"type": type, "code": code, "message": message, "param": param, **more}.items()
            if value is not None
        }


class Unmodelled(StripeProblem):
    """Stripe knows this, the simulator doesn't: it says so, rather than ignoring what was asked."""

    def __init__(self, what: str) -> None:
        super().__init__(f"The simulator does not model {what}: add it in tests/stripe.", code="simulator_unmodelled")


def missing(kind: str, object_id: str, param: str = "id", *, status: int = 404) -> StripeProblem:
    """No object of the kind has the id."""
    return StripeProblem(f"No such {kind}: '{object_id}'", status=status, code="resource_missing", param=param)


def card_declined(code: str, decline_code: str | None, **more: Any) -> StripeProblem:
    """A 402, as a declined card gives it."""
    messages = {
        "card_declined": "Your card was declined.",
        "expired_card": "Your card has expired.",
        "authentication_required": "Your card was declined. This transaction requires authentication.",
    }
    message = messages.get(code, "Your card was declined.")
    if decline_code == "insufficient_funds":
        message = "Your card has insufficient funds."
    return StripeProblem(message, status=402, type="card_error", code=code, decline_code=decline_code, **more)
