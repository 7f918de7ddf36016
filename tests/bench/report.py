"""The figures of a bench: JSON lines, and which goals were missed."""

import json

_missed: list[str] = []


def report(name: str, value: float, unit: str, goal: float | None, **beside: float | None) -> None:
    """One figure; lower is better for all of them. Without a goal it is there to be known.

    Args:
        beside: measured in the same run: `floor` (the bare work, without us), `peer` (None: not there to measure).
    """
    figure = {"name": name, "value": round(value, 3), "unit": unit, "goal": goal}
    figure |= {key: None if other is None else round(other, 3) for key, other in beside.items()}
    print(json.dumps(figure), flush=True)
    if goal is not None and value > goal:
        _missed.append(name)


def missed() -> list[str]:
    """Names of the figures that missed their goal."""
    return list(_missed)
