"""What a seed plays: numbered steps and their acts; and smaller plans of the same seed, when a failure is shrunk."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

STEPS = 270
REGRESSIONS = Path(__file__).parent / "regressions"


@dataclass(frozen=True)
class Plan:
    """Which steps of a seed are played, and which faults don't happen in it.

    Each step has a source of chance of its own, named by the seed and the step's number, so that leaving one out
    changes the others only as far as the world is another.
    """

    seed: int
    steps: tuple[tuple[int, str], ...]
    """(number, act)."""
    without: frozenset[str] = frozenset()

    @classmethod
    def of(cls, seed: int, steps: int = STEPS) -> "Plan":
        """The whole plan of a seed."""
        from tests.simulation.acts import draw

        return cls(seed, tuple(enumerate(draw(random.Random(f"{seed} acts"), steps))))

    @classmethod
    def load(cls, path: Path) -> "Plan":
        """A plan that was kept."""
        kept = json.loads(path.read_text())
        return cls(kept["seed"], tuple((n, act) for n, act in kept["steps"]), frozenset(kept["without"]))

    def text(self, story: str) -> str:
        """The plan as it is kept, with what it showed."""
        steps = ",\n  ".join(json.dumps(step) for step in self.steps)
        without = json.dumps(sorted(self.without))
        head = f'{{"story": {json.dumps(story, ensure_ascii=False)},\n "seed": {self.seed}, "without": {without},'
        return f'{head}\n "steps": [\n  {steps}\n]}}\n'


def shrink(plan: Plan, fails: Callable[[Plan], bool], faults: list[str], *, attempts_max: int = 400) -> Plan:
    """A smaller plan that fails as well: without parts of its steps, then without kinds of faults.

    Args:
        fails: whether a plan breaks the same promise.
        faults: kinds that happened in it.
    """
    attempts = 0

    def is_enough(smaller: Plan) -> bool:
        nonlocal attempts
        attempts += 1
        return attempts <= attempts_max and fails(smaller)

    size = max(1, len(plan.steps) // 2)
    while size:
        start = 0
        while start < len(plan.steps):
            smaller = replace(plan, steps=plan.steps[:start] + plan.steps[start + size :])
            if is_enough(smaller):
                plan = smaller
            else:
                start += size
        size //= 2
    for fault in faults:
        smaller = replace(plan, without=plan.without | {fault})
        if is_enough(smaller):
            plan = smaller
    return plan
