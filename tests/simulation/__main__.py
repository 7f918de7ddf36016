"""`python -m tests.simulation`: play seeds, replay one or a kept plan, or show that planted bugs are found."""

import argparse
import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from tests.simulation.coverage import Coverage
from tests.simulation.plan import REGRESSIONS, STEPS, Plan, shrink
from tests.simulation.planted import PLANTED, SEEDS_MAX, Catch, catch
from tests.simulation.run import Result, hush, play_job, run_plan

SHOWN_MAX = 3
"""So many failures are shrunk and shown."""
HISTORY_SHOWN = 40

_progress = Console(stderr=True)


def main() -> int:
    """Exit code 0 where every seed keeps every promise, or every planted bug was caught."""
    parser = argparse.ArgumentParser(prog="simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many seeds")
    parser.add_argument("--start", type=int, default=0, help="the first seed")
    parser.add_argument("--steps", type=int, default=STEPS, help="things that happen in one run")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="how many at a time")
    parser.add_argument("--json", action="store_true", help="print the counts as JSON")
    parser.add_argument(
        "--replay", metavar="PLAN", nargs="?", const="", help="print a history: of --start, or of a file"
    )
    parser.add_argument("--keep", metavar="STORY", help=f"keep the shrunk plan of --start in {REGRESSIONS.name}/")
    parser.add_argument("--planted", action="store_true", help="plant each bug, and show the seed that finds it")
    options = parser.parse_args()
    if options.planted:
        return catch_planted(options.start, options.processes, as_json=options.json)
    if options.replay is not None:
        return replay(Plan.load(Path(options.replay)) if options.replay else Plan.of(options.start, options.steps))
    if options.keep:
        return keep(Plan.of(options.start, options.steps), options.keep)
    plans = [Plan.of(seed, options.steps) for seed in range(options.start, options.start + options.seeds)]
    return simulate(plans, options.processes, as_json=options.json)


def _pool(processes: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=hush)


def simulate(plans: list[Plan], processes: int, *, as_json: bool) -> int:
    """Play plans, and say what was tried, what it proves, and which failed."""
    coverage, failed = Coverage(), list[Result]()
    with _pool(processes) as pool:
        results = pool.map(play_job, plans, chunksize=4)
        for result in track(results, "seeds", total=len(plans), console=_progress):
            coverage.add(result)
            if result.violation:
                failed.append(result)
    if as_json:
        print(coverage.json(failed={r.plan.seed: r.violation for r in failed}))
        return 1 if failed else 0
    Console(width=150).print(coverage.table())
    for result in failed[:SHOWN_MAX]:
        _show_shrunk(result)
    for result in failed:
        print(
            f"replay: python -m tests.simulation --replay --start {result.plan.seed} --steps {len(result.plan.steps)}"
        )
    print(coverage.text())
    print(f"{len(plans) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


def _smallest(result: Result) -> Result:
    plan = shrink(result.plan, lambda smaller: run_plan(smaller).promise == result.promise, sorted(result.faults))
    return run_plan(plan)


def _show_shrunk(result: Result) -> None:
    small = _smallest(result)
    steps, faults = len(small.plan.steps), sum(small.faults.values())
    print(f"\nseed {result.plan.seed}: {result.violation}")
    print(f"as small as it gets: {steps} steps, {faults} faults: {small.violation}")
    print("\n".join(small.history[-HISTORY_SHOWN:]))
    print(f'keep it: python -m tests.simulation --start {result.plan.seed} --keep "what it showed"')


def replay(plan: Plan) -> int:
    """Print one plan's history."""
    result = run_plan(plan)
    print("\n".join(result.history))
    print(f"seed {plan.seed}: {result.violation or 'every promise kept'}")
    return 1 if result.violation else 0


def keep(plan: Plan, story: str) -> int:
    """Shrink a seed that fails, and keep it: the suite plays it from then on."""
    result = run_plan(plan)
    if result.violation is None:
        print(f"seed {plan.seed} keeps every promise: nothing to keep")
        return 1
    small = _smallest(result)
    name = "-".join("".join(c if c.isalnum() else " " for c in story.lower()).split())[:60]
    path = REGRESSIONS / f"{name}.json"
    REGRESSIONS.mkdir(exist_ok=True)
    path.write_text(small.plan.text(f"{story} ({small.violation})"[:400]))
    print(f"kept {path.name}: {len(small.plan.steps)} steps")
    return 0


def catch_planted(start: int, processes: int, *, as_json: bool) -> int:
    """Plant each bug, play seeds until one finds it; the same seeds must pass without the bug."""
    with _pool(processes) as pool:
        jobs = [(bug.__name__, start) for bug in PLANTED]
        caught = list(track(pool.map(catch, *zip(*jobs, strict=True)), "bugs", total=len(jobs), console=_progress))
    missed = [c for c in caught if not c.is_good]
    if as_json:
        print(json.dumps([c.data() for c in caught], ensure_ascii=False))
    else:
        Console(width=170).print(_table(caught))
    print(f"{len(caught) - len(missed)} passed, {len(missed)} failed", file=sys.stderr if as_json else sys.stdout)
    return 1 if missed else 0


def _table(caught: list[Catch]) -> Table:
    table = Table("Planted bug", "What it does, and who had the like", "Seeds", "Breach of", "Without it",
                  title="Planted bugs", show_lines=True)  # fmt: skip
    for each in caught:
        seeds = str(each.seeds) if each.promise else f"not in {SEEDS_MAX}"
        table.add_row(each.bug, each.story, seeds, each.promise or "", each.clean or "passes")
    return table


if __name__ == "__main__":
    sys.exit(main())
