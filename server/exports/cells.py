"""Cells of CSV files that spreadsheets must not take for formulas (OWASP, CSV injection). Pure.

A cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage return gets an apostrophe in front, and so does one that
would be taken for such a cell later: `restore` undoes `neutralise` for every text there is.
"""

import re
from typing import Final

_DANGEROUS: Final = re.compile(r"'*[=+\-@\t\r]")
_NEUTRALISED: Final = re.compile(r"'+[=+\-@\t\r]")


def neutralise(text: str) -> str:
    """The text as it may stand in a CSV file."""
    return f"'{text}" if _DANGEROUS.match(text) else text


def restore(text: str) -> str:
    """What was neutralised."""
    return text[1:] if text[:1] == "'" and _NEUTRALISED.match(text) else text
