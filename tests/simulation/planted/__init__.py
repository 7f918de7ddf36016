"""Planted bugs: each a mistake that real sync engines made. The simulator must find every one of them."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import Any

from tests.simulation.planted import in_device, in_server, in_upkeep
from tests.simulation.run import Result, run_seed

Bug = Callable[[], AbstractContextManager[None]]

PLANTED: tuple[Bug, ...] = (*in_server.BUGS, *in_device.BUGS, *in_upkeep.BUGS)
SEEDS_MAX = 500
PROMISES = tuple(f"S{n}" for n in range(1, 13))


@dataclass
class Catch:
    """How a bug was found."""

    bug: str
    story: str
    seeds: int = 0
    """So many it took."""
    promise: str | None = None
    """The one it broke; None: it was not found."""
    clean: str | None = None
    """What the same seed says without the bug; None: it passes."""

    @property
    def is_good(self) -> bool:
        """It was found, and the same seeds pass without it."""
        return self.promise is not None and self.clean is None

    def data(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)


def find(bug: Bug, start: int, seeds: int = SEEDS_MAX) -> Result | None:
    """The first seed that finds the bug by a promise that it breaks; one that ends in an exception finds nothing."""
    for seed in range(start, start + seeds):
        with bug():
            result = run_seed(seed)
        if result.promise in PROMISES:
            return result
    return None


def catch(name: str, start: int) -> Catch:
    """Plant a bug until a seed finds it; then play that seed, and those before it, without it."""
    bug = next(bug for bug in PLANTED if bug.__name__ == name)
    caught = Catch(name, " ".join(str(bug.__doc__).split()))
    found = find(bug, start)
    if found is not None:
        caught.seeds = found.plan.seed - start + 1
        caught.promise = found.promise
        passed = (run_seed(seed).violation for seed in range(start, found.plan.seed + 1))
        caught.clean = next((violation for violation in passed if violation), None)
    return caught
