"""The tests keep the rules of the house for tests."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def trees() -> dict[str, ast.Module]:
    """Every file of tests and of what they share."""
    paths = [path for folder in ("tests", "mobile_sdk/tests") for path in (ROOT / folder).rglob("*.py")]
    assert len(paths) > 200
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text("utf-8")) for path in paths}


def imported(tree: ast.Module) -> set[str]:
    """The parts of the names that a file imports."""
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in nodes for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    return {part for name in names for part in name.split(".")}


def list_tests(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [function for function in functions if function.name.startswith("test_")]


def test_no_test_imports_from_another(trees: dict[str, ast.Module]):
    """What two files share would belong to one of them, and move with it."""
    importing = [name for name, tree in trees.items() if any(part.startswith("test_") for part in imported(tree))]

    assert importing == []


def test_every_test_says_why_anyone_cares(trees: dict[str, ast.Module]):
    """Or whoever it fails for years later can only guess whether the test is wrong, or the code."""
    silent = [
        f"{name}::{test.name}"
        for name, tree in trees.items()
        for test in list_tests(tree)
        if not ast.get_docstring(test)
    ]

    assert silent == []
