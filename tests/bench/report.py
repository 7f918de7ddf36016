"""The figures of a bench: JSON lines, and which goals were missed."""

import json

_missed: list[str] = []


def report(name: str, value: float, unit: str, goal: float | None) -> None:
    """One figure; lower is better for all of them. Without a goal it is there to be known."""
    print(json.dumps({"name": name, "value": round(value, 3), "unit": unit, "goal": goal}), flush=True)
    if goal is not None and value > goal:
        _missed.append(name)


def missed() -> list[str]:
    """Names of the figures that missed their goal."""
    return list(_missed)
