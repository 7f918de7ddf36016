"""Expected failures: one tree, rendered once as problem details (RFC 9457) by `server.app`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, ClassVar, Final

import msgspec

_UNKNOWN_FIELD: Final = re.compile(r"(?:unknown|missing required) field `([^`]+)`")
_PATH: Final = re.compile(r" - at `(?:key in )?\$\.?([^`]*)`$")


class AppError(Exception):
    """An expected failure that the user can understand and act on.

    `status` is the HTTP status, `code` a stable name for programs; the message is for the user. `extra` members
    go into the problem document beside the standard ones.
    """

    status: ClassVar[int] = 400
    code: ClassVar[str] = "bad_request"

    def __init__(self, message: str, **extra: Any) -> None:
        super().__init__(message)
        self.message = message
        self.extra = extra

    def problem(self) -> dict[str, Any]:
        """The problem document."""
        return write_problem(self.status, self.code, self.message) | self.extra


def write_problem(status: int, code: str, detail: str) -> dict[str, Any]:
    """The members that every problem document has."""
    title = HTTPStatus(status).phrase
    return {"type": "about:blank", "title": title, "status": status, "detail": detail, "code": code}


@dataclass(frozen=True, slots=True)
class FieldError:
    """One bad field of an input: where, and what to do about it."""

    field: str
    message: str


class Problem(msgspec.Struct):
    """What is wrong (RFC 9457). Further members may follow, by `code`."""

    title: str
    status: int
    detail: str
    code: str
    type: str = "about:blank"
    errors: list[FieldError] = []


class InvalidInput(AppError):
    """Fields of the input are wrong; each is named."""

    status = 400
    code = "invalid_input"

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__(
            "; ".join(f"{e.field}: {e.message}" for e in errors),
            errors=[{"field": e.field, "message": e.message} for e in errors],
        )


def refuse(field: str, message: str) -> InvalidInput:
    """The error of one bad field."""
    return InvalidInput([FieldError(field, message)])


def explain_validation(message: str, default: str = "body") -> FieldError:
    """msgspec's message as the error of a field."""
    path = _PATH.search(message)
    unknown = _UNKNOWN_FIELD.search(message)
    names = [path[1] if path else "", unknown[1] if unknown else ""]
    where = ".".join(name for name in names if name)
    return FieldError(where or default, _PATH.sub("", message).replace("`", "") + ".")


class Unauthorized(AppError):
    """No valid token, password or code came with the request."""

    status = 401
    code = "unauthorized"


class Forbidden(AppError):
    """The person is known, and may not do this."""

    status = 403
    code = "forbidden"


class NotFound(AppError):
    """No such thing, or not in the user's sight: both read the same, so that nobody can probe."""

    status = 404
    code = "not_found"

    def __init__(self, message: str = "There is nothing here under that address, or you may not see it.") -> None:
        super().__init__(message)


class Conflict(AppError):
    """The request contradicts the present state."""

    status = 409
    code = "conflict"


class PreconditionFailed(AppError):
    """The row is no longer as the writer saw it; `revision` is the present one."""

    status = 412
    code = "precondition_failed"

    def __init__(self, revision: int) -> None:
        super().__init__(
            f"The row has changed meanwhile: its revision is {revision} now. Read it again, then decide.",
            revision=revision,
        )


class TooManyRequests(AppError):
    """The caller's share of requests is used up; try again in `retry_after_s` seconds."""

    status = 429
    code = "too_many_requests"

    def __init__(self, *, retry_after_s: int) -> None:
        super().__init__(
            f"Too many requests. Go on in {retry_after_s} s, and send fewer a minute, or several in one: /bulk.",
            retry_after_s=retry_after_s,
        )
        self.retry_after_s = retry_after_s


class TooLarge(AppError):
    """The body exceeds its limit."""

    status = 413
    code = "too_large"


class DatabaseFull(AppError):
    """The database has no room; nothing of what was asked was written."""

    status = 507
    code = "storage_full"

    def __init__(self) -> None:
        super().__init__("The server has no room left. Nothing was written: tell your operator, then try again.")


class Busy(AppError):
    """The tenant's writers are queueing; try again in `retry_after_s` seconds."""

    status = 503
    code = "busy"

    def __init__(
        self, message: str = "Others are writing just now. Try again in a moment.", *, retry_after_s: int = 2
    ) -> None:
        super().__init__(message, retry_after_s=retry_after_s)
        self.retry_after_s = retry_after_s
