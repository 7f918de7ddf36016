"""Fuzzes every decoder for a while, led by coverage (atheris). What it has learnt is kept in .fuzz/, for the next time.

usage: python -m tests.fuzz [--seconds N] [--target NAME ...]
"""

import argparse
import hashlib
import importlib.util
import subprocess
import sys
import time
from pathlib import Path

from tests.fuzz.targets import TARGETS

KEPT = Path(__file__).parents[2] / ".fuzz"
INPUT_SECONDS_MAX = 10
"""Whoever takes longer for one input hangs."""
MEMORY_MB_MAX = 1_024


def fuzz(name: str, seconds: int) -> bool:
    """Whether nothing was found."""
    corpus, found = KEPT / name, KEPT / "found" / name
    for folder in (corpus, found):
        folder.mkdir(parents=True, exist_ok=True)
    for seed in TARGETS[name].seeds:
        (corpus / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    log = KEPT / f"{name}.log"
    with log.open("wb") as written:
        ended = subprocess.run(
            [
                sys.executable, "-m", "tests.fuzz.one", name, f"-max_total_time={seconds}",
                f"-timeout={INPUT_SECONDS_MAX}", f"-rss_limit_mb={MEMORY_MB_MAX}", f"-artifact_prefix={found}/",
                str(corpus),
            ],
            stdout=written, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
    runs = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.startswith("Done ")]
    print(f"{name:9} {'nothing found' if ended.returncode == 0 else 'FAILED'}; {' '.join(runs) or f'see {log}'}")
    return ended.returncode == 0


def main() -> int:
    """The command line; 1 where anything was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--target", action="append", choices=TARGETS, help="only this one; may be said again")
    given = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        print("Skipped: atheris is not installed here; it has wheels for Linux and CPython alone.")
        return 0
    began = time.monotonic()
    failed = [name for name in given.target or TARGETS if not fuzz(name, given.seconds)]
    print(f"{len(given.target or TARGETS)} targets in {time.monotonic() - began:.0f} s; {len(failed)} failed.")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
