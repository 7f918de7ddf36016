"""All that people do, and how often."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.simulation import office, people, upkeep

if TYPE_CHECKING:
    from tests.simulation.run import Run

WEIGHTS = {
    "edit": 16, "tag": 3, "recolour": 5, "create": 6, "phone": 3, "delete": 3, "order": 6, "cancel": 2, "settle": 9,
    "discard": 3, "poison": 2, "sync": 30, "late": 6, "reset_clock": 2, "restart": 1,
    "copy_file": 2, "swap_files": 3, "enrol_again": 4,
    "job_title": 7, "pair": 6, "reassign": 3, "price": 1, "delete_contact": 1, "slow": 4, "import_rows": 1,
    "role": 3, "team": 1, "territory": 2, "delegate": 2, "merge": 2, "erase": 1, "retire_field": 1,
    "neighbour": 3, "revoke": 1, "move_horizon": 1, "back_up": 3, "restore": 2,
    "channel": 2, "upgrade_server": 1, "update_app": 4, "damage": 2, "order_wipe": 1, "decide_quarantine": 2,
}  # fmt: skip
ACTS = (list(WEIGHTS), list(WEIGHTS.values()))


def perform(run: "Run", act: str) -> None:
    """One thing that somebody does: a rep whom chance chooses, or the office."""
    of_rep: Callable[..., None] | None = getattr(people, act, None)
    if act in ("update_app", "damage"):
        of_rep = getattr(upkeep, act)
    if of_rep is not None:
        of_rep(run, run.chance.choice(run.reps))
        return
    office.perform(run, act)
