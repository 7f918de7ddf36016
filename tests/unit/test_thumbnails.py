"""Small pictures of images that people attach: whatever was sent, the worker survives it."""

import io

import pytest
from PIL import Image

from server.crm.attachment import thumbnails
from tests.photos import photo


def test_a_small_picture_is_upright_and_says_nothing_of_where_it_was_taken():
    """Phones write the rotation, and the place, beside the pixels."""
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate by 90 degrees
    exif[0x010F] = "Phone of Ann"

    drawn = thumbnails.make_thumbnail(photo(800, 400, exif=exif), "image/jpeg")

    assert drawn is not None
    with Image.open(io.BytesIO(drawn)) as small:
        assert small.size == (160, 320)
        assert not small.getexif()


@pytest.mark.parametrize(
    ("form", "mode"), [("PNG", "RGBA"), ("PNG", "P"), ("GIF", "P"), ("WEBP", "RGBA"), ("PNG", "L")]
)
def test_every_kind_of_image_gets_one(form: str, mode: str):
    """Whatever a phone or a scanner makes."""
    content = photo(640, 640, form, mode) if mode != "P" else photo(640, 640, form)

    drawn = thumbnails.make_thumbnail(content, f"image/{form.lower()}")

    assert drawn is not None
    with Image.open(io.BytesIO(drawn)) as small:
        assert small.size == (320, 320)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_bomb_is_not_decoded():
    """A few kilobytes that claim 400 million pixels would take the worker's memory."""
    bomb = photo(20_000, 20_000, "PNG", "1")

    assert len(bomb) < 100_000
    assert thumbnails.make_thumbnail(bomb, "image/png") is None


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff\xe0", b"GIF89a", photo(100, 100)[:300], b"<svg/>"])
def test_what_is_no_image_has_none(content: bytes):
    """The name says image; the bytes decide."""
    assert thumbnails.make_thumbnail(content, "image/jpeg") is None
    assert thumbnails.make_thumbnail(content, "application/pdf") is None
