"""Attachments as tests make and read them, with the key of encrypted replicas."""

import hashlib
import importlib.util
from pathlib import Path

import pytest
from sdk_fakes import fixed_id

KEY = bytes(range(32))
needs_sqlcipher = pytest.mark.skipif(
    importlib.util.find_spec("sqlcipher3") is None, reason="sqlcipher3 is not installed (the extra `encryption`)"
)


def attach(crm, content, **more):
    return crm.attachments.add(crm.accounts.list()[0], content, **{"name": "shelf.jpg"} | more)


def content_of(crm, row_id):
    with crm.attachments.open(row_id) as file:
        return file.read()


def from_office(http, shop, content, number=900):
    """An attachment that somebody else has made and uploaded."""
    row_id, sha256 = fixed_id(number), hashlib.sha256(content).hexdigest()
    http.fake.put(
        "attachment", id=row_id, entity="account", row_id=shop["account"], name="plan.pdf",
        media_type="application/pdf", size_bytes=len(content), sha256=sha256,
    )  # fmt: skip
    http.contents.uploaded[row_id] = content
    http.contents.receipts[row_id] = {"sha256": sha256}
    return row_id


def assert_nothing_is_open(folder, *contents):
    """No piece of a content, no hash of it and no word of SQLite stands in a file or in a file's name."""
    files = [path for path in Path(folder).rglob("*") if path.is_file()]
    for path in files:
        left = path.read_bytes()
        for content in contents:
            sha256 = hashlib.sha256(content)
            for piece in (content[:16], content[len(content) // 2 :][:16], content[-16:], sha256.digest()):
                assert piece not in left, path
            assert sha256.hexdigest().encode() not in left, path
            assert sha256.hexdigest() not in path.name
        assert b"SQLite format" not in left, path
    return files
