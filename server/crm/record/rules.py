"""What may stand beside a record: pure, so that REST and sync ask the same."""

import re
from collections.abc import Mapping
from typing import Any, Final

from outrider_sdk.protocol.attachments import CONTENT_BYTES_MAX, MEDIA_TYPES
from outrider_sdk.protocol.entities import ENTITIES

from server.errors import refuse

BESIDE: Final = frozenset({"comment", "attachment", "conflict"})
"""Entities that stand beside records, and carry nothing themselves."""

_SHA256: Final = re.compile("[0-9a-f]{64}")


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
    if values["media_type"] not in MEDIA_TYPES:
        raise refuse("media_type", "Files of this type are not taken: use a picture, a document, audio or video.")
    if not 0 <= values["size_bytes"] <= CONTENT_BYTES_MAX:
        raise refuse("size_bytes", f"A file has at most {CONTENT_BYTES_MAX // 1024**2} MiB. Make it smaller.")
