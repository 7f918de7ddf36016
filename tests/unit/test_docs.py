"""The documents say what the code does: codes, entities, settings, commands, links and examples.

Each check returns what is wrong, so that a second test can show that it finds a planted mistake.
"""

import importlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import pytest
from outrider_sdk.protocol import GENESIS_DIGEST, chain_digest
from outrider_sdk.protocol.entities import COMMON_FIELDS, ENTITIES, Entity, Field

from server.errors import AppError
from server.sync import refusals

ROOT = Path(__file__).parents[2]
PROTOCOL = ROOT / "docs/sync-protocol.md"
README = ROOT / "README.md"
GLOSSARY = ROOT / "docs/glossary.md"
MAKEFILE = ROOT / "Makefile"
ADR_LINES_MAX = 70

ERROR_MODULES = ("server.errors", "server.sync.handlers", "server.sync.wire", "server.sync.push", "server.sync.numbers")
"""All errors of these reach a device; of the modules below, the ones that its routes raise."""
OF_OTHER_ROUTES = {"bad_request", "unauthorized", "not_found", "conflict", "precondition_failed", "too_many_requests"}
"""Codes of base classes, and of REST, that no route of a device answers with."""
ROUTE_ERRORS = {
    "server.auth.devices": ("CodeInvalid", "DeviceRevoked", "DeviceUnknown", "PrefixesExhausted"),
    "server.auth.incarnations": ("IncarnationsExhausted", "ProofInvalid"),
    "server.auth.returning": ("LeaseInvalid",),
    "server.auth.unfold": ("EncodingUnsupported",),
    "server.auth.tokens": ("TokenMissing", "TokenInvalid", "TokenExpired"),
    "server.auth.limits": ("GrowthPaused", "LimitReached", "SeatMissing"),
    "server.sync.position": ("PositionUnknown",),
    "server.sync.quarantine": ("NotRevoked", "QuarantineClosed"),
    "server.sync.snapshots": ("SnapshotGone",),
    "server.sync.snapshot_handlers": ("RangeUnsatisfiable",),
}


def documents() -> list[Path]:
    """Every document of the project."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def section(text: str, heading: str) -> str:
    """The part of a document from a heading to the next of its rank."""
    found = re.search(rf"^(#+) {re.escape(heading)}\n(.*?)(?=^\1 |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"there is no heading {heading!r}"
    return found[2]


def table(text: str) -> list[list[str]]:
    """The cells of the rows of the first table in a text, without its head."""
    rows = [line.strip().strip("|").split(" | ") for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def differences(what: str, documented: set[str], real: set[str]) -> list[str]:
    """What one side has and the other lacks."""
    missing = [f"{what} {name} is not documented" for name in sorted(real - documented)]
    return missing + [f"{what} {name} is documented and does not exist" for name in sorted(documented - real)]


def refusal_problems(text: str) -> list[str]:
    rows = table(section(text, "8 Refusal codes"))
    documented = {f"{code} → {choices}" for code, _, choices in rows}
    real = {f"`{code}` → {', '.join(choices)}" for code, choices in refusals._CHOICES.items()}
    return differences("refusal", documented, real)


def device_errors() -> set[type[AppError]]:
    """The errors with which a device's routes answer."""
    found: set[type[AppError]] = set()
    for name in ERROR_MODULES:
        module = vars(importlib.import_module(name)).values()
        found |= {each for each in module if isinstance(each, type) and issubclass(each, AppError)}
    for name, classes in ROUTE_ERRORS.items():
        found |= {getattr(importlib.import_module(name), each) for each in classes}
    return {each for each in found if each.code not in OF_OTHER_ROUTES}


def error_problems(text: str) -> list[str]:
    documented = {f"{code} ({status})" for code, status, *_ in table(section(text, "9 Error codes"))}
    return differences("error", documented, {f"`{e.code}` ({e.status})" for e in device_errors()})


def marked(field: Field) -> str:
    """A field as the table of entities writes it."""
    mode = " w" * field.writable + " c" * field.create_only + " o" * field.once
    return f"{field.name} {field.kind}{'!' * field.required}{mode}"


def entity_row(entity: Entity) -> str:
    """An entity's row in the table of entities."""
    edits = any(f.writable or f.once for f in entity.fields)
    rights = {"create": entity.creatable, "edit": edits, "delete": entity.deletable}
    may = ", ".join(right for right, given in rights.items() if given) or "read"
    return f"| `{entity.name}` | {may} | {', '.join(map(marked, entity.fields))} |"


def entity_problems(text: str) -> list[str]:
    part = section(text, "10 Entities")
    documented = [line for line in part.splitlines() if line.startswith("| `")]
    problems = differences("entity", set(documented), {entity_row(e) for e in ENTITIES.values()})
    if not problems and documented != [entity_row(e) for e in ENTITIES.values()]:
        problems.append("the entities do not stand in the order of dependence")
    common = f"begins with: {', '.join(map(marked, COMMON_FIELDS))}."
    return problems if common in part else [*problems, f"it does not say: {common}"]


def glossary_problems(text: str) -> list[str]:
    named = set(re.findall(r"`([a-z_]+)`", section(text, "Entities")))
    return differences("entity", named, set(ENTITIES))


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*## ", MAKEFILE.read_text(), re.MULTILINE))


def make_problems(text: str) -> list[str]:
    """`make` commands in code, between backquotes or in blocks, whose target does not exist."""
    code = re.findall(r"```.*?```|`[^`\n]+`", text, re.DOTALL)
    used = {target for part in code for target in re.findall(r"\bmake ([a-z][a-z-]*)", part)}
    return [f"make {target} does not exist" for target in sorted(used - make_targets())]


def make_table_problems(text: str) -> list[str]:
    listed = {
        cells[0].strip("`").removeprefix("make ").split()[0] for cells in table(section(text, "What make can do"))
    }
    return differences("make target", listed, make_targets())


def setting_problems(text: str) -> list[str]:
    listed = {cells[0].strip("`") for cells in table(section(text, "Configuration"))}
    return differences("setting", listed, set(re.findall(r'"(OUTRIDER_[A-Z_]+)"', _source("server/config.py"))))


def _source(path: str) -> str:
    return (ROOT / path).read_text()


def link_problems(text: str, of: Path = README) -> list[str]:
    """Relative links, of Markdown and HTML, that lead nowhere."""
    links = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|href|srcset)="([^"]+)"', text)
    local = [link.partition("#")[0] for link in links if not re.match(r"[a-z]+:", link)]
    return [f"{of.name}: {link} leads nowhere" for link in local if not (of.parent / unquote(link)).exists()]


def example_problems(text: str) -> list[str]:
    """Examples that are no JSON, and digests that do not chain."""
    problems, digest = [], GENESIS_DIGEST
    for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL):
        try:
            message = json.loads(block)
        except ValueError as error:
            problems.append(f"not JSON ({error}): {block[:60]}")
            continue
        for mutation in message.get("mutations", ()):
            digest = chain_digest(digest, mutation)
            if mutation["digest"] != digest:
                problems.append(f"the digest of mutation {mutation['number']} is {digest}")
    return problems


@pytest.mark.parametrize("check", [refusal_problems, error_problems, entity_problems, example_problems])
def test_protocol_agrees_with_the_code(check: Callable[[str], list[str]]):
    """A stranger writes a client from this document alone."""
    assert check(PROTOCOL.read_text()) == []


@pytest.mark.parametrize("document", documents(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_document_names_commands_and_files_that_exist(document: Path):
    """What a newcomer copies from a document works."""
    text = document.read_text()

    assert make_problems(text) == []
    assert link_problems(text, document) == []


def test_readme_lists_every_make_target_and_every_setting():
    """The first screen is where people look."""
    text = README.read_text()

    assert make_table_problems(text) == []
    assert setting_problems(text) == []


def test_glossary_lists_every_entity():
    """One word per thing, and each thing has one."""
    assert glossary_problems(GLOSSARY.read_text()) == []


@pytest.mark.parametrize(
    ("check", "document", "right", "wrong"),
    [
        (refusal_problems, PROTOCOL, "| `not_found` |", "| `not_foud` |"),
        (refusal_problems, PROTOCOL, " | report, discard |", " | discard |"),
        (error_problems, PROTOCOL, "| `forked` | 409 |", "| `fork` | 409 |"),
        (error_problems, PROTOCOL, "| `forked` | 409 |", "| `forked` | 404 |"),
        (entity_problems, PROTOCOL, "| `account` |", "| `acount` |"),
        (entity_problems, PROTOCOL, "legal_name text w,", "legal_name text c,"),
        (entity_problems, PROTOCOL, "created_by id,", "created_by text,"),
        (entity_problems, PROTOCOL, "signature_id id o", "signature_id id"),
        (example_problems, PROTOCOL, '"number": 2,', '"number": 3,'),
        (example_problems, PROTOCOL, '"acked_through": 0', '"acked_through": 00'),
        (make_problems, README, "make demo", "make dmeo"),
        (make_table_problems, README, "| `make bench", "| `make banch"),
        (setting_problems, README, "| `OUTRIDER_PORT` |", "| `OUTRIDER_PROT` |"),
        (link_problems, README, "docs/picture.svg", "docs/pictur.svg"),
        (glossary_problems, GLOSSARY, "`order_line`", "`orderline`"),
    ],
)
def test_checks_of_documents_find_a_planted_mistake(
    check: Callable[[str], list[str]], document: Path, right: str, wrong: str
):
    """A check that cannot fail checks nothing."""
    text = document.read_text()

    assert right in text
    assert check(text.replace(right, wrong)) != []


@pytest.mark.parametrize("record", sorted((ROOT / "docs/adr").glob("*.md")), ids=lambda path: path.stem)
def test_decision_record_is_short_and_whole(record: Path):
    """Records that nobody reads to their end decide nothing."""
    text = record.read_text()
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)

    assert len(text.splitlines()) <= ADR_LINES_MAX
    assert re.match(rf"# {record.stem[:4]} ", text)
    assert headings == ["Status", "Context", "Decision", "Consequences", "Rejected"]


def test_no_two_decision_records_have_one_number():
    """A number is how code and people name a decision; it is taken before the record lands."""
    numbers = [int(path.stem[:4]) for path in sorted((ROOT / "docs/adr").glob("*.md"))]

    assert numbers == sorted(set(numbers))
