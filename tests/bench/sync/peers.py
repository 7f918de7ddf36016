"""Other sync engines on the same work, in the same run: Turso, WatermelonDB, PouchDB and RxDB, from npm, by Node.

Each is driven by a script in `engines/`, with its server and its devices on this machine: see there what is durable.
Devices are as many handles in one process. Where Node or the packages are not to be had, there is nothing to compare
with, and our figures say `"peer": null`.
"""

import asyncio
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.bench.house import House
from tests.bench.report import report

SCRIPTS = Path(__file__).with_name("engines")
INSTALLED = Path(__file__).parents[3] / ".tools"
PEERS = {"turso": "Turso", "watermelon": "WatermelonDB", "pouchdb": "PouchDB", "rxdb": "RxDB (in memory)"}
DURABLE = ("turso", "watermelon", "pouchdb")
INSTALL_TIMEOUT_S = 900
RUN_TIMEOUT_S = 900

_seconds: dict[str, dict[str, float]] = {}
"""By work (`W1` to `W4`) and peer."""


async def bench_peers(_: House) -> None:
    """W1 to W4 by every peer that can be had; what is measured after it is compared with them."""
    folder = await asyncio.to_thread(_install)
    if folder is None:
        return
    for peer, name in PEERS.items():
        for figure in await asyncio.to_thread(_run, folder, peer):
            _seconds.setdefault(figure["work"], {})[peer] = figure["seconds"]
            report(f"{figure['work']} by {name}", figure["seconds"], "s", None)


def best_durable_s(work: str) -> float | None:
    """The best time of those that keep what they have taken, or None where none was measured in this run."""
    return min((s for peer, s in _seconds.get(work, {}).items() if peer in DURABLE), default=None)


def report_ratio(work: str, seconds: float, times: float) -> None:
    """Our time as a part of the best durable peer's; the goal is to be so many times as fast."""
    peer_s = best_durable_s(work)
    if peer_s is not None:
        report(f"{work}, as a part of the best durable peer's time", seconds / peer_s, "×", 1 / times)


def _install() -> Path | None:
    """The folder with the packages, in their pinned versions."""
    if not (shutil.which("node") and shutil.which("npm")):
        return _none("Node and npm are not there")
    wanted = (SCRIPTS / "package.json").read_bytes()
    folder = INSTALLED / f"peers-{hashlib.sha256(wanted).hexdigest()[:12]}"
    if not (folder / "complete").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_bytes(wanted)
        print("Installing other engines to compare with; this takes minutes, once ...", file=sys.stderr, flush=True)
        npm = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--silent"]
        try:
            subprocess.run(npm, cwd=folder, check=True, stdout=subprocess.DEVNULL, timeout=INSTALL_TIMEOUT_S)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            return _none(f"npm could not install them ({error})")
        (folder / "complete").touch()
    for script in SCRIPTS.glob("*.mjs"):
        shutil.copy(script, folder)
    return folder


def _none(reason: str) -> None:
    print(f"No other engine is measured: {reason}.", file=sys.stderr, flush=True)


def _run(folder: Path, peer: str) -> list[dict[str, Any]]:
    node = ["node", "--no-warnings", "--max-old-space-size=4096", f"{peer}.mjs"]
    try:
        done = subprocess.run(node, cwd=folder, check=True, capture_output=True, text=True, timeout=RUN_TIMEOUT_S)
    except subprocess.CalledProcessError as error:
        print(f"{PEERS[peer]} failed: {error.stderr[-500:]}", file=sys.stderr, flush=True)
        return []
    except subprocess.TimeoutExpired:
        print(f"{PEERS[peer]} took longer than {RUN_TIMEOUT_S} s.", file=sys.stderr, flush=True)
        return []
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"work"')]
