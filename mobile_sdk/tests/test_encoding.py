"""How messages are written: what goes in comes out, and whatever comes in, the decoder ends with words."""

import contextlib
import json
import os

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from outrider_sdk.protocol import encoding
from outrider_sdk.protocol.columns import VALUES_MAX, ColumnMalformed, pack, unpack, unpack_page

ids = st.binary(min_size=16, max_size=16)
int64 = st.integers(min_value=-(2**63), max_value=2**63 - 1)


def columns_of(values):
    """Columns as they are: many equal values, or all different, with nulls or without."""
    few = st.lists(values, min_size=1, max_size=4).flatmap(st.sampled_from)
    return st.one_of(
        st.lists(values), st.lists(few, min_size=8, max_size=60), st.lists(st.none() | values, max_size=40)
    )


columns = st.one_of(columns_of(ids), columns_of(st.text()), columns_of(int64), columns_of(st.booleans()))


@pytest.mark.skipif(encoding.msgspec() is None, reason="msgspec is not installed")
@given(column=columns)
@example(column=[os.urandom(16) for _ in range(70_000)] + [None])
@example(column=[f"text {n % 300}" for n in range(1_000)])
@pytest.mark.parametrize("media_type", [encoding.PACKED_JSON, encoding.PACKED_MSGPACK])
def test_a_packed_column_unpacks_to_what_it_was(column, media_type):
    """In either form: no packing may change a value, nor forget one."""
    msgspec = encoding.msgspec()
    write = msgspec.json.encode if media_type == encoding.PACKED_JSON else msgspec.msgpack.encode

    written = write({"column": pack(column)})

    assert unpack(encoding.loads(written, media_type)["column"]) == column


def test_a_column_of_few_values_is_much_smaller_packed():
    """Ids of parents, languages and empty fields are most of a page."""
    parents = [os.urandom(16) for _ in range(100)]
    column = [parents[n % 100] for n in range(10_000)]

    packed = pack(column)

    assert len(packed["picks"]) == 10_000
    assert len(packed["values"]["ids"]) == 1_600


@pytest.mark.parametrize(
    "column",
    [
        None,
        7,
        "text",
        {},
        {"ids": b"15 bytes are too"},
        {"ids": b"x"},
        {"ids": "no base64!"},
        {"ids": ["a"]},
        {"same": None, "count": VALUES_MAX + 1},
        {"same": None, "count": -1},
        {"same": None, "count": "9"},
        {"same": [1, 2], "count": 3},
        {"same": {"same": [1], "count": 9}, "count": 3},
        {"first": 1, "steps": ["a"]},
        {"first": "a", "steps": [1]},
        {"values": ["a"], "picks": b"\x02", "width": 1},
        {"values": ["a"], "picks": b"\x00\x00\x00", "width": 2},
        {"values": ["a"], "picks": b"\x00", "width": 3},
        {"values": {"same": None, "count": 200_000}, "picks": b"\x00", "width": 1},
        [0] * (VALUES_MAX + 1),
    ],
    ids=repr,
)
def test_a_column_that_is_none_is_named(column):
    """Nor does a small message unfold into a large one: counts and nesting are limited."""
    if column == {"ids": b"15 bytes are too"}:
        column = {"ids": b"15 bytes are too"[:15]}

    with pytest.raises(ColumnMalformed):
        unpack(column)


_keys = st.sampled_from(["puts", "drops", "ids", "same", "count", "first", "steps", "values", "picks", "width", "id"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_keys, inner, max_size=4),
    max_leaves=12,
)


@given(page=st.dictionaries(st.sampled_from(["puts", "drops"]), st.dictionaries(st.text(max_size=3), json_values)))
def test_whatever_stands_in_a_page_unpacking_it_ends(page):
    """Wrong types, anywhere: words, never another exception."""
    try:
        unpack_page(page)
    except ColumnMalformed:
        return
    assert all(isinstance(column, list) for columns in page["puts"].values() for column in columns.values())


@given(content=st.binary(max_size=200), media_type=st.sampled_from([encoding.JSON, encoding.PACKED_MSGPACK]))
@example(content=b"\x91" * 100_000 + b"\xc0", media_type=encoding.PACKED_MSGPACK)
@example(content=b"[" * 100_000, media_type=encoding.JSON)
@example(content=b"9" * 10_000, media_type=encoding.JSON)
@example(content=b"\xdd\xff\xff\xff\xff", media_type=encoding.PACKED_MSGPACK)
def test_whatever_bytes_come_decoding_them_ends(content, media_type):
    """A message that is an object, or an EncodingError."""
    for is_there in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            if not is_there:
                patch.setattr(encoding, "msgspec", lambda: None)
            try:
                message = encoding.loads(content, media_type)
            except encoding.EncodingError:
                continue
            assert isinstance(message, dict)


CODINGS = ["gzip", "zstd"] if encoding.zstd() else ["gzip"]


@pytest.mark.parametrize("coding", CODINGS)
@given(content=st.binary(max_size=2_000), at=st.integers(0, 4_000), flip=st.integers(1, 255))
def test_damaged_or_cut_compression_is_named(coding, content, at, flip):
    """A broken line gives half a body; a bad disk another byte."""
    whole = encoding.compress(content, coding)
    assert encoding.decompress(whole, coding, 2_000) == content
    place = at % len(whole)

    with pytest.raises(encoding.EncodingError):
        encoding.decompress(whole[:place] or whole[:1], coding, 2_000)
    with contextlib.suppress(encoding.EncodingError):
        encoding.decompress(whole[:place] + bytes([whole[place] ^ flip]) + whole[place + 1 :], coding, 4_000)


@pytest.mark.parametrize("coding", CODINGS)
def test_a_bomb_is_stopped_at_the_limit(coding):
    """A few kilobytes must not become a gigabyte on a phone."""
    bomb = encoding.compress(b" " * 50_000_000, coding)

    with pytest.raises(encoding.TooLong):
        encoding.decompress(bomb, coding, 1_000_000)


@pytest.mark.skipif(encoding.zstd() is None, reason="zstd is not installed")
def test_a_zstd_body_may_have_several_frames():
    """A server sends a frame that it keeps between two that it makes."""
    frames = b"".join(encoding.compress(part, "zstd") for part in (b'{"a":', b"1", b"}"))

    assert encoding.decompress(frames, "zstd", 7) == b'{"a":1}'
    with pytest.raises(encoding.TooLong):
        encoding.decompress(frames, "zstd", 6)


@pytest.mark.skipif(encoding.zstd() is None, reason="zstd is not installed")
def test_what_is_compressed_says_nothing_of_what_was_compressed_before():
    """A compressor is kept for the next message, which may be another tenant's: each frame stands alone."""
    contents = [b"a secret " * 200, b"", b"a secret " * 200, os.urandom(encoding.ZSTD_KEPT_BELOW_BYTES), b"short"]

    frames = [encoding.compress(content, "zstd") for content in contents]

    assert frames == [encoding.zstd().compress(content, encoding.ZSTD_LEVEL) for content in contents]
    assert [encoding.decompress(frame, "zstd", 100_000) for frame in frames] == contents


def test_without_optional_packages_json_and_gzip_are_asked_for(monkeypatch):
    """A phone has no wheels of msgspec or zstd: what it does not read, nobody may send it."""
    monkeypatch.setattr(encoding, "zstd", lambda: None)
    monkeypatch.setattr(encoding, "msgspec", lambda: None)

    assert encoding.accepted_codings() == "gzip"
    assert encoding.accepted_types() == f"{encoding.PACKED_JSON}, {encoding.JSON}"
    assert json.loads(encoding.dumps({"name": "Zoë"})) == {"name": "Zoë"}
    with pytest.raises(encoding.EncodingError):
        encoding.decompress(b"(\xb5/\xfd", "zstd", 10)
