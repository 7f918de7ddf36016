"""All that people do, and how often."""

import random
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from tests.simulation import office, people, upkeep

if TYPE_CHECKING:
    from tests.simulation.run import Run

WEIGHTS = {
    "edit": 16, "tag": 3, "recolour": 5, "create": 6, "phone": 3, "delete": 3, "order": 6, "cancel": 2, "settle": 9,
    "discard": 3, "poison": 2, "sync": 30, "late": 6, "reset_clock": 2, "restart": 1,
    "copy_file": 2, "swap_files": 3, "enrol_again": 4,
    "job_title": 7, "pair": 6, "reassign": 3, "price": 1, "delete_contact": 1, "slow": 6, "import_rows": 1,
    "role": 3, "team": 1, "territory": 2, "delegate": 2, "merge": 2, "erase": 1, "retire_field": 1,
    "neighbour": 3, "revoke": 1, "move_horizon": 1, "back_up": 3, "restore": 2,
    "channel": 2, "upgrade_server": 1, "update_app": 4, "damage": 2, "order_wipe": 1, "decide_quarantine": 2,
}  # fmt: skip
MISFORTUNES = ("restore", "revoke", "copy_file", "order_wipe")
"""They seldom come alone: what follows one of them is drawn as `AFTER`."""
AFTER_STEPS = 8
AFTER = WEIGHTS | {
    "sync": 36, "late": 10, "copy_file": 8, "swap_files": 10, "enrol_again": 10, "phone": 8, "edit": 20,
    "order_wipe": 4, "revoke": 3, "import_rows": 0, "neighbour": 0, "price": 0, "order": 2, "settle": 3,
}  # fmt: skip
AMID = WEIGHTS | {
    "job_title": 14, "reassign": 20, "role": 10, "delegate": 5, "restore": 4, "revoke": 2, "import_rows": 0,
}  # fmt: skip
"""Between two requests of a device that is at the server."""


RARE = ("restore", "back_up", "revoke", "copy_file", "order_wipe", "erase", "merge", "move_horizon", "upgrade_server")
MOODS = (0.2, 1, 1, 4)
"""How much likelier a rare act is in one seed than in another: many of a kind find what a few of each don't."""


def draw(chance: random.Random, steps: int) -> Iterator[str]:
    """What happens in so many steps."""
    moods = {act: chance.choice(MOODS) for act in RARE}
    usual, after = ({act: n * moods.get(act, 1) for act, n in weights.items()} for weights in (WEIGHTS, AFTER))
    left = 0
    for _ in range(steps):
        weights = after if left else usual
        act = chance.choices(list(weights), list(weights.values()))[0]
        left = AFTER_STEPS if act in MISFORTUNES else max(0, left - 1)
        yield act


def draw_amid(chance: random.Random) -> str:
    """What happens while a device is at the server."""
    return chance.choices(list(AMID), list(AMID.values()))[0]


def perform(run: "Run", act: str) -> None:
    """One thing that somebody does: a rep whom chance chooses, or the office."""
    of_rep: Callable[..., None] | None = getattr(people, act, None)
    if act in ("update_app", "damage"):
        of_rep = getattr(upkeep, act)
    if of_rep is not None:
        of_rep(run, run.chance.choice(run.reps))
        return
    office.perform(run, act)
