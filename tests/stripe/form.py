"""Decodes the nested forms that the SDK sends: `items[0][price]=price_1&metadata[a]=b`."""

import re
from typing import Any
from urllib.parse import parse_qsl

from tests.stripe.errors import StripeProblem

_PARTS = re.compile(r"\[([^\[\]]*)\]")


def decode_form(text: str) -> dict[str, Any]:
    """Nested mappings; lists are mappings by index, or lists where the key ended in `[]`."""
    found: dict[str, Any] = {}
    for key, value in parse_qsl(text, keep_blank_values=True):
        name, bracket, rest = key.partition("[")
        path = [name, *_PARTS.findall(bracket + rest)]
        _put(found, path, value)
    return found


def _put(into: dict[str, Any], path: list[str], value: str) -> None:
    *parents, last = path
    if last == "" and parents:
        *parents, name = parents
        _walk(into, parents).setdefault(name, []).append(value)
        return
    _walk(into, parents)[last] = value


def _walk(into: dict[str, Any], path: list[str]) -> dict[str, Any]:
    for name in path:
        into = into.setdefault(name, {})
        if not isinstance(into, dict):
            raise StripeProblem(f"Invalid array or object: {name}", param=name)
    return into
