"""The wire is what it is said to be: a change of messages or entities without a change of the version is seen."""

import hashlib
import json
import typing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from outrider_sdk.protocol import messages
from outrider_sdk.protocol.entities import ENTITIES, SCHEMA_VERSION

RECORDED = Path(__file__).parents[2] / "docs" / "wire.json"
REGENERATE = ".venv/bin/python -m tests.unit.test_wire"
LENGTH = 16


def mark(described: object) -> str:
    return hashlib.sha256(json.dumps(described, sort_keys=True, default=str).encode()).hexdigest()[:LENGTH]


def described_message(message: Any) -> dict[str, Any]:
    return {
        "required": sorted(message.__required_keys__),
        "members": {name: str(kind) for name, kind in message.__annotations__.items()},
    }


def described() -> dict[str, Any]:
    """Versions, and per message and entity a hash of all that a client sees of it."""
    known = {name: each for name, each in vars(messages).items() if typing.is_typeddict(each)}
    return {
        "protocol": messages.PROTOCOL_VERSION,
        "schema": SCHEMA_VERSION,
        "messages": {name: mark(described_message(each)) for name, each in sorted(known.items())},
        "entities": {
            name: mark([asdict(entity), [asdict(field) for field in entity.all_fields]])
            for name, entity in ENTITIES.items()
        },
    }


@pytest.mark.parametrize(("part", "version"), [("messages", "protocol"), ("entities", "schema")])
def test_the_wire_changes_only_with_its_version(part: str, version: str):
    """A client that was not told would misread what it gets, or send what is refused."""
    recorded, now = json.loads(RECORDED.read_text(encoding="utf-8")), described()

    changed = sorted(
        name for name in recorded[part].keys() | now[part].keys() if recorded[part].get(name) != now[part].get(name)
    )

    assert not changed, (
        f"The wire of {', '.join(changed)} has changed. From the first release on, raise "
        f"{version.upper()}_VERSION and say in docs/sync-protocol.md what is new. Then record it: {REGENERATE}"
    )
    assert recorded[version] == now[version], f"Record the new version: {REGENERATE}"


def test_a_changed_member_changes_the_hash():
    """A check that sees nothing is none."""
    before = described_message(messages.PullRequest)

    after = {**before, "members": {**before["members"], "cursor": "str"}}

    assert mark(before) != mark(after)
    assert mark(before) == mark(described_message(messages.PullRequest))


if __name__ == "__main__":
    RECORDED.write_text(json.dumps(described(), indent=1) + "\n", encoding="utf-8")
    print(f"recorded {RECORDED.name}")  # noqa: T201
