"""A `FakeServer` behind real HTTP on loopback, with tokens that rotate, and a script of what goes wrong."""

# ruff: noqa: S105  (made-up tokens)

import gzip
import hashlib
import hmac
import json
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from outrider_sdk import Rejected, ReplicaForked

SECRET_KEY = hashlib.sha256(b"secret-secret-secret-secret-32by").digest()


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that was killed is what some tests are about."""


class HttpServer:
    """`faults` says what goes wrong, one a request.

    "drop": no reply, nothing done; "lose": done, no reply; "cut": half a reply; or status, body and headers to answer.
    """

    def __init__(self, fake):
        self.fake = fake
        self.faults = deque()
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
        if http.headers.get("Content-Encoding") == "gzip":
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
