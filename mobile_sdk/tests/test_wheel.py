"""The SDK is one pure wheel with two pure dependencies: it goes where there is no compiler, phones too."""

import re
import shutil
import subprocess
import zipfile
from importlib.metadata import distribution, requires
from pathlib import Path

import pytest

SDK = Path(__file__).parents[1]
UV = SDK.parent / ".tools" / "bin" / "uv"


def needed(name, seen=None):
    """A distribution's requirements without extras, and theirs."""
    seen = set() if seen is None else seen
    for line in requires(name) or []:
        requirement, _, marker = line.partition(";")
        other = re.match(r"[\w.-]+", requirement)[0]
        if "extra" not in marker and "platform_system" not in marker and other.lower() not in seen:
            seen.add(other.lower())
            needed(other, seen)
    return seen


def test_nothing_that_the_sdk_needs_is_compiled():
    """One compiled package, and there is a platform without a wheel for it."""
    names = needed("outrider-sdk")

    assert {"sqlite-utils", "urllib3"} <= names
    for name in names:
        wheel = distribution(name).read_text("WHEEL") or ""
        assert "Root-Is-Purelib: true" in wheel, name


@pytest.mark.skipif(not UV.exists(), reason="uv is not installed here (make install puts it into .tools)")
def test_the_wheel_builds_and_is_pure(tmp_path):
    """What is published is what is tested: modules, types, and nothing of the tests."""
    source = tmp_path / "source"
    shutil.copytree(SDK, source, ignore=shutil.ignore_patterns("__pycache__", "tests"))

    command = [str(UV), "build", "--wheel", "--offline", "--quiet", "--out-dir", str(tmp_path), str(source)]
    subprocess.run(command, check=True, capture_output=True)

    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name.endswith("-py3-none-any.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {"outrider_sdk/py.typed", "outrider_sdk/search/index.py", "outrider_sdk/rows/accounts.py"} <= set(names)
    assert not [name for name in names if name.endswith((".so", ".pyd", ".dylib")) or "tests/" in name]
