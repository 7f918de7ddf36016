"""Sessions over HTTP: what a request must bear whatever the script says (tokens, proofs), and how it is answered.

The runner is the server here as ever; only that lines carry whole requests: method and path, headers, body.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from typing import Any

SECRET_BYTES = 32
SLUG = "/t/acme"
TEMPLATES = {
    "POST /sync/push": "push",
    "POST /sync/pull": "pull",
    "POST /sync/checksum": "checksum",
    "POST /devices/incarnations": "enrol",
    f"POST {SLUG}/devices/enrol": "enrol",
    f"POST {SLUG}/devices/token": "token",
    f"POST {SLUG}/devices/quarantine": "quarantine",
}
"""Which of `_replies.json` a reply is laid over."""

Json = Any


class Misfit(Exception):
    """A request that no server would take; the words say why."""


def is_http(said: Json) -> bool:
    """Whether a line is a request over HTTP, and not one by name."""
    return " " in said["request"]


class Doors:
    """What the server has given a device, and so may ask of it; its secret is what the enrolment said."""

    def __init__(self) -> None:
        self.device_id = ""
        self._secret = ""
        self._refresh_token = ""
        self._access_token = ""

    def check(self, said: Json) -> None:
        """See that a request has the token, or the proof, that is due (2.2, 2.4, 2.7, 14.1, 16.3).

        Raises:
            Misfit: it has not.
        """
        path, body = said["request"].partition(" ")[2], said.get("body", {})
        if not path.startswith("/t/"):
            self._check_token(said)
            if path == "/devices/incarnations":
                self._check_proof(body, body["key"])
        elif path.endswith("/enrol"):
            self._check_enrolment(body)
        elif path.endswith("/token"):
            if body["refresh_token"] != self._refresh_token:
                raise Misfit(f"its refresh token is {body['refresh_token']}, and was {self._refresh_token} (2.2, 2.3)")
            self._check_proof(body, self._refresh_token)
        elif path.endswith("/quarantine"):
            last = body["mutations"][-1]["digest"] if body["mutations"] else ""
            self._check_proof(body, f"quarantine/{self.device_id}/{last}/{str(body['complete']).lower()}")
        elif path.endswith("/wiped"):
            self._check_proof(body, f"wiped/{self.device_id}")

    def note(self, said: Json, reply: Json) -> None:
        """Remember what a reply gave: from now on it is what counts."""
        if said["request"].endswith("/enrol"):
            self._secret = said["body"]["secret"]
        self.device_id = reply.get("device_id", self.device_id)
        self._refresh_token = reply.get("refresh_token", self._refresh_token)
        self._access_token = reply.get("access_token", self._access_token)

    def _check_token(self, said: Json) -> None:
        found = said.get("headers", {}).get("authorization")
        if found != f"Bearer {self._access_token}":
            raise Misfit(f"Authorization is {found!r}, not 'Bearer {self._access_token}' (2.4)")

    def _check_enrolment(self, body: Json) -> None:
        try:
            size = len(base64.urlsafe_b64decode(body["secret"] + "=" * (-len(body["secret"]) % 4)))
        except (binascii.Error, ValueError):
            size = 0
        if size != SECRET_BYTES or "=" in body["secret"]:
            raise Misfit(f"the secret {body['secret']!r} is not 256 bits as base64url without padding (2.1)")
        if "lease" in body and body["secret"] != self._secret:
            raise Misfit("it comes back by its lease, with another secret than it had (2.9)")
        if "previous" in body:
            self._check_proof(body["previous"], body["previous"]["key"])

    def _check_proof(self, body: Json, text: str) -> None:
        if body["device_id"] != self.device_id:
            raise Misfit(f"device_id is {body['device_id']}, not {self.device_id}")
        secret = base64.urlsafe_b64decode(self._secret + "=" * (-len(self._secret) % 4))
        due = hmac.new(hashlib.sha256(secret).digest(), text.encode(), hashlib.sha256).hexdigest()
        if body["proof"] != due:
            raise Misfit(f"the proof is {body['proof']}, not that of {text!r}: {due}")


def answer(exchange: Json, files: dict[str, bytes], templates: Json, filled: Callable[[Json], Json]) -> Json:
    """The line that answers a request: a status with a body, or with bytes; or nothing came back."""
    if "lost" in exchange:
        return {"lost": True}
    if "error" in exchange:
        problem = {"type": "about:blank", "title": "Problem", "detail": "It was not to be."} | exchange["error"]
        headers = {"content-type": "application/problem+json"} | exchange.get("answers", {})
        return {"status": problem["status"], "headers": headers, "body": filled(problem)}
    if "stream" in exchange:
        content = exchange["stream"].encode()
        return _bytes(200, {"content-type": "text/event-stream; charset=utf-8"}, content, exchange)
    if "content" in exchange:
        part = exchange["content"]
        content = files[part["file"]]
        asked, ends = part.get("from", 0), part.get("to", len(content))
        headers = {"content-type": "application/octet-stream"}
        if "from" in part:
            headers["content-range"] = f"bytes {asked}-{len(content) - 1}/{len(content)}"
        return _bytes(206 if "from" in part else 200, headers, content[asked:ends], exchange)
    template = templates.get(TEMPLATES.get(exchange["request"], ""), {})
    return {
        "status": exchange.get("status", 200),
        "headers": {"content-type": "application/json"},
        "body": filled(template | exchange["reply"]),
    }


def _bytes(status: int, headers: Json, content: bytes, exchange: Json) -> Json:
    line = {"status": status, "headers": headers, "bytes": base64.b64encode(content).decode()}
    return line | ({"cut": True} if exchange.get("cut") else {})
