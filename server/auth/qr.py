"""The enrolment code as an address, and as a QR code of it. Only here is segno known."""

import io
from typing import Final
from urllib.parse import quote

import segno

_SVG_SCALE: Final = 4
_PNG_SCALE: Final = 6


def enrolment_url(base_url: str, slug: str, code: str) -> str:
    """What the QR code says. The code is in the fragment, which no server gets to see, nor its log."""
    return f"{base_url}/t/{quote(slug)}/enrol#{quote(code)}"


def as_svg(url: str) -> str:
    """The QR code as an SVG element, to stand in a page."""
    return str(segno.make(url, micro=False).svg_inline(scale=_SVG_SCALE))


def as_png_uri(url: str) -> str:
    """The QR code as a PNG in a `data:` address, for an image of a page or a mail."""
    return str(segno.make(url, micro=False).png_data_uri(scale=_PNG_SCALE))


def as_text(url: str) -> str:
    """The QR code in characters, for a terminal."""
    out = io.StringIO()
    segno.make(url, micro=False).terminal(out=out, compact=True)
    return out.getvalue()
