"""A bucket that speaks as much of S3 as we use, over loopback: puts, ranges, heads, deletes, lists."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

BUCKET = "outrider-test"


class _Bucket(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, bytes] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.broken = False


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Bucket

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""

    def _read(self) -> tuple[str, dict[str, str], bytes]:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        return unquote(parts.path).removeprefix(f"/{BUCKET}").strip("/"), query, self.rfile.read(length)

    def _answer(self, status: int, body: bytes = b"", *, length: int | None = None, **headers: str) -> None:
        self.send_response(503 if self.server.broken else status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.send_header("Last-Modified", format_datetime(datetime.now(UTC), usegmt=True))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self) -> None:
        key, query, body = self._read()
        if "uploadId" in query:
            self.server.uploads[query["uploadId"]][int(query["partNumber"])] = body
        else:
            self.server.objects[key] = body
        self._answer(200, ETag=_tag(body))

    def do_POST(self) -> None:
        key, query, body = self._read()
        if "delete" in query:
            named = re.findall(r"<Key>([^<]*)</Key>", body.decode())
            for name in named:
                self.server.objects.pop(name, None)
            self._answer(200, _xml("DeleteResult", "".join(f"<Deleted><Key>{n}</Key></Deleted>" for n in named)))
            return
        if "uploads" in query:
            upload = f"u{len(self.server.uploads)}"
            self.server.uploads[upload] = {}
            self._answer(200, _xml("InitiateMultipartUploadResult", f"<UploadId>{upload}</UploadId>"))
            return
        parts = self.server.uploads.pop(query["uploadId"])
        whole = self.server.objects[key] = b"".join(parts[number] for number in sorted(parts))
        self._answer(200, _xml("CompleteMultipartUploadResult", f"<Key>{key}</Key><ETag>{_tag(whole)}</ETag>"))

    def do_HEAD(self) -> None:
        key, _, _ = self._read()
        found = self.server.objects.get(key)
        if found is None:
            self._answer(404)
        else:
            self._answer(200, length=len(found), ETag=_tag(found))

    def do_GET(self) -> None:
        key, query, _ = self._read()
        if "list-type" in query:
            prefix = query.get("prefix", "")
            listed = "".join(
                f"<Contents><Key>{escape(name)}</Key><Size>{len(content)}</Size><ETag>x</ETag>"
                f"<LastModified>{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000Z}</LastModified></Contents>"
                for name, content in self.server.objects.items()
                if name.startswith(prefix)
            )
            self._answer(
                200, _xml("ListBucketResult", f"<KeyCount>1</KeyCount><IsTruncated>false</IsTruncated>{listed}")
            )
            return
        found = self.server.objects.get(key)
        if found is None:
            self._answer(404, _xml("Error", "<Code>NoSuchKey</Code>"))
            return
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked is None:
            self._answer(200, found, ETag=_tag(found))
            return
        start, end = int(asked[1]), int(asked[2]) + 1 if asked[2] else len(found)
        part = found[start:end]
        self._answer(206, part, ETag=_tag(found), Content_Range=f"bytes {start}-{start + len(part) - 1}/{len(found)}")

    def do_DELETE(self) -> None:
        key, query, _ = self._read()
        if "uploadId" in query:
            self.server.uploads.pop(query["uploadId"], None)
        else:
            self.server.objects.pop(key, None)
        self._answer(204)


def _tag(content: bytes) -> str:
    return f'"{md5(content).hexdigest()}"'


def _xml(name: str, inside: str) -> bytes:
    return f'<?xml version="1.0"?><{name} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{inside}</{name}>'.encode()


@contextmanager
def run_bucket() -> Iterator[_Bucket]:
    """A bucket on a free port, until the block ends."""
    server = _Bucket()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def url_of(bucket: _Bucket) -> str:
    """For `OUTRIDER_STORAGE_URL`."""
    return f"s3://{BUCKET}/files?endpoint=http://127.0.0.1:{bucket.server_port}&region=us-east-1"
