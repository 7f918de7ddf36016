"""Which promise was checked after which fault: what the seeds prove, as a table and as data."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from rich.table import Table

from tests.simulation.run import Result

PROMISES = tuple(f"S{n}" for n in range(1, 13))


@dataclass
class Coverage:
    """Counts over seeds."""

    seeds: int = 0
    operations: int = 0
    operations_min: int | None = None
    faults_min: int | None = None
    faults: Counter[str] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)
    covered: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(fault, promise) → seeds in which the promise was checked after the fault had happened."""

    def add(self, result: Result) -> None:
        """Count one seed. One that failed broke off, and says nothing of the least."""
        self.seeds += 1
        self.operations += result.operations
        self.faults.update(result.faults)
        self.checks.update(result.checks)
        self.covered.update(result.covered)
        if result.violation is None:
            faults = sum(result.faults.values())
            self.operations_min = min(result.operations, self.operations_min or result.operations)
            self.faults_min = min(faults, faults if self.faults_min is None else self.faults_min)

    def table(self) -> Table:
        """Faults by promises."""
        table = Table(
            "Fault", "happened", *PROMISES, title="Coverage: seeds in which a promise was checked after a fault"
        )
        for column in table.columns[1:]:
            column.justify = "right"
        for fault, count in sorted(self.faults.items()):
            cells = (self.covered[fault, promise] for promise in PROMISES)
            table.add_row(fault, str(count), *(str(n or "–") for n in cells))
        table.add_section()
        table.add_row("checks of the promise", "", *(str(self.checks[promise] or "–") for promise in PROMISES))
        return table

    def text(self) -> str:
        """One line for people."""
        return (
            f"{self.seeds} seeds, {self.operations:,} operations (at least {self.operations_min} a seed), "
            f"{self.faults.total():,} faults (at least {self.faults_min}), {self.checks.total():,} checks"
        )

    def data(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "seeds": self.seeds,
            "operations": self.operations,
            "operations_min": self.operations_min,
            "faults_min": self.faults_min,
            "faults": dict(sorted(self.faults.items())),
            "checks": {promise: self.checks[promise] for promise in PROMISES},
            "coverage": {
                fault: {promise: self.covered[fault, promise] for promise in PROMISES} for fault in sorted(self.faults)
            },
        }

    def json(self, **more: Any) -> str:
        """The data as one line."""
        return json.dumps(self.data() | more, ensure_ascii=False)
