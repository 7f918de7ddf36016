"""How the collector of cycles is set in a process that serves."""

import gc
import warnings
from collections.abc import Iterator

import pytest

from server.cli.collecting import YOUNG_MAX, settle


@pytest.fixture
def collector() -> Iterator[None]:
    """Leaves the collector as it was; what other tests left is taken before, and not held against this one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    threshold = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*threshold)


@pytest.mark.usefixtures("collector")
def test_a_cycle_that_a_request_leaves_is_still_collected():
    """What start-up made is out of sight; what comes after it may not pile up for ever."""
    settle()
    made = 0

    def collected(phase: str, _: object) -> None:
        nonlocal made
        made += phase == "start"

    gc.callbacks.append(collected)
    try:
        kept = [[] for _ in range(2 * YOUNG_MAX)]
    finally:
        gc.callbacks.remove(collected)

    assert gc.get_freeze_count() > 0
    assert len(kept) == 2 * YOUNG_MAX
    assert made >= 1
