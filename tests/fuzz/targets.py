"""What is fuzzed: each takes bytes that anybody may send, and ends, or raises what its caller expects of bad input."""

import base64
import contextlib
import gzip
import hashlib
import json
import sqlite3
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, cast

import msgspec
from outrider_sdk import snapshot_placing
from outrider_sdk.credentials import Credentials
from outrider_sdk.errors import InvalidValue, ProtocolViolation
from outrider_sdk.identity import read_enrolment_url
from outrider_sdk.lease import read_lease
from outrider_sdk.protocol import PullPage, SnapshotOffer, columns, encoding, fill_digests
from outrider_sdk.protocol.tables import SNAPSHOT_APPLICATION_ID, SNAPSHOT_FORMAT
from outrider_sdk.replies import check_reply
from outrider_sdk.snapshot_unpacking import Unusable, _damage, _unpacked
from outrider_sdk.store import Store

from server.errors import AppError
from server.sync import wire
from server.sync.handlers import PullBody, PushBody, as_sent
from server.sync.numbers import chain
from server.sync.position import Position
from tests.property.decide_world import CONTACT, PHONE_A, SHOP, make_store

SIZE_MAX: Final = 64 * 1024 * 1024
CODINGS: Final = ("identity", "gzip", "zstd")
TYPES: Final = (encoding.JSON, encoding.PACKED_JSON, encoding.PACKED_MSGPACK)


@dataclass(frozen=True, slots=True)
class Target:
    """One way in."""

    run: Callable[[bytes], object]
    seeds: tuple[bytes, ...]


def page(content: bytes) -> None:
    """A reply to a pull, on the device; the first byte says type and coding."""
    first, body = content[:1] or b"\0", content[1:]
    kind, coding = TYPES[first[0] % 3], CODINGS[first[0] // 3 % 3]
    with contextlib.suppress(encoding.EncodingError, columns.ColumnMalformed, ProtocolViolation):
        read = encoding.loads(encoding.decompress(body, coding, SIZE_MAX), kind)
        columns.unpack_page(read)
        check_reply(read, PullPage.__required_keys__)


def push(content: bytes) -> None:
    """A push at the server, decoded and decided; the first byte says the coding."""
    first, body = content[:1] or b"\0", content[1:]
    try:
        read = wire.decode(body, CODINGS[first[0] % 3], PushBody)
        mutations = [as_sent(m) for m in read.mutations]
        fill_digests(mutations, chain)
    except (AppError, msgspec.DecodeError, ValueError):
        return
    for number, mutation in enumerate(mutations, 1):
        mutation["number"] = number  # what has no chain is refused before it is decided
    make_store().push(PHONE_A, *mutations)


def pull(content: bytes) -> None:
    """A pull at the server, with its position."""
    try:
        read = wire.decode(content, "", PullBody)
        Position.parse(read.position)
    except (AppError, msgspec.DecodeError):
        return


def lease(content: bytes) -> None:
    """A lease and its key, on the device."""
    token, _, key = content.decode("utf-8", "replace").partition("\n")
    assert read_lease(replace(_ENROLLED, lease=token, lease_key=key)) is None


def snapshot(content: bytes) -> None:
    """A snapshot as it is downloaded: unpacked, and looked at as an SQLite file."""
    coding, packed = ("gzip", "zstd")[(content[:1] or b"\0")[0] % 2], content[1:]
    offer = cast(SnapshotOffer, {"encoding": coding, "file_bytes": SIZE_MAX})
    file = bytearray()
    try:
        for piece in _unpacked([packed[:7], packed[7:]], offer):
            file += piece
    except (Unusable, *_damage()):
        pass  # it is of another size than SIZE_MAX, at least
    inspect(bytes(file))


def inspect(file: bytes) -> None:
    """An SQLite file that calls itself a snapshot."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "snapshot.db")
        path.write_bytes(file)
        with (
            contextlib.suppress(snapshot_placing.ForeignSnapshot),
            contextlib.closing(_STORE.open_beside(path)) as conn,
        ):
            snapshot_placing.inspect(conn)


def qr(content: bytes) -> None:
    """What a camera read."""
    with contextlib.suppress(InvalidValue):
        read_enrolment_url(content.decode("utf-8", "replace"))


_STORE: Final = Store.__new__(Store)  # no file of its own: it opens another's
_STORE.factory = sqlite3.Connection
_ENROLLED: Final = Credentials(
    server="https://crm.example", slug="acme", device_id=PHONE_A, member_id=SHOP, incarnation=1, number_prefix="W7",
    secret="c2VjcmV0", refresh_token="r", access_token="",
)  # fmt: skip
_VECTORS: Final = Path(__file__).parents[2] / "mobile_sdk" / "conformance" / "cases"


def _cases(name: str) -> list[dict[str, Any]]:
    return list(json.loads((_VECTORS / f"{name}.json").read_text(encoding="utf-8")))


def _of_pages() -> tuple[bytes, ...]:
    return tuple(
        bytes([TYPES.index(case["type"]) + 3 * CODINGS.index(case["coding"])]) + base64.b64decode(case["body"])
        for case in _cases("page")
    )


def _of_pushes() -> tuple[bytes, ...]:
    changes = [
        {"op": "create", "entity": "contact", "id": SHOP[:-1] + "f", "fields": {"account_id": SHOP, "name": "Ann"}},
        {"op": "edit", "entity": "contact", "id": CONTACT, "fields": {"name": {"value": "A", "seen": "B", "base": 1}}},
        {"op": "delete", "entity": "contact", "id": CONTACT, "base": 1},
        {"op": "intent", "name": "order.submit", "id": SHOP, "seen": {"lines": [], "total_minor": 1}},
    ]
    made = [
        {"number": n, "captured_at": 1, "skew": None, "changes": [change], "digest": hashlib.sha256().hexdigest()}
        for n, change in enumerate(changes, 1)
    ]
    body = json.dumps({"protocol": 1, "incarnation": 1, "acked_through": 0, "mutations": made}).encode()
    return (b"\0" + body, b"\1" + gzip.compress(body, mtime=0))


def _of_snapshots() -> tuple[bytes, ...]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "seed.db")
        with contextlib.closing(sqlite3.connect(path)) as conn:
            conn.execute("PRAGMA page_size=512")
            conn.execute(f"PRAGMA application_id={SNAPSHOT_APPLICATION_ID}")
            conn.execute(f"PRAGMA user_version={SNAPSHOT_FORMAT}")
            conn.execute("CREATE TABLE account (id BLOB NOT NULL, name TEXT, PRIMARY KEY (id)) WITHOUT ROWID")
            conn.execute("INSERT INTO account VALUES (x'00', 'a')")
            conn.commit()
        content = path.read_bytes()
        return (content, content.replace(b"account", b"acc\xffunt"))


_FILES: Final = _of_snapshots()
_POSITION: Final = Position().text()
TARGETS: Final = {
    "page": Target(page, _of_pages()),
    "push": Target(push, _of_pushes()),
    "pull": Target(
        pull, (json.dumps({"protocol": 1, "schema": 1, "cursor": 0, "position": _POSITION}).encode(), b"{}")
    ),
    "lease": Target(lease, tuple(f"{c['token'][:-9]}\n{c['key']}".encode() for c in _cases("lease"))),
    "snapshot": Target(snapshot, tuple(b"\0" + gzip.compress(file, mtime=0) for file in _FILES)),
    "file": Target(inspect, _FILES),
    "qr": Target(qr, (b"https://crm.example/t/acme/enrol#ABCD-EFGH", b"http://[::1/t/a/enrol#x")),
}
