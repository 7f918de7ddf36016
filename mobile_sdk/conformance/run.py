"""Runs the conformance vectors against a client in any language. README.md beside this file has its line protocol.

It knows the wire, and nothing of any client: it starts a command, writes lines, reads lines, compares.
"""

import argparse
import base64
import hashlib
import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import over_http

HERE = Path(__file__).parent
SILENCE_MAX_S = 30.0
DEATHS_MAX = 5
"""A client that ends so often, one vector after the other, is given up."""
ANY = "*"
"""In what is expected: whatever it is."""
NONE = "$none"
"""In what is expected: it must not be there."""

Json = Any


class Failure(Exception):
    """What the client did differs from what the vector says."""


class Unsupported(Exception):
    """The client says that it has no such thing."""


class Client:
    """The command under test."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8")
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def say(self, message: Json) -> Json:
        """Write a line; the line that answers it."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
            line = self._lines.get(timeout=SILENCE_MAX_S)
        except queue.Empty:
            raise Failure(f"was silent for {SILENCE_MAX_S:.0f} s after {json.dumps(message)[:200]}") from None
        except OSError:
            line = None
        if line is None:
            raise Failure(f"ended after {json.dumps(message)[:200]}")
        try:
            reply = json.loads(line)
        except ValueError:
            raise Failure(f"wrote a line that is no JSON: {line[:200]!r}") from None
        if reply.get("unsupported"):
            raise Unsupported(message.get("act"))
        return reply

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def compare(expected: Json, found: Json, at: str = "") -> None:
    """See that everything that is expected is there; a client may say more, in objects alone."""
    if expected == ANY:
        return
    if isinstance(expected, dict) and isinstance(found, dict):
        for key, value in expected.items():
            if value == NONE:
                if key in found:
                    raise Failure(f"{at}.{key} is {json.dumps(found[key])[:400]}, and must not be there")
                continue
            if key not in found:
                raise Failure(f"{at}.{key} is missing; expected {json.dumps(value)}")
            compare(value, found[key], f"{at}.{key}")
        return
    if isinstance(expected, list) and isinstance(found, list):
        if len(expected) != len(found):
            raise Failure(f"{at} has {len(found)} items, not {len(expected)}: {json.dumps(found)[:400]}")
        for index, (one, other) in enumerate(zip(expected, found, strict=True)):
            compare(one, other, f"{at}[{index}]")
        return
    if type(expected) is not type(found) or expected != found:
        raise Failure(f"{at} is {json.dumps(found)[:400]}, not {json.dumps(expected)[:400]}")


class Server:
    """The runner's side of a session: it remembers the digests that were pushed, and checks their chain (4.2).

    `files` are those that the session lets be downloaded or uploaded, by id, in base64.
    """

    def __init__(self, files: Json) -> None:
        self.digests = {0: "0" * 64}
        self.doors = over_http.Doors()
        self._key: str | None = None
        self.files = {name: base64.b64decode(content) for name, content in files.items()}

    def part(self, asked: Json, at_most: int) -> Json:
        """A range of a file, from where the client asks."""
        content = self.files[asked["id"]]
        part = content[asked["start"] : asked["start"] + at_most]
        return {"bytes": base64.b64encode(part).decode(), "size_bytes": len(content)}

    def check_push(self, body: Json) -> None:
        """Numbers without a gap, but for answered ones among parked ones (4.15); digests that continue the chain."""
        previous = None
        mutations = body.get("mutations", [])
        if body.get("again") and (not mutations or mutations[0]["number"] not in self.digests):
            raise Failure("it says `again` of what it has not sent before (4.16)")
        for place, mutation in enumerate(mutations):
            number, is_next = mutation["number"], previous in (None, mutation["number"] - 1)
            if not is_next and not all(each in self.digests for each in range(previous + 1, number)):
                raise Failure(f"mutation {previous} is followed by {number}")
            if "digest" not in mutation and (
                place in (0, len(mutations) - 1) or mutation.get("redacted") or not is_next
            ):
                raise Failure(f"mutation {number} must have its digest (4.14)")
            self._check_digest(mutation)
            previous = number

    def check_incarnation(self, body: Json, *, is_answered: bool) -> None:
        """The same key, until it has an answer (2.7)."""
        if self._key not in (None, body["key"]):
            raise Failure(f"its key is {body['key']}, and was {self._key} when the answer was lost")
        self._key = None if is_answered else body["key"]

    def _check_digest(self, mutation: Json) -> None:
        number, digest = mutation["number"], mutation.get("digest")
        if number - 1 in self.digests and not mutation.get("redacted"):
            due = self._digest(self.digests[number - 1], mutation)
            if digest not in (None, due):
                raise Failure(f"the digest of mutation {number} is {digest}, not {due}")
            digest = due
        if self.digests.setdefault(number, digest) != digest:
            raise Failure(f"mutation {number} was sent before with another digest")

    def _digest(self, previous: str, mutation: Json) -> str:
        body = {key: value for key, value in mutation.items() if key != "digest"}
        text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(f"{previous}\n{text}".encode()).hexdigest()

    def filled(self, reply: Json) -> Json:
        """`"$digest:3"` becomes what mutation 3 was pushed with."""
        if isinstance(reply, dict):
            return {key: self.filled(value) for key, value in reply.items()}
        if isinstance(reply, list):
            return [self.filled(value) for value in reply]
        if isinstance(reply, str) and reply.startswith("$digest:"):
            return self.digests.get(int(reply.removeprefix("$digest:")), reply)
        return reply


def run_case(client: Client, case: Json) -> None:
    """One question, one answer."""
    compare(case["result"], client.say({key: value for key, value in case.items() if key != "result"}), "answer")


def run_session(client: Client, session: Json, templates: Json) -> None:
    """A script: acts of a person, and what the server says when the device asks."""
    server = Server(session.get("files", {}))
    for number, step in enumerate(session["steps"], 1):
        try:
            _run_step(client, step, server, templates)
        except Failure as failure:
            raise Failure(f"step {number} ({step['act']}): {failure}") from None


def _run_step(client: Client, step: Json, server: Server, templates: Json) -> None:
    expected, exchange = list(step.get("exchange", [])), {}
    said = client.say({key: value for key, value in step.items() if key not in ("exchange", "result")})
    while "request" in said:
        if exchange.get("repeats") and _fits(exchange, said, server):
            expected.insert(0, exchange)
        while expected and expected[0].get("optional") and not _fits(expected[0], said, server):
            expected.pop(0)
        if not expected:
            raise Failure(f"it asks what the script does not expect: {json.dumps(said)[:400]}")
        exchange = expected.pop(0)
        compare(exchange["request"], said["request"], "request")
        _check(exchange, said, server)
        _compare_asked(exchange, said, server)
        said = client.say(_answer(exchange, said, server, templates))
    due = [each for each in expected if not each.get("optional")]
    if due:
        raise Failure(f"it did not ask for {json.dumps(due[0]['request'])}")
    compare(step.get("result", {}), said, "result")


def _check(exchange: Json, said: Json, server: Server) -> None:
    """What holds of every request, whatever the script says."""
    if over_http.is_http(said):
        try:
            server.doors.check(said)
        except over_http.Misfit as misfit:
            raise Failure(str(misfit)) from None
    if said["request"] in ("push", "POST /sync/push"):
        server.check_push(said["body"])
    if said["request"] in ("incarnation", "POST /devices/incarnations"):
        server.check_incarnation(said["body"], is_answered="reply" in exchange)


def _compare_asked(exchange: Json, said: Json, server: Server) -> None:
    compare(exchange.get("headers", {}), said.get("headers", {}), "headers")
    compare(server.filled(exchange.get("body", {})), said.get("body", {}), "body")
    if "bytes_of" in exchange:
        due = server.files[exchange["bytes_of"]["file"]][exchange["bytes_of"]["from"] :]
        compare(base64.b64encode(due).decode(), said.get("bytes"), "bytes")


def _fits(exchange: Json, said: Json, server: Server) -> bool:
    """Whether a request is the one that a client may make, and need not."""
    try:
        compare(exchange["request"], said["request"])
        _compare_asked(exchange, said, server)
    except Failure:
        return False
    return True


def _answer(exchange: Json, said: Json, server: Server, templates: Json) -> Json:
    if over_http.is_http(said):
        line = over_http.answer(exchange, server.files, templates, server.filled)
        if "reply" in exchange and not exchange.get("forgotten"):
            server.doors.note(said, line["body"])
        return line
    answer = {key: exchange[key] for key in ("lost", "error", "meanwhile") if key in exchange}
    if "bytes" in exchange:
        answer["reply"] = server.part(said["body"], exchange["bytes"])
    if "reply" in exchange:
        answer["reply"] = server.filled(templates[exchange["request"]] | exchange["reply"])
    return answer


def vectors(folder: Path, only: str) -> Iterator[tuple[str, str, Json]]:
    """All of them: name, kind, content."""
    for path in sorted(folder.glob("cases/*.json")):
        for number, case in enumerate(json.loads(path.read_text(encoding="utf-8")), 1):
            name = f"{path.stem}/{case.pop('name', number)}"
            if only in name:
                yield name, "case", case
    for path in sorted(folder.glob("sessions/[!_]*.json")):
        if only in path.stem:
            yield path.stem, "session", json.loads(path.read_text(encoding="utf-8"))


def run(command: list[str], folder: Path = HERE, only: str = "", verbose: bool = False) -> int:
    """Run all vectors; how many failed."""
    templates = json.loads((folder / "sessions" / "_replies.json").read_text(encoding="utf-8"))
    deaths = 0
    counts = {"passed": 0, "failed": 0, "unsupported": 0}
    client: Client | None = None
    for name, kind, vector in vectors(folder, only):
        client = client or Client(command)
        verdict, why = "passed", ""
        try:
            if kind == "case":
                run_case(client, vector)
            else:
                run_session(client, vector, templates)
        except Unsupported as act:
            verdict, why = "unsupported", str(act)
        except Failure as failure:
            verdict, why = "failed", str(failure)
            deaths = deaths + 1 if " ended after " in f" {why} " else 0
        except (KeyError, TypeError, AttributeError) as error:
            verdict, why = "failed", f"the client's line has not the expected form: {error!r}"
        counts[verdict] += 1
        if verdict != "passed" or verbose:
            print(f"{verdict:11} {name}: {why or vector.get('says', '')}")
        if deaths == DEATHS_MAX:
            print("The client does not stay up; given up.")
            break
        if verdict == "failed" or kind == "session":
            client.close()  # a session begins with a client that remembers nothing
            client = None
    if client is not None:
        client.close()
    print(", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count or verdict != "unsupported"))
    return counts["failed"] if sum(counts.values()) else 1


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="TEXT", help="vectors whose name contains TEXT")
    parser.add_argument("--verbose", action="store_true", help="also print what has passed")
    parser.add_argument("command", nargs="+", metavar="COMMAND", help="the client to test; put -- before it")
    given = parser.parse_args()
    return int(bool(run(given.command, only=given.only, verbose=given.verbose)))


if __name__ == "__main__":
    sys.exit(main())
