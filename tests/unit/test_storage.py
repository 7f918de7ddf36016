"""Shared files, in a folder and in a bucket: the same laws for both."""

import errno
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from server import storage
from server.storage import Files, FilesFull, FilesUnavailable, NotKept, in_one_piece
from tests.fake_s3 import run_bucket, url_of

LARGE = bytes(range(256)) * 4096 * 11
"""11 MiB: several parts in a bucket."""


@pytest.fixture(params=["folder", "s3"])
def files(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Files]:
    if request.param == "folder":
        yield storage.open_files(f"folder:{tmp_path}")
        return
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with run_bucket() as bucket:
        yield storage.open_files(url_of(bucket))


async def pieces(content: bytes, size: int = 1_000_000) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def read(files: Files, key: str, *bounds: int) -> bytes:
    return b"".join([part async for part in files.open(key, *bounds)])


async def test_what_is_put_comes_back_whole_and_by_range(files: Files):
    """A download that broke off goes on where it was."""
    size = await files.put("a/b/c.bin", pieces(LARGE))

    assert size == len(LARGE)
    assert await read(files, "a/b/c.bin") == LARGE
    assert await read(files, "a/b/c.bin", 5) == LARGE[5:]
    assert await read(files, "a/b/c.bin", 1_000, 1_003) == LARGE[1_000:1_003]
    assert await read(files, "a/b/c.bin", 7, 7) == b""
    found = await files.find("a/b/c.bin")
    assert found is not None
    assert (found.key, found.size_bytes) == ("a/b/c.bin", len(LARGE))


@pytest.mark.parametrize("content", [b"short", LARGE], ids=["short", "large"])
async def test_what_its_maker_gives_up_is_not_kept_and_says_why(files: Files, content: bytes):
    """A content that turns out to be another one must not stand there, nor be taken for trouble of the bucket's."""

    class AnotherOne(Exception):
        pass

    async def given_up() -> AsyncIterator[bytes]:
        async for piece in pieces(content):
            yield piece
        raise AnotherOne

    with pytest.raises(AnotherOne):
        await files.put("x", given_up())

    assert await files.find("x") is None


async def test_a_file_takes_the_place_of_the_one_before(files: Files):
    """Whoever writes the same key again has the last word."""
    await files.put("x", in_one_piece(b"before"))

    await files.put("x", in_one_piece(b"after"))

    assert await read(files, "x") == b"after"


async def test_a_file_that_breaks_off_leaves_what_was_there(files: Files):
    """A client that hangs up half-way has overwritten nothing."""
    await files.put("x", in_one_piece(b"before"))

    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise RuntimeError("hung up")

    with pytest.raises(RuntimeError, match="hung up"):
        await files.put("x", broken())

    assert await read(files, "x") == b"before"


async def test_what_was_deleted_is_gone(files: Files):
    """Erasing is erasing; doing it again is no mistake."""
    await files.put("x/y", in_one_piece(b"1"))

    await files.delete("x/y")
    await files.delete("x/y")

    assert await files.find("x/y") is None
    with pytest.raises(NotKept):
        await read(files, "x/y")


async def test_a_folder_lists_its_own(files: Files):
    """A sweep of one tenant's files does not touch another's, not even one whose name begins alike."""
    for key in ("t/1/a", "t/1/b", "t/2/a", "t/11/a"):
        await files.put(key, in_one_piece(b"1"))

    listed = sorted([each.key async for each in files.list("t/1")])

    assert listed == ["t/1/a", "t/1/b"]
    assert [each async for each in files.list("nothing")] == []


@pytest.mark.parametrize("key", ["", "/etc/passwd", "../x", "a/../b", "a//b", "A", "a/.hidden"])
async def test_what_is_no_key_is_refused(files: Files, key: str):
    """A name from outside never becomes a path."""
    with pytest.raises(ValueError, match="no key"):
        await files.put(key, in_one_piece(b"1"))


async def test_a_full_disk_is_told_and_leaves_nothing_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The client keeps its file and tries later; no draft takes up the last room."""
    files = storage.open_files(f"folder:{tmp_path}")
    await files.put("f/x", in_one_piece(b"before"))

    def full(draft: Path, path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("server.storage.folder._settle", full)
    with pytest.raises(FilesFull, match="no room"):
        await files.put("f/x", in_one_piece(b"after"))

    assert await read(files, "f/x") == b"before"
    assert [each.key async for each in files.list("f")] == ["f/x"]


async def test_a_bucket_that_does_not_answer_is_said_to_be_away(monkeypatch: pytest.MonkeyPatch):
    """503 with Retry-After, not a bug."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setattr("server.storage.s3.ATTEMPTS_MAX", 0)
    with run_bucket() as bucket:
        files = storage.open_files(url_of(bucket))
        bucket.broken = True
        with pytest.raises(FilesUnavailable):
            await files.find("x")


def test_without_a_place_the_caller_is_told():
    """A process that forgot to say where files are must not guess."""
    storage.use(None)

    with pytest.raises(RuntimeError, match="storage"):
        storage.files()


def test_the_place_follows_the_setting(tmp_path: Path):
    """Without a URL: in the state folder."""
    storage.use(tmp_path)
    found: Any = storage.files()

    assert found.root == tmp_path / "files"
    storage.use(None)
