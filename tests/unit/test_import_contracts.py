"""The import rules hold, and each of them can fail: a rule that never fails guards nothing."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
NAMES = {contract["id"]: contract["name"] for contract in CONTRACTS}


class Offence(NamedTuple):
    contract: str
    file: str
    line: str


OFFENCES = [
    Offence("layers", "server/crm/offender.py", "import server.web"),
    Offence("layers", "server/billing/offender.py", "import server.sync"),
    Offence("layers", "server/imports/offender.py", "import server.sync"),
    Offence("layers", "server/exports/offender.py", "import server.imports"),
    Offence("layers", "server/webhooks/offender.py", "import server.sync"),
    Offence("layers", "server/unplaced.py", ""),
    Offence("pure", "server/sync/decide.py", "import asyncpg"),
    Offence("pure", "server/sync/rules.py", "from piccolo.columns import Text"),
    Offence("pure", "server/billing/access.py", "from server import db"),
    Offence("pure", "server/imports/decide.py", "from server.imports import load"),
    Offence("services", "server/crm/offender/service.py", "from litestar import get"),
    Offence("services", "server/auth/service.py", "import litestar.status_codes"),
    Offence("stripe", "server/billing/service.py", "import stripe"),
    Offence("stripe", "server/web/offender.py", "from stripe import Webhook"),
    Offence("sdk", "outrider_sdk/offender.py", "from server import config"),
    Offence("shared", "server/sync/offender.py", "import outrider_sdk"),
    Offence("shared", "server/crm/offender.py", "from outrider_sdk.offender import anything"),
]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what is linted, both packages side by side."""
    leave_out = shutil.ignore_patterns("__pycache__", "templates", "static")
    shutil.copytree(ROOT / "server", tmp_path / "server", ignore=leave_out)
    shutil.copytree(ROOT / "mobile_sdk" / "outrider_sdk", tmp_path / "outrider_sdk", ignore=leave_out)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(tree: Path) -> tuple[set[str], str]:
    """The names of the broken contracts, and everything said."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()"]
    outcome = subprocess.run(
        [*command, "--no-logo", "--no-cache"], cwd=tree, capture_output=True, text=True, check=False
    )
    said = outcome.stdout + outcome.stderr
    broken = {name for name in NAMES.values() if f"{name} BROKEN" in said}
    assert all(f"{name} BROKEN" in said or f"{name} KEPT" in said for name in NAMES.values()), said
    assert (outcome.returncode != 0) == bool(broken), said
    return broken, said


def test_the_tree_keeps_every_contract(tree: Path):
    """Imports point down, rules are pure, Stripe stays behind its gateway."""
    broken, said = lint(tree)

    assert not broken, said


def test_every_contract_has_an_offence_here():
    """A contract added without one would go unproven."""
    assert {offence.contract for offence in OFFENCES} == set(NAMES)


@pytest.mark.parametrize("offence", OFFENCES, ids=lambda offence: f"{offence.contract}-{offence.file}")
def test_an_offence_breaks_its_contract_alone(tree: Path, offence: Offence):
    """The rule sees what it is there to see, and its report points at the right rule."""
    path = tree / offence.file
    path.parent.mkdir(exist_ok=True)
    (path.parent / "__init__.py").touch()
    with path.open("a") as file:
        file.write(f"\n{offence.line}\n")

    broken, said = lint(tree)

    assert broken == {NAMES[offence.contract]}, said


def test_the_gateway_may_import_stripe(tree: Path):
    """The one exception is one."""
    with (tree / "server" / "billing" / "gateway.py").open("a") as file:
        file.write("\nimport stripe\n")

    broken, said = lint(tree)

    assert not broken, said
