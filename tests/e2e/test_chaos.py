"""The promises outside the simulator: phones, servers and PostgreSQL as processes, which really die."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(sys.platform == "win32", reason="It kills processes by POSIX signals.")
def test_s1_to_s5_hold_while_phones_servers_and_the_database_are_killed() -> None:
    """The simulator plays networks, disks and deaths; here they are the machine's own."""
    command = [sys.executable, "-m", "tests.chaos", "--seconds", "15", "--seed", "suite", "--import-rows", "5000"]

    run = subprocess.run([*command, "--json"], cwd=ROOT, capture_output=True, text=True, timeout=150)

    result = json.loads(run.stdout or "{}")
    assert result, run.stderr
    assert result["breaches"] == []
    assert run.returncode == 0
    assert result["rows"] > 10_000
    happened = result["happened"]
    assert min(happened[name] for name in ("acknowledged", "phone killed", "contact edited", "passed on")) > 0
