"""Outrider's own SDK under the conformance runner: its line protocol on one side, a replica on the other."""

import base64
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from outrider_sdk import (
    ClientTooOld,
    ContentMissing,
    Credentials,
    DeviceRevoked,
    ForeignCredentials,
    InvalidValue,
    MemoryCredentials,
    NotDiscardable,
    NotEnrolled,
    Offline,
    OutriderError,
    ProtocolViolation,
    Rejected,
    Replica,
    ReplicaForked,
    ReplicaWiped,
    ServerUnavailable,
    overlay,
    rules,
)
from outrider_sdk.identity import read_enrolment_url
from outrider_sdk.kinds import id_text, to_python, to_stored, to_wire
from outrider_sdk.lease import read_lease
from outrider_sdk.protocol import ENTITIES, canonical_json, chain_digest, columns, encoding
from outrider_sdk.protocol.checksum import sum_up, sum_up_contents

DEVICE_ID = "01920000-0000-7000-8000-0000000000d1"
MEMBER_ID = "01920000-0000-7000-8000-0000000000e1"
BODY_BYTES_MAX = 1024 * 1024
"""Far more than any vector has."""
ERRORS: dict[type[OutriderError], str] = {
    Offline: "offline",
    ServerUnavailable: "unavailable",
    ReplicaWiped: "wiped",
    NotEnrolled: "not_enrolled",
    ContentMissing: "content_missing",
    ReplicaForked: "forked",
    DeviceRevoked: "revoked",
    ClientTooOld: "too_old",
    ProtocolViolation: "violation",
    ForeignCredentials: "foreign",
    Rejected: "rejected",
}
FAILURES: dict[str, Callable[[dict[str, Any]], OutriderError]] = {
    "forked": lambda error: ReplicaForked(error["number"]),
    "device_revoked": lambda error: DeviceRevoked("The device was revoked."),
    "client_too_old": lambda error: ClientTooOld("The server speaks another protocol."),
}


def enrolled(secret: str, refresh_token: str) -> Credentials:
    """The device of all vectors."""
    return Credentials(
        server="https://server.example",
        slug="acme",
        device_id=DEVICE_ID,
        member_id=MEMBER_ID,
        incarnation=1,
        number_prefix="W7",
        secret=secret,
        refresh_token=refresh_token,
        access_token="",
    )


def say(message: dict[str, Any]) -> None:
    """A line to the runner."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def said_of(error: OutriderError) -> dict[str, Any]:
    """An error, by its name in the vectors."""
    return {"error": next(code for kind, code in ERRORS.items() if isinstance(error, kind))}


class LineTransport:
    """A network that is the runner: requests go out as lines, and lines come back."""

    contact_time = None
    bytes_sent = bytes_received = 0

    def __init__(self, meanwhile: Callable[[dict[str, Any]], object]) -> None:
        self._meanwhile = meanwhile

    def push(self, request: Any) -> Any:
        return self._ask("push", request)

    def pull(self, request: Any) -> Any:
        return self._ask("pull", request)

    def _ask(self, name: str, request: Any) -> Any:
        say({"request": name, "body": request})
        answer = json.loads(sys.stdin.readline())
        if "meanwhile" in answer:
            self._meanwhile(answer["meanwhile"])
        if answer.get("lost"):
            raise Offline("The reply is gone.")
        if "error" in answer:
            error = answer["error"]
            known = FAILURES.get(error["code"])
            raise known(error) if known else Rejected(error["status"], error["code"], error["code"], error)
        return answer["reply"]

    def begin_incarnation(self, request: Any) -> Any:
        return self._ask("incarnation", request)

    def close(self) -> None:
        pass


class WithSnapshots(LineTransport):
    """The same for a session about snapshots; without this, the SDK asks for none."""

    def snapshot_part(self, snapshot_id: str, start: int, take: Callable[[bytes], None]) -> int:
        reply = self._ask("snapshot", {"id": snapshot_id, "start": start})
        take(base64.b64decode(reply["bytes"]))
        return int(reply["size_bytes"])


class WithChecksums(LineTransport):
    """The same for a session about checksums."""

    def checksum(self, request: Any) -> Any:
        return self._ask("checksum", request)


OVER_HTTP = "http"
TRANSPORTS = {None: LineTransport, "snapshots": WithSnapshots, "checksums": WithChecksums}


class Session:
    """A device, from `open` on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._clock = 0
        self._needs: str | None = None
        self._ids: list[str] = []

    def open(self, step: dict[str, Any]) -> dict[str, Any]:
        """A new replica."""
        self._clock, self._needs = step["now"], step.get("needs")
        given: dict[str, Any] = {}
        if self._needs == OVER_HTTP:
            import adapter_http  # urllib3 takes its time: only sessions over HTTP wait for it

            adapter_http.install(say)
        elif self._needs in TRANSPORTS:
            transport = TRANSPORTS[self._needs](self.change)
            given = {"credentials": MemoryCredentials(enrolled("c2VjcmV0", "r")), "transport": transport}
        else:
            return {"unsupported": True}
        self.crm = Replica.open(self._folder / "crm.db", clock=lambda: self._clock, **given)
        self.crm._new_id = lambda: self._ids.pop(0)  # type: ignore[assignment]
        return {}

    def clock(self, step: dict[str, Any]) -> dict[str, Any]:
        """The device's clock shows another time."""
        self._clock = step["now"]
        return {}

    def change(self, step: dict[str, Any]) -> dict[str, Any]:
        """A person's transaction."""
        with self.crm.transaction() as transaction:
            for change in step["changes"]:
                self._change(change)
        return {"number": transaction.number}

    def _change(self, change: dict[str, Any]) -> None:
        if change["op"] == "intent":
            entity, _, act = change["name"].partition(".")
            getattr(self.crm.table(entity), act)(change["id"])
            return
        table = self.crm.table(change["entity"])
        fields = ENTITIES[change["entity"]].by_name
        values = {n: to_python(fields[n], to_stored(fields[n], v)) for n, v in change.get("fields", {}).items()}
        if change["op"] == "create":
            self._ids.append(change["id"])
            table.create(**values)
        elif change["op"] == "edit":
            table.edit(change["id"], **values)
        else:
            table.delete(change["id"])

    def discard(self, step: dict[str, Any]) -> dict[str, Any]:
        """A person takes an unsent mutation back."""
        try:
            return {"discarded": self.crm.discard(step["number"], cascade=True)}
        except NotDiscardable:
            return {"discarded": []}

    def sync(self, step: dict[str, Any]) -> dict[str, Any]:
        """Push and pull, through the runner."""
        try:
            report = self.crm.sync()
        except OutriderError as error:
            return said_of(error)
        return {"cursor": report.cursor}

    def enrol(self, step: dict[str, Any]) -> dict[str, Any]:
        """A person types a code, or scans one."""
        where = {key: value for key, value in step.items() if key != "act"}
        try:
            made = self.crm.enrol(**where)
        except OutriderError as error:
            return said_of(error)
        return {"device_id": made.device_id, "number_prefix": made.number_prefix}

    def attach(self, step: dict[str, Any]) -> dict[str, Any]:
        """A person attaches a file."""
        self._ids.append(step["id"])
        content, record = base64.b64decode(step["bytes"]), (step["entity"], step["row_id"])
        self.crm.attachments.add(record, content, name=step["name"], media_type=step["media_type"])
        return {}

    def content(self, step: dict[str, Any]) -> dict[str, Any]:
        """A person opens an attachment."""
        try:
            with self.crm.attachments.open(step["id"]) as file:
                return {"bytes": base64.b64encode(file.read()).decode()}
        except OutriderError as error:
            return said_of(error)

    def listen(self, step: dict[str, Any]) -> dict[str, Any]:
        """Listen, and sync at each poke, until only a person can mend what is wrong."""
        listener = self.crm.listen()
        listener._thread.join()
        return {"pokes": listener.pokes} | (said_of(listener.error) if listener.error else {})

    def status(self, step: dict[str, Any]) -> dict[str, Any]:
        """How the device stands."""
        found = self.crm.status()
        return {"pending": found.pending, "past_lease": found.past_lease}

    def rows(self, step: dict[str, Any]) -> dict[str, Any]:
        """What is shown of an entity, in the shapes of the wire, by id."""
        entity = ENTITIES[step["entity"]]
        with self.crm._store.read() as conn:
            found = conn.execute(f'SELECT * FROM "{entity.name}" ORDER BY id').fetchall()
        return {"rows": [overlay.wire_row(entity, row) for row in found]}

    def waiting(self, step: dict[str, Any]) -> dict[str, Any]:
        """Refused mutations that wait for a person."""
        return {"refused": [{"number": i.number, "code": i.code} for i in self.crm.attention() if i.number and i.code]}

    def reopen(self, step: dict[str, Any]) -> dict[str, Any]:
        """The program ends, and begins again, with the same file."""
        self.crm.close()
        return self.open({"now": self._clock, "needs": self._needs})


def canonical(case: dict[str, Any]) -> dict[str, Any]:
    return {"text": canonical_json(case["value"])}


def digest(case: dict[str, Any]) -> dict[str, Any]:
    return {"digest": chain_digest(case["previous"], case["mutation"])}


def proof(case: dict[str, Any]) -> dict[str, Any]:
    return {"proof": enrolled(case["secret"], "r").proof(case["text"])}


def enrolment(case: dict[str, Any]) -> dict[str, Any]:
    try:
        server, tenant, code = read_enrolment_url(case["url"])
    except InvalidValue:
        return {"refused": True}
    return {"server": server, "tenant": tenant, "code": code}


def checksum(case: dict[str, Any]) -> dict[str, Any]:
    rows = ((UUID(row["id"]).bytes, row["revision"]) for row in case["rows"])
    return {"sum": sum_up(rows), "content_sum": sum_up_contents(case["contents"])}


def price(case: dict[str, Any]) -> dict[str, Any]:
    numbers = (Decimal(case[name]) for name in ("list_price", "quantity", "discount"))
    return {"amount_minor": rules.line_amount_minor(*numbers, case["currency"])}


def transition(case: dict[str, Any]) -> dict[str, Any]:
    may = rules.return_may_become if case["entity"] == "return_order" else rules.may_become
    return {"legal": may(case["status"], case["following"])}


def consent(case: dict[str, Any]) -> dict[str, Any]:
    return {"state": rules.consent_state(case["records"])}


def value(case: dict[str, Any]) -> dict[str, Any]:
    field = ENTITIES[case["entity"]].by_name[case["field"]]
    try:
        return {"value": to_wire(case["entity"], field, to_python(field, to_stored(field, case["value"])))}
    except (InvalidValue, ValueError, ArithmeticError):
        return {"refused": True}


def unpack(case: dict[str, Any]) -> dict[str, Any]:
    try:
        values = columns.unpack(case["column"])
    except columns.ColumnMalformed:
        return {"refused": True}
    return {"values": as_text(values)}


def page(case: dict[str, Any]) -> dict[str, Any]:
    """A page as its bytes came."""
    if ("msgpack" in case["type"] and encoding.msgspec() is None) or (
        case["coding"] == "zstd" and encoding.zstd() is None
    ):
        return {"unsupported": True}
    try:
        body = encoding.decompress(base64.b64decode(case["body"]), case["coding"], BODY_BYTES_MAX)
        read = encoding.loads(body, case["type"])
        columns.unpack_page(read)
    except (encoding.EncodingError, columns.ColumnMalformed):
        return {"refused": True}
    named = {
        entity: {name: as_text(column) for name, column in found.items()} for entity, found in read["puts"].items()
    }
    return {"puts": named, "drops": {entity: as_text(ids) for entity, ids in read["drops"].items()}}


def as_text(values: list[Any]) -> list[Any]:
    return [id_text(value) if isinstance(value, bytes) else value for value in values]


def lease(case: dict[str, Any]) -> dict[str, Any]:
    held = replace(enrolled("c2VjcmV0", "r"), lease=case["token"], lease_key=case["key"], device_id=case["device_id"])
    found = read_lease(held)
    if found is None:
        return {"genuine": False, "until": None, "past": True, "state": None}
    plan = found.plan_at(case["now"])
    past = case["now"] >= found.contact_until
    return {"genuine": True, "until": found.until, "past": past, "state": plan and plan.state}


ACTS = (canonical, digest, proof, enrolment, checksum, price, transition, consent, value, unpack, page, lease)
CASES = {each.__name__: each for each in ACTS}


def main() -> None:
    """Answer lines until there are no more."""
    with tempfile.TemporaryDirectory() as folder:
        session = Session(Path(folder))
        for line in sys.stdin:
            step = json.loads(line)
            act = CASES.get(step["act"]) or getattr(session, step["act"], None)
            say(act(step) if act else {"unsupported": True})


if __name__ == "__main__":
    main()
