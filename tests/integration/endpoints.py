"""Every endpoint of the API, from its OpenAPI document: what tests that try all of them ask with."""

import re
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import msgspec
from outrider_sdk.protocol.ids import uuid7

from server.api_document import describe_api
from server.app import create_app

_APP = create_app(SimpleNamespace(secret_key=b"k" * 32), connect=False)
PATHS: dict[str, dict[str, Any]] = msgspec.json.decode(msgspec.json.encode(describe_api(_APP)))["paths"]
BODIES = {"handover": {"successor_id": str(uuid7())}, "settlement": {"choice": "keep"}}
"""Bodies of acts that need one, by the end of their path."""
QUERIES = {"/external-ids": {"entity": "account", "row_id": str(uuid7())}}
"""What a list cannot do without."""


def is_of_strangers(path: str) -> bool:
    """Whether the path is for people who are not logged in: those of sign-up have a test of their own."""
    return "/t/{" in path or path.startswith("/sign-up")


OPERATIONS = [
    (method.upper(), path) for path, methods in PATHS.items() for method in methods if not is_of_strangers(path)
]


def fill(path: str, value: UUID | int) -> str:
    """The path with a value in the place of each of its parameters."""
    return re.sub(r"\{[^}]*\}", str(value), path)
