"""The wire is what it is said to be: a change of messages or entities without a change of the version is seen.

Two files are recorded from the definitions: hashes, and the entities as programs in other languages read them.
"""

import hashlib
import json
import typing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from outrider_sdk.protocol import messages
from outrider_sdk.protocol.attachments import MEDIA_TYPES
from outrider_sdk.protocol.entities import COMMON_FIELDS, ENTITIES, SCHEMA_VERSION, Entity, Field

ROOT = Path(__file__).parents[2]
RECORDED = ROOT / "docs" / "wire.json"
ENTITIES_RECORDED = ROOT / "mobile_sdk" / "conformance" / "entities.json"
REGENERATE = ".venv/bin/python -m tests.unit.test_wire"
LENGTH = 16


def mark(described: object) -> str:
    return hashlib.sha256(json.dumps(described, sort_keys=True, default=str).encode()).hexdigest()[:LENGTH]


def described_message(message: Any) -> dict[str, Any]:
    return {
        "required": sorted(message.__required_keys__),
        "members": {name: str(kind) for name, kind in message.__annotations__.items()},
    }


def readable_field(field: Field) -> dict[str, Any]:
    """A field as a client in any language needs it; what is left out is false, none or without a limit."""
    device = {"write": field.writable, "create": field.create_only, "once": field.once}
    told = {
        "required": field.required,
        "device": next((mode for mode, may in device.items() if may), None),
        "length_max": field.max_length,
        "values": list(field.values),
        "default": field.default,
        "signed": field.signed,
        "refers": field.refers,
    }
    return {"kind": str(field.kind)} | {name: value for name, value in told.items() if value not in (False, None, [])}


def readable_entity(entity: Entity) -> dict[str, Any]:
    may = {
        "create": entity.creatable,
        "edit": entity.editable or any(f.once for f in entity.fields),
        "delete": entity.deletable,
    }
    return {
        "device": [right for right, given in may.items() if given],
        "fields": {field.name: readable_field(field) for field in entity.fields},
    }


def readable() -> dict[str, Any]:
    """All entities in the order of dependence, as the table of docs/sync-protocol.md §10 has them, and more of each."""
    return {
        "schema": SCHEMA_VERSION,
        "common": {field.name: readable_field(field) for field in COMMON_FIELDS},
        "entities": {name: readable_entity(entity) for name, entity in ENTITIES.items()},
        "media_types": sorted(MEDIA_TYPES),
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


def test_entities_json_says_what_the_definitions_say():
    """Clients in other languages make their tables of it: what it lacks, they lose."""
    recorded = json.loads(ENTITIES_RECORDED.read_text(encoding="utf-8"))

    assert recorded == readable(), f"Record it: {REGENERATE}"
    assert list(recorded["entities"]) == list(ENTITIES)


def test_a_changed_member_changes_the_hash():
    """A check that sees nothing is none."""
    before = described_message(messages.PullRequest)

    after = {**before, "members": {**before["members"], "cursor": "str"}}

    assert mark(before) != mark(after)
    assert mark(before) == mark(described_message(messages.PullRequest))


if __name__ == "__main__":
    for path, content in ((RECORDED, described()), (ENTITIES_RECORDED, readable())):
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        print(f"recorded {path.name}")  # noqa: T201
