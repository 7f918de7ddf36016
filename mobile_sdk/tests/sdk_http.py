"""A `FakeServer` behind real HTTP on loopback, with tokens that rotate, and a script of what goes wrong."""

# ruff: noqa: S105  (made-up tokens)

import gzip
import hashlib
import hmac
import json
import threading
import time
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from outrider_sdk import Rejected, ReplicaForked
from outrider_sdk.protocol import fill_digests

SECRET_KEY = hashlib.sha256(b"secret-secret-secret-secret-32by").digest()


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that was killed is what some tests are about."""


class Contents:
    """What was uploaded of attachments, and what goes wrong with it.

    `faults`, one a request: "cut" takes half of a part, or sends half of a download, and hangs up; "lose" takes it and
    hangs up; or status and body to answer.
    """

    def __init__(self, fake):
        self.fake = fake
        self.uploaded = {}
        self.receipts = {}
        self.faults = deque()
        self.taken = []
        self.slow_s = 0

    def serve(self, http, owner):
        body = http.rfile.read(int(http.headers.get("Content-Length") or 0))
        time.sleep(self.slow_s)
        row_id, what = http.path.split("/")[2:4]
        row = self.fake.rows.get(("attachment", row_id))
        fault = self.faults.popleft() if self.faults else None
        if http.headers.get("Authorization") != f"Bearer {owner.access_token}":
            return owner._reply(http, 401, {"code": "token_expired", "detail": "Ask for a new token."})
        if isinstance(fault, tuple):
            return owner._reply(http, *fault)
        if row is None:
            return owner._reply(http, 404, {"code": "not_found", "detail": "There is none."})
        if what == "content":
            return self._send(http, row_id, row, is_cut=fault == "cut")
        if http.command == "PATCH":
            refused = self._take(row_id, row, http, body[: len(body) // 2] if fault == "cut" else body)
            if refused is not None:
                return owner._reply(http, 409, refused)
        if fault in ("cut", "lose"):
            http.close_connection = True
            return None
        held = len(self.uploaded.get(row_id, b""))
        state = {"offset_bytes": held, "size_bytes": row["size_bytes"], "receipt": self.receipts.get(row_id)}
        return owner._reply(http, 200, state)

    def _take(self, row_id, row, http, part):
        held = self.uploaded.get(row_id, b"")
        if int(http.headers["Upload-Offset"]) != len(held):
            return {"code": "offset_mismatch", "detail": "It goes on elsewhere.", "offset_bytes": len(held)}
        self.taken.append((row_id, len(part)))
        self.uploaded[row_id] = held = held + part
        if len(held) < row["size_bytes"]:
            return None
        if hashlib.sha256(held).hexdigest() != row["sha256"]:
            del self.uploaded[row_id]
            return {"code": "content_mismatch", "detail": "It is something else."}
        self.receipts[row_id] = {"attachment_id": row_id, "sha256": row["sha256"], "size_bytes": len(held)}
        return None

    def _send(self, http, row_id, row, *, is_cut):
        content = self.uploaded.get(row_id)
        if row_id not in self.receipts:
            raw = b'{"code": "content_missing", "detail": "Not yet."}'
            status, start = 409, 0
        else:
            asked = http.headers.get("Range")
            is_same = http.headers.get("If-Range") == f'"{row["sha256"]}"'
            start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and is_same else 0
            status, raw = (206 if start else 200), content[start:]
            if start >= len(content) > 0:
                status, raw = 416, b'{"code": "range_unsatisfiable", "detail": "Behind the end."}'
        http.send_response(status)
        http.send_header("Content-Length", str(len(raw)))
        http.end_headers()
        http.wfile.write(raw[: len(raw) // 2] if is_cut else raw)
        http.close_connection = http.close_connection or is_cut


class HttpServer:
    """`faults` says what goes wrong, one a request.

    "drop": no reply, nothing done; "lose": done, no reply; "cut": half a reply; or status, body and headers to answer.
    It knows no coding but gzip, as the least of servers.
    """

    def __init__(self, fake):
        self.fake = fake
        self.faults = deque()
        self.contents = Contents(fake)
        self.log = []
        self.refresh_tokens = ["refresh-1"]
        self.access_token = "access-1"
        self.revoked = False
        self.guard = threading.Lock()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                owner._serve(self)

            def do_GET(self):
                if self.path.startswith("/sync/snapshots/"):
                    owner._send_snapshot(self)
                else:
                    owner.contents.serve(self, owner)

            def do_PATCH(self):
                owner.contents.serve(self, owner)

            def log_message(self, *_):
                pass

        self._httpd = _QuietServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._httpd.server_port}"
        self._thread = threading.Thread(target=self._httpd.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self):
        self._httpd.shutdown()
        self._httpd.server_close()
        self._thread.join()

    def _serve(self, http):
        body = http.rfile.read(int(http.headers["Content-Length"]))
        coding = http.headers.get("Content-Encoding", "")
        if coding not in {"", "gzip"}:
            self._reply(http, 415, {"code": "encoding_unsupported"})
            return
        if coding:
            body = gzip.decompress(body)
        with self.guard:
            self.log.append((http.path, dict(http.headers), json.loads(body)))
            fault = self.faults.popleft() if self.faults else None
            if fault == "drop":
                http.close_connection = True
                return
            answer = fault if isinstance(fault, tuple) else self._answer(http.path, http.headers, json.loads(body))
        if fault == "lose":
            http.close_connection = True
            return
        self._reply(http, *answer, is_cut=fault == "cut")

    def _reply(self, http, status, message, headers=(), *, is_cut=False):
        raw = message if isinstance(message, bytes) else json.dumps(message).encode()
        zipped = "gzip" in http.headers.get("Accept-Encoding", "")
        raw = gzip.compress(raw) if zipped else raw
        try:
            http.send_response(status)
            for name, value in headers:
                http.send_header(name, value)
            if zipped:
                http.send_header("Content-Encoding", "gzip")
            http.send_header("Content-Length", str(len(raw)))
            http.end_headers()
            http.wfile.write(raw[: len(raw) // 2] if is_cut else raw)
        except OSError:
            pass  # the client was killed
        http.close_connection = http.close_connection or is_cut

    def _send_snapshot(self, http):
        start = int(http.headers["Range"].removeprefix("bytes=").rstrip("-"))
        with self.guard:
            self.log.append((http.path, dict(http.headers), {}))
            part, size = self.fake.download(http.path.rpartition("/")[2], start)
        try:
            http.send_response(206)
            http.send_header("Content-Length", str(len(part)))
            http.send_header("Content-Range", f"bytes {start}-{start + len(part) - 1}/{size}")
            http.end_headers()
            http.wfile.write(part)
        except OSError:
            pass  # the client was killed

    def _answer(self, path, headers, message):
        if path.endswith("/devices/token"):
            return self._token(message)
        if path.endswith("/devices/enrol"):
            return self._enrol(message)
        if self.revoked:
            return 401, {"code": "device_revoked"}
        if headers.get("Authorization") != f"Bearer {self.access_token}":
            return 401, {"code": "token_expired", "detail": "Ask for a new token."}
        try:
            fill_digests(message.get("mutations", []))
            return 200, {"/sync/push": self.fake.push, "/sync/pull": self.fake.pull}[path](message)
        except ReplicaForked as fork:
            return 409, {"code": "forked", "number": fork.number}
        except Rejected as refusal:
            return refusal.status, {"code": refusal.code, "detail": refusal.detail, **refusal.problem}

    def _token(self, message):
        token = message["refresh_token"]
        expected = hmac.new(SECRET_KEY, token.encode(), hashlib.sha256).hexdigest()
        if message["proof"] != expected or token not in self.refresh_tokens[-2:]:
            self.revoked = True
            return 401, {"code": "device_revoked"}
        if token == self.refresh_tokens[-1]:
            self.refresh_tokens.append(f"refresh-{len(self.refresh_tokens) + 1}")
        self.access_token = f"access-{len(self.refresh_tokens)}"
        granted = {"refresh_token": self.refresh_tokens[-1], "access_token": self.access_token}
        return 200, granted | {"expires_in": 900, "server_time": self.fake.time}

    def _enrol(self, message):
        if message["code"] != "GOOD":
            return 403, {"code": "code_invalid", "detail": "This code is not valid. Ask for another one."}
        granted = {"refresh_token": "refresh-1", "access_token": self.access_token, "expires_in": 900}
        ids = {"device_id": "0190a000-0000-7000-8000-00000000000d", "member_id": "0190a000-0000-7000-8000-00000000000e"}
        return 201, ids | granted | {"incarnation": 1, "number_prefix": "W7", "server_time": self.fake.time}
