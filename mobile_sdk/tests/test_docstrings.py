"""Examples in docstrings run as they stand."""

import doctest
import importlib
import pkgutil

import outrider_sdk
import pytest

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def modules_with_examples():
    names = ["outrider_sdk", *(m.name for m in pkgutil.walk_packages(outrider_sdk.__path__, "outrider_sdk."))]
    modules = [importlib.import_module(name) for name in names if not name.endswith("__main__")]
    return [module for module in modules if any(test.examples for test in doctest.DocTestFinder().find(module))]


@pytest.mark.parametrize("module", modules_with_examples(), ids=lambda module: module.__name__)
def test_examples_run(module, tmp_path, monkeypatch, server, crm, shop):
    """They are what a developer copies first."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    known = {"crm": crm, "outlet": crm.outlets.get(shop["outlet"]), "tea": crm.products.get(shop["tea"])}

    failed, tried = doctest.testmod(module, extraglobs=known, optionflags=FLAGS)

    assert (failed, tried > 0) == (0, True)


def test_no_example_is_passed_over():
    """One that does not run is not known to be true."""
    examples = [
        example
        for module in modules_with_examples()
        for test in doctest.DocTestFinder().find(module)
        for example in test.examples
    ]

    assert len(examples) >= 5
    assert not any(doctest.SKIP in example.options for example in examples)
