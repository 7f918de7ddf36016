"""Images as phones and scanners make them."""

import io
from typing import Any

from PIL import Image


def photo(width: int, height: int, form: str = "JPEG", mode: str = "RGB", **more: Any) -> bytes:
    out = io.BytesIO()
    Image.new(mode, (width, height), "red").save(out, form, **more)
    return out.getvalue()
