"""The demo as its user runs it: a command, a table, an exit status, and nothing left behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
NORTHWIND = ROOT.parent / "shared" / "data" / "northwind"
KEYS = ["converged", "mutations", "applied", "merged", "refused", "rows_per_device", "seconds"]
TIMEOUT_S = 110


def start(temporary: Path, *arguments: str) -> subprocess.Popen[str]:
    """The demo as a child, with a temporary folder of its own."""
    temporary.chmod(0o711)  # PostgreSQL may run as another user
    return subprocess.Popen(
        [sys.executable, "-m", "server.cli", "demo", *arguments],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(temporary: Path, *arguments: str) -> tuple[int, str, str]:
    process = start(temporary, *arguments)
    try:
        output, errors = process.communicate(timeout=TIMEOUT_S)
    finally:
        process.kill()
        process.wait()
    return process.returncode, output, errors


def last_object(output: str) -> dict[str, Any]:
    return json.loads(output.splitlines()[-1])


def left_behind(temporary: Path) -> list[str]:
    """Binaries that the server's user can reach are a cache, kept between runs."""
    return [p.name for p in temporary.iterdir() if not p.name.startswith("outrider-binaries-")]


def test_the_demo_converges_on_generated_data(tmp_path: Path) -> None:
    """The first thing that anybody runs: it must work, say so, and explain what happened."""
    status, output, errors = run(tmp_path, "--json")

    assert status == 0, errors
    result = last_object(output)
    assert list(result) == KEYS
    assert result["converged"] is True
    assert result["mutations"] == result["applied"] + result["merged"] + result["refused"]
    assert min(result["applied"], result["merged"], result["refused"]) > 0
    assert len(result["rows_per_device"]) == 9
    assert min(result["rows_per_device"].values()) > 100
    assert "All 9 replicas equal the server" in output
    assert "more than is in stock" in " ".join(output.replace("│", " ").split())
    assert max(map(len, output.splitlines()[:-1])) <= 100
    assert left_behind(tmp_path) == []


def test_sabotage_is_found_and_named(tmp_path: Path) -> None:
    """A check that cannot fail proves nothing."""
    status, output, errors = run(tmp_path, "--json", "--sabotage")

    assert status == 1, errors
    assert last_object(output)["converged"] is False
    assert "NOT EQUAL: 1 differences" in output
    assert "(forged)" in output


def test_the_demo_converges_on_the_northwind_files(tmp_path: Path) -> None:
    """A real company's data, with its accents, gaps and old phone numbers."""
    if not NORTHWIND.is_dir():
        pytest.skip("The Northwind files are not beside this checkout.")

    status, output, errors = run(tmp_path, "--data", str(NORTHWIND), "--json")

    assert status == 0, errors
    result = last_object(output)
    assert result["converged"] is True
    assert min(result["applied"], result["merged"], result["refused"]) > 0
    assert {"Nancy Davolio", "Anne Dodsworth"} <= result["rows_per_device"].keys()
    assert "Not imported" not in errors


def test_a_folder_without_the_files_is_one_clear_line(tmp_path: Path) -> None:
    """No traceback, and nothing was started."""
    status, output, errors = run(tmp_path, "--data", str(tmp_path))

    assert status == 1
    assert output == ""
    assert "has no categories.csv" in errors
    assert "Traceback" not in errors


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal.")
@pytest.mark.parametrize("seconds", [1.0, 3.0])
def test_an_interrupted_demo_leaves_nothing_behind(tmp_path: Path, seconds: float) -> None:
    """Ctrl-C at any time: no server that still runs, no file that fills the disk."""
    process = start(tmp_path)
    time.sleep(seconds)

    process.send_signal(signal.SIGINT)
    process.communicate(timeout=TIMEOUT_S)

    assert process.returncode != 0
    assert left_behind(tmp_path) == []
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    assert f"--supervisor-pid {process.pid}" not in running
