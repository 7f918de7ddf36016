"""Pages put together from a kept part: whatever stands in them, a decoder sees the one message that was meant."""

import asyncio
import contextlib
import gzip
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from outrider_sdk.protocol import encoding
from outrider_sdk.protocol.columns import unpack_page

from server.auth.unfold import unfold
from server.errors import AppError
from server.sync.forms import Form, encode_rows, join

FORMS = [
    Form(media_type, coding)
    for media_type in (encoding.JSON, encoding.PACKED_JSON, encoding.PACKED_MSGPACK)
    for coding in ("identity", "gzip", "zstd")
]
names = st.sampled_from(["contact", "account", "order"])
ids = st.binary(min_size=16, max_size=16)
texts = st.lists(st.none() | st.text(max_size=30), max_size=60)
puts = st.dictionaries(names, st.fixed_dictionaries({"name": texts, "note": texts}), max_size=3)
own_names = st.text(max_size=8).filter(lambda name: name not in {"puts", "drops"})
own = st.dictionaries(own_names, st.integers(0, 2**53) | st.text(), min_size=1)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form.media_type.rpartition('.')[2]} {form.coding}")
@given(rows=puts, drops=st.dictionaries(names, st.lists(ids, max_size=40), max_size=2), others=own)
@example(rows={"contact": {"name": ["x" * 400_000], "note": [None]}}, drops={}, others={"cursor": 7})
@example(rows={}, drops={}, others={str(n): n for n in range(40)})
def test_a_page_of_two_parts_is_one_message(form: Form, rows: Any, drops: Any, others: Any):
    """The kept part is written once, the device's own for each: no byte between them may be wrong."""
    gone = drops if form.is_packed else {name: [i.hex() for i in them] for name, them in drops.items()}

    content, coding = asyncio.run(_joined(form, rows, gone, others))

    whole = encoding.decompress(content, coding, 10_000_000)
    if coding == "gzip":
        assert whole == gzip.decompress(content)  # which checks the length and the sum, too
    page = encoding.loads(whole, form.media_type)
    if form.is_packed:
        unpack_page(page)
    assert page == {"puts": rows, "drops": gone, **others}


async def _joined(form: Form, rows: Any, gone: Any, others: Any) -> tuple[bytes, str]:
    part, _ = await encode_rows(form, rows, gone)
    return await join(form, part, others)


@given(content=st.binary(max_size=400), coding=st.sampled_from(["", "identity", "gzip", "zstd", "br"]))
@example(content=b"\x1f\x8b\x08" + b"\x00" * 20, coding="gzip")
@example(content=b"(\xb5/\xfd" + b"\xff" * 20, coding="zstd")
def test_whatever_body_comes_in_it_is_unfolded_or_named(content: bytes, coding: str):
    """A push from a broken line, or from somebody who means ill: a problem in words, never a 500."""
    with contextlib.suppress(AppError):
        assert isinstance(unfold(content, coding), bytes)
