"""Small pictures of images. Only here is Pillow known, and only to the formats that it must read."""

import io
from typing import Final

from PIL import Image, ImageOps, UnidentifiedImageError

EDGE_PIXELS: Final = 320
PIXELS_MAX: Final = 60_000_000
"""An image that claims more is no photo of a shelf but a bomb: it is not decoded (a 60-megapixel one takes 180 MB)."""
MEDIA_TYPE: Final = "image/jpeg"
FORMATS: Final = {"image/gif": "GIF", "image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
_QUALITY: Final = 80


def make_thumbnail(content: bytes, media_type: str) -> bytes | None:
    """A JPEG of at most `EDGE_PIXELS` a side, upright, without what the camera wrote beside it.

    None for what is no image of that type, is damaged, or too large to be decoded. Takes seconds at worst: in a thread.
    """
    try:
        with Image.open(io.BytesIO(content), formats=[FORMATS[media_type]]) as image:
            if image.width * image.height > PIXELS_MAX:
                return None
            image.draft("RGB", (2 * EDGE_PIXELS, 2 * EDGE_PIXELS))  # a JPEG is decoded at a fraction of its size
            upright = ImageOps.exif_transpose(image)
            upright.thumbnail((EDGE_PIXELS, EDGE_PIXELS))
            return _as_jpeg(upright)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError, KeyError):
        return None


def _as_jpeg(image: Image.Image) -> bytes:
    """On white, where it is transparent."""
    flat = Image.new("RGB", image.size, "white")
    rgba = image.convert("RGBA")
    flat.paste(rgba, mask=rgba.getchannel("A"))
    out = io.BytesIO()
    flat.save(out, "JPEG", quality=_QUALITY, optimize=True)
    return out.getvalue()
