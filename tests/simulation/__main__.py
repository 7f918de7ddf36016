"""`python -m tests.simulation`: play seeds, replay one, or show that planted bugs are found."""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager
from multiprocessing import get_context

from rich.console import Console
from rich.progress import track
from rich.table import Table

from tests.simulation.planted import PLANTED
from tests.simulation.run import STEPS, Result, play_job, run_seed

SEEDS_MAX_TO_CATCH = 200
PROCESSES = 2

_progress = Console(stderr=True)


def main() -> int:
    """Exit code 0 where every seed keeps every promise, or every planted bug was caught."""
    parser = argparse.ArgumentParser(prog="simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many seeds")
    parser.add_argument("--start", type=int, default=0, help="the first seed")
    parser.add_argument("--steps", type=int, default=STEPS, help="things that happen in one run")
    parser.add_argument("--replay", action="store_true", help="print the whole history of the first seed")
    parser.add_argument(
        "--planted", action="store_true", help="plant each bug in turn, and show the seed that finds it"
    )
    options = parser.parse_args()
    if options.planted:
        return catch_planted(options.start)
    if options.replay:
        return replay(options.start, options.steps)
    return simulate(options.start, options.seeds, options.steps)


def simulate(start: int, seeds: int, steps: int) -> int:
    """Play seeds, and say what was tried, what happened, and which failed."""
    faults: Counter[str] = Counter()
    checks: Counter[str] = Counter()
    failed: list[Result] = []
    jobs = [(seed, steps) for seed in range(start, start + seeds)]
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        for result in track(pool.map(play_job, jobs, chunksize=4), "seeds", total=seeds, console=_progress):
            faults.update(result.faults)
            checks.update(result.checks)
            if result.violation:
                failed.append(result)
    _print_counts("Faults that happened", faults)
    _print_counts("Checks that were made", checks)
    for result in failed[:3]:
        print(f"\nseed {result.seed}: {result.violation}\n" + "\n".join(result.history[-30:]))
    for result in failed:
        print(f"replay: python -m tests.simulation --replay --start {result.seed} --steps {steps}")
    print(f"{seeds - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


def replay(seed: int, steps: int) -> int:
    """Print one seed's history."""
    result = run_seed(seed, steps)
    print("\n".join(result.history))
    print(f"seed {seed}: {result.violation or 'every promise kept'}")
    return 1 if result.violation else 0


def catch_planted(start: int) -> int:
    """Plant each bug, play seeds until one finds it; the same seed must pass without the bug."""
    table = Table("Planted bug", "What it does", "Found by", "As a breach of", "Without the bug", title="Planted bugs")
    missed = 0
    for bug in PLANTED:
        found = next((r for r in track(_until_found(bug, start), bug.__name__, console=_progress) if r.violation), None)
        if found is None:
            missed += 1
            table.add_row(bug.__name__, bug.__doc__, f"not within {SEEDS_MAX_TO_CATCH} seeds", "", "")
            continue
        clean = run_seed(found.seed).violation
        missed += clean is not None
        breach = str(found.violation).removeprefix("Violation: ").split(":")[0]
        table.add_row(bug.__name__, bug.__doc__, f"seed {found.seed}", breach, clean or "passes")
    Console(width=120).print(table)
    print(f"{len(PLANTED) - missed} passed, {missed} failed")
    return 1 if missed else 0


def _until_found(bug: Callable[[], AbstractContextManager[None]], start: int) -> Iterator[Result]:
    for seed in range(start, start + SEEDS_MAX_TO_CATCH):
        with bug():
            result = run_seed(seed)
        yield result
        if result.violation:
            return


def _print_counts(title: str, counts: Counter[str]) -> None:
    print(title + ": " + ", ".join(f"{name} {count}" for name, count in sorted(counts.items())))


if __name__ == "__main__":
    sys.exit(main())
