"""Bodies of requests, decoded strictly: Litestar would take "5" for 5."""

from typing import TypeVar

import msgspec

from server.errors import FieldError, InvalidInput

T = TypeVar("T")


def read_body(body: bytes, wanted: type[T]) -> T:
    """Decode a body. What msgspec finds wrong with it is rendered by the app.

    Raises:
        InvalidInput: it is no UTF-8, or nested too deep.
    """
    try:
        return msgspec.json.decode(body, type=wanted)
    except UnicodeDecodeError:
        raise InvalidInput([FieldError("body", "Send JSON in UTF-8.")]) from None
    except RecursionError:
        raise InvalidInput([FieldError("body", "Send JSON that is nested less deep.")]) from None
