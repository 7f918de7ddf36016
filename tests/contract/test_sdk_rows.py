"""The SDK's row classes are those of the entities' definitions: generated, recorded, and checked by a type checker."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import mypy.api
from outrider_sdk import rows
from outrider_sdk.kinds import TEXT_LISTS
from outrider_sdk.protocol.entities import ENTITIES, Entity, Field, Kind

ROOT = Path(__file__).parents[2]
RECORDED = ROOT / "mobile_sdk" / "outrider_sdk" / "rows"
REGENERATE = "python -m tests.contract.test_sdk_rows"
MODULES = ("accounts", "catalogue", "fieldwork", "money", "orders", "people", "records", "stock")
TYPES = {
    Kind.ID: "str",
    Kind.TEXT: "str",
    Kind.INTEGER: "int",
    Kind.DECIMAL: "Decimal",
    Kind.BOOLEAN: "bool",
    Kind.INSTANT: "datetime",
    Kind.DATE: "date",
}
DOCUMENTS = {"custom": "dict[str, Any]", "names": "dict[str, str]", "labels": "dict[str, str]"}
IMPORTS = {"Any": "typing", "ClassVar": "typing", "Decimal": "decimal", "date": "datetime", "datetime": "datetime"}


def class_name(entity: str) -> str:
    return "".join(word.capitalize() for word in entity.split("_"))


def annotation(field: Field) -> str:
    known = TYPES.get(field.kind) or ("list[str]" if field.name in TEXT_LISTS else DOCUMENTS.get(field.name, "Any"))
    return known if field.required or known == "Any" else f"{known} | None"


def class_source(entity: Entity) -> str:
    noun = entity.name.replace("_", " ")
    fields = "\n".join(f"    {field.name}: {annotation(field)}" for field in entity.all_fields)
    return (
        f'class {class_name(entity.name)}(Row):\n    """A row of {noun}."""\n\n    __slots__ = ()\n'
        f'    entity_name: ClassVar[str] = "{entity.name}"\n{fields}\n'
    )


def module_source(module: str, entities: list[Entity]) -> str:
    classes = "\n\n".join(class_source(entity) for entity in entities)
    used = {"ClassVar"} | {name for name in IMPORTS if re.search(rf"(: |, ){name}\b", classes)}
    lines = [f'"""Row classes of {module}; recorded by {REGENERATE}."""', "", "from __future__ import annotations", ""]
    for source in sorted({IMPORTS[name] for name in used}):
        names = sorted(name for name in used if IMPORTS[name] == source)
        lines.append(f"from {source} import {', '.join(names)}")
    return "\n".join([*lines, "", "from outrider_sdk.row import Row", "", "", classes])


def sources() -> dict[str, str]:
    """Per file of the package, its text."""
    subjects = {name: importlib.import_module(f"outrider_sdk.protocol.entities.{name}") for name in MODULES}
    of = {name: [e for e in ENTITIES.values() if e in vars(module).values()] for name, module in subjects.items()}
    files = {f"{name}.py": module_source(name, entities) for name, entities in of.items()}
    names = {name: sorted(class_name(e.name) for e in entities) for name, entities in of.items()}
    imports = "".join(f"from outrider_sdk.rows.{name} import {', '.join(names[name])}\n" for name in MODULES)
    classes = ", ".join(sorted(name for each in names.values() for name in each))
    exported = ", ".join(f'"{name}"' for name in sorted([*classes.split(", "), "ROWS"]))
    files["__init__.py"] = (
        f'"""A class for the rows of each entity; recorded by {REGENERATE}."""\n\n{imports}'
        "from outrider_sdk.row import Row\n\n"
        f"ROWS: dict[str, type[Row]] = {{each.entity_name: each for each in ({classes})}}\n"
        f'"""Per entity, the class of its rows."""\n\n__all__ = [{exported}]\n'
    )
    return files


def formatted(text: str) -> str:
    """As `make format` leaves it."""
    for act in (["check", "--select", "I,RUF022", "--fix"], ["format"]):
        ruff = [sys.executable, "-m", "ruff", *act, "--quiet", "--stdin-filename", "rows.py", "-"]
        text = subprocess.run(ruff, input=text, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    return text


def test_each_entity_has_a_row_class_of_its_fields():
    """What an editor completes is what there is."""
    assert rows.ROWS.keys() == ENTITIES.keys()
    for name, entity in ENTITIES.items():
        own = {field for field in rows.ROWS[name].__annotations__ if field != "entity_name"}
        assert own == set(entity.columns), f"{name} has changed. Run: {REGENERATE}"


def test_the_row_classes_are_the_recorded_ones():
    """A changed kind or nullability reaches the types, too."""
    recorded = {path.name: path.read_text(encoding="utf-8") for path in RECORDED.glob("*.py")}

    assert recorded == {name: formatted(text) for name, text in sources().items()}, f"Run: {REGENERATE}"


SAMPLE = """
from outrider_sdk import Replica
crm = Replica.open("crm.db")
account = crm.accounts.get("x")
reveal_type(account.name)
reveal_type(account.legal_name)
reveal_type(crm.orders.list()[0].total_minor)
reveal_type(crm.products.where(active=True).order_by("name").first())
reveal_type(crm.visits.create().checked_in_at)
account.nmae
"""


def test_a_type_checker_knows_fields_and_finds_misspelt_ones(tmp_path: Path):
    """It is what typed rows are for."""
    sample = tmp_path / "sample.py"
    sample.write_text(SAMPLE, encoding="utf-8")

    said, _, _ = mypy.api.run(
        ["--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(tmp_path), str(sample)]
    )

    assert '"Account" has no attribute "nmae"' in said
    for revealed in ('"str"', '"str | None"', '"int"', 'rows.catalogue.Product | None"', '"datetime.datetime"'):
        assert revealed in said, said


if __name__ == "__main__":
    for name, text in sources().items():
        (RECORDED / name).write_text(formatted(text), encoding="utf-8")
    print(f"recorded {RECORDED.relative_to(ROOT)}")  # noqa: T201
