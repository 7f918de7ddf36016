"""What may stand beside a record: pure, so that REST and sync ask the same."""

import re
from collections.abc import Mapping
from typing import Any, Final

from outrider_sdk.protocol.entities import ENTITIES

from server.errors import refuse

BESIDE: Final = frozenset({"comment", "attachment", "conflict"})
"""Entities that stand beside records, and carry nothing themselves."""
SIZE_MAX_BYTES: Final = 2**40

_SHA256: Final = re.compile("[0-9a-f]{64}")
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*")


def check_record(values: Mapping[str, Any]) -> None:
    """See that a comment or attachment names an entity that can carry one.

    Raises:
        InvalidInput: it names none.
    """
    if values["entity"] not in ENTITIES or values["entity"] in BESIDE:
        raise refuse("entity", "Name the kind of record that it belongs to, such as “order”.")


def check_attachment(values: Mapping[str, Any]) -> None:
    """See that an attachment says what its content is.

    Raises:
        InvalidInput: naming the field.
    """
    check_record(values)
    if not _SHA256.fullmatch(values["sha256"]):
        raise refuse("sha256", "Give the SHA-256 of the content as 64 lower-case hexadecimal digits.")
    if not _MEDIA_TYPE.fullmatch(values["media_type"]):
        raise refuse("media_type", "Give a media type, such as image/jpeg.")
    if not 0 <= values["size_bytes"] <= SIZE_MAX_BYTES:
        raise refuse("size_bytes", "Give the size of the content in bytes.")
