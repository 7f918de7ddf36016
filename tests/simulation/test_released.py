"""One story that seeds tell seldom: released work of a revoked phone waits after a restore, until its rows come."""

import random
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from outrider_sdk.errors import DeviceRevoked

from server.sync import push
from tests.simulation import office, people, upkeep
from tests.simulation.device import Rep
from tests.simulation.oracle import Violation
from tests.simulation.plan import Plan
from tests.simulation.run import Run


@pytest.fixture
def run() -> Iterator[Run]:
    """A world in which nothing fails by itself."""
    made = Run(Plan(1, ()))
    made.healed = True
    yield made
    made.close()


def _meets(run: Run) -> tuple[Rep, Rep, str]:
    """Two people who see one outlet, and that outlet's account."""
    for rep in run.reps:
        run.sync(rep)
    for rep in run.reps[1:]:
        shared = {row["id"]: row for row in rep.replica.outlets.list()}
        for row in run.reps[0].replica.outlets.list():
            if row["id"] in shared:
                return run.reps[0], rep, row["account_id"]
    raise AssertionError("nobody meets anybody")


def _release_what_waits(run: Run) -> tuple[Rep, str]:
    """Somebody's work on a new contact of somebody else's is lost with the server, handed in and released; by whom."""
    reviser, maker, account_id = _meets(run)
    office._back_up(run)
    made: list[str] = []

    def create() -> tuple[list, list[str]]:
        made.append(maker.replica.contacts.create(account_id=account_id, name="new").id)
        return [], made

    run.change(maker, create, "makes a contact")
    run.sync(maker)
    run.sync(reviser)
    people._type_into(run, reviser, "contact", reviser.replica.contacts.get(made[0]), ("job_title",))
    run.sync(reviser)
    run.chance = random.Random(1)
    office._restore(run)
    run.server.devices[reviser.id].revoked_at = run.now
    with pytest.raises(DeviceRevoked):
        reviser.replica.sync()
    upkeep.release_quarantine(run, reviser.id, release=True)
    assert len(run.server.quarantines[reviser.id]["released"]) == 1
    return maker, made[0]


def test_s11_released_work_is_taken_by_the_job_that_a_push_sends(run: Run):
    """The maker comes back into the network; nobody looks at the quarantine again."""
    maker, contact_id = _release_what_waits(run)
    upkeep.run_jobs(run)
    early = run.server.rows.by_key.get(("contact", contact_id))

    run.sync(maker)
    upkeep.run_jobs(run)

    assert early is None
    assert str(run.server.rows.by_key["contact", contact_id].values["job_title"]).startswith("job_title ")
    assert run.faults["released work taken when its rows came"] == 1
    upkeep.released_is_taken(run)


def test_s11_a_push_that_sends_no_job_is_found(run: Run):
    """The check has teeth: work that waits although its rows are there breaks a promise."""
    maker, _ = _release_what_waits(run)
    upkeep.run_jobs(run)  # the worker has looked since it started

    async def forgets() -> None:
        pass

    with patch.object(push, "tell_rows_came", forgets):
        run.sync(maker)
        upkeep.run_jobs(run)
        with pytest.raises(Violation, match="waited, though their rows were there"):
            upkeep.released_is_taken(run)
