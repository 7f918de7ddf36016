"""What befalls devices beside their work: updates, wipes, spoilt files, revocations with work on them, leases."""

import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from uuid import UUID

from outrider_sdk import checksum, ed25519, http, outbox, pull, snapshot, store, wipe
from outrider_sdk.errors import ClientTooOld, Offline, ReplicaWiped, ServerUnavailable, SyncError
from outrider_sdk.protocol.entities import ENTITIES
from outrider_sdk.report import SyncReport

from server.errors import AppError
from server.sync import schemas
from tests.simulation import doors
from tests.simulation.network import AtOnce, answered
from tests.simulation.oracle import Violation
from tests.simulation.server import Locked
from tests.simulation.travel import bases_of

if TYPE_CHECKING:
    from tests.simulation.device import Rep
    from tests.simulation.run import Run

SCHEMA_MAX = 3
PUSH_SIZES = (1, 2, 3, 5, outbox.PUSH_MUTATIONS_MAX)
"""How many mutations a push holds at most: with few of them, an outbox takes several pushes."""
_NEWER: tuple[Any, ...] = (ENTITIES["outlet"].by_name["channel"], ENTITIES["team"])
"""What schema 2 brings. Schema 3 brings nothing, and leaves the first one behind."""


def prepare(run: "Run", stack: ExitStack) -> None:
    """Bind what devices reach outside of their transport, and plant newer schemas, until the stack is closed."""
    begin = wipe.begin

    def begun(path: Path, held: Any, facts: dict[str, Any]) -> None:
        _may_wipe(run, next(rep for rep in run.reps if rep.path == path), facts)
        begin(path, held, facts)

    class Http(http.Http):
        def post(self, path: str, message: Any, token: str | None = None) -> dict[str, Any]:
            assert path == "/t/acme/devices/wiped", path
            if run.happens("receipt of a wipe lost", 0.3):
                raise Offline("lost")
            answered(lambda: doors.wiped(run.server, message["device_id"], dict(message)), run)
            return {}

    # A chance of its own, so that the size shifts none of the others.
    size = random.Random(f"{run.plan.seed} pushes").choice(PUSH_SIZES)
    stack.enter_context(patch.object(outbox, "PUSH_MUTATIONS_MAX", size))
    for module in (snapshot, store):
        stack.enter_context(patch.object(module, "UnderWay", AtOnce))
    stack.enter_context(patch.object(wipe, "begin", begun))
    stack.enter_context(patch.object(http, "Http", Http))
    stack.enter_context(patch.object(ed25519, "verify", lambda *_: True))
    stack.callback(_plant_schema, 1)
    _plant_schema(2)


def _plant_schema(since: int) -> None:
    for each in _NEWER:
        object.__setattr__(each, "since", since)
    schemas.is_known.cache_clear()
    schemas.fields_unknown.cache_clear()


@contextmanager
def app_of(rep: "Rep") -> Iterator[None]:
    """The SDK as the device's app has it."""
    with patch.object(pull, "SCHEMA_VERSION", rep.schema), patch.object(checksum, "SCHEMA_VERSION", rep.schema):
        yield


# What a sync comes to


def after_sync(run: "Run", rep: "Rep", report: SyncReport) -> None:
    """A comparison that took place has found what is spoilt, repaired it, and told."""
    if report.repaired:
        run.note(f"{rep.name} differed in {report.repaired}, and is repaired")
        run.fault("replica repaired")
    if rep.damaged:
        have, rows = bases_of(rep.replica), run.server.rows.by_key
        spoilt = {key for key in rep.damaged if key in rows and have.get(key) != rows[key].values["revision"]}
        rep.damaged = {key for key in spoilt if rep.expected is None or key in rep.expected}
        compared_at = rep.fact("compared_at")
        is_compared = bool(compared_at) and abs(rep.clock() - compared_at) < checksum.HOUR_US
        found = not (is_compared and {name for name, _ in rep.damaged} - {*report.differing})
        run.oracle.require("S3", found, f"{rep.life} was compared, and {rep.damaged} is not what the server has")


def is_meant(run: "Run", rep: "Rep", failure: SyncError) -> bool:
    """Whether a sync that failed did what it should."""
    if isinstance(failure, ReplicaWiped):
        rep.begin_anew()
        run.note(f"{rep.name} is wiped, and begins anew: {rep.life}")
        return True
    if isinstance(failure, ClientTooOld):
        too_old = rep.schema < run.server.schema - 1
        run.oracle.require("S10", too_old, f"{rep.name} is one schema behind, and told that it is too old")
        sql = "SELECT number FROM sync_outbox WHERE status IS NULL AND outcome IS NULL"
        left = {row["number"] for row in rep.replica.query(sql)} - (rep.for_next_sync or set())
        run.oracle.require("S10", not left, f"{rep.name} is too old, and could not hand in {sorted(left)}")
        run.fault("app too old")
        return True
    record = run.server.devices.get(rep.id)
    waits = record is not None and record.wipe_ordered_at is not None and run.server.healing
    return isinstance(failure, ServerUnavailable) and waits


def _may_wipe(run: "Run", rep: "Rep", facts: dict[str, Any]) -> None:
    """Nothing is lost by a wipe but by one that says so."""
    record = run.server.devices[rep.id]
    kept = run.oracle.answered.keys() | run.server.quarantined_digests()
    rows = rep.replica.query("SELECT number, digest FROM sync_outbox")
    digests = {row["number"]: row["digest"] for row in rows}
    meant = run.oracle.acknowledged.get(rep.life, set()) - run.oracle.discarded.get(rep.life, set())
    lost = [n for n in sorted(meant) if n in digests and digests[n] not in kept]
    at_once = record.wipe_now and not facts["pushed_first"]
    story = f"{rep.life} is erased with mutations {lost}, which nobody has; {facts}"
    run.oracle.require("S1", at_once or (facts["pushed_first"] and not lost), story)
    run.fault("device wiped at once" if at_once else "device wiped")


# Acts of the office


def upgrade_server(run: "Run") -> None:
    """The server gets a newer schema."""
    if run.server.schema < SCHEMA_MAX:
        run.server.schema += 1
        run.note(f"the server has schema {run.server.schema}")
        full = any(rep.fact("last_number") > rep.fact("answered_through") for rep in run.reps)
        run.fault("schema upgraded with full outboxes" if full else "schema upgraded")


def order_wipe(run: "Run") -> None:
    """Somebody left, or a phone was lost: it is to be wiped, at once or when it has handed in; often it has."""
    known = [rep for rep in run.reps if rep.copy is None and rep.id in run.server.devices]
    idle = [rep for rep in known if rep.fact("answered_through") == rep.fact("last_number")]
    if not known:
        return
    rep = run.chance.choice(idle if idle and run.chance.random() < 0.7 else known)
    record = run.server.devices[rep.id]
    record.wipe_ordered_at = doors.moment(run.server)
    record.wipe_now = record.wipe_now or run.chance.random() < 0.25
    run.note(f"{rep.name} is to be wiped{' at once' if record.wipe_now else ''}")
    run.operations += 1


def decide_quarantine(run: "Run") -> None:
    """A manager looks at what a revoked device has handed in."""
    waiting = _list_undecided(run)
    if waiting:
        release_quarantine(run, run.chance.choice(waiting), release=run.chance.random() < 0.7)


def _list_undecided(run: "Run") -> list[str]:
    """Devices of whose work something waits for a decision."""
    quarantines = sorted(run.server.quarantines.items())
    return [device_id for device_id, kept in quarantines if kept["payloads"].keys() - kept["released"]]


def release_quarantine(run: "Run", device_id: str, *, release: bool) -> None:
    """Release what waits, or discard it."""
    try:
        transaction = doors.decide(run.server, device_id, release=release)
    except Locked:
        return
    except AppError as error:
        raise Violation("S8", f"what {device_id[-4:]} handed in can't be decided on: {error}") from error
    run.operations += 1
    run.note(f"what {device_id[-4:]} handed in is {'released' if release else 'discarded'}")
    run.server.commit(transaction)
    run.fault("quarantine released" if release else "quarantine discarded")


# Acts of a device's person, or of fate


def update_app(run: "Run", rep: "Rep") -> None:
    """The app store brings the newest app."""
    if not rep.calls and rep.schema < run.server.schema:
        pending = rep.fact("last_number") > rep.fact("answered_through")
        rep.schema = run.server.schema
        rep.restart()
        run.note(f"{rep.name} has an app of schema {rep.schema}")
        run.operations += 1
        run.fault("app updated with a full outbox" if pending else "app updated")


def damage(run: "Run", rep: "Rep") -> None:
    """Something spoils a row in the file: it is gone, or what it once was."""
    if rep.calls or rep.was_damaged or rep.fact("cursor") == 0:
        return
    sql = "SELECT id FROM contact WHERE name NOT LIKE 'new %' AND id NOT IN (SELECT id FROM sync_shadow) ORDER BY id"
    rows = rep.replica.query(sql)
    if not rows:
        return
    row_id = run.chance.choice(rows)["id"]
    gone = run.chance.random() < 0.5
    spoil = "DELETE FROM contact" if gone else "UPDATE contact SET revision = revision - 1, language = 'xx'"
    with rep.replica._store.write() as conn:
        conn.execute(f"{spoil} WHERE id = ?", (row_id,))
        rep.replica._store.set_meta(compared_at=None)
    rep.damaged, rep.was_damaged = {("contact", str(UUID(bytes=row_id)))}, True
    run.note(f"contact {row_id.hex()[-4:]} is spoilt on {rep.name}")
    run.fault("replica's row spoilt")


def heal(run: "Run") -> None:
    """In the end everybody who can't pull any more updates, and what waits for a person is looked at."""
    for rep in run.reps:
        if rep.schema < run.server.schema - 1 or rep.was_damaged:
            rep.schema = run.server.schema
        if rep.was_damaged:
            with rep.replica._store.write():
                rep.replica._store.set_meta(compared_at=None)
    release_all(run)


def release_all(run: "Run") -> None:
    """Managers release all that waits."""
    for device_id in _list_undecided(run):
        release_quarantine(run, device_id, release=True)


# The worker


def run_jobs(run: "Run") -> None:
    """Try what was released, and waits, as often as pushes ask for it."""
    while run.server.rows_came and run.server.holder is None:
        run.server.rows_came = False
        take_released(run)


def take_released(run: "Run") -> int:
    """The worker's look at what was released, and waits; how many mutations took effect."""
    taken = 0
    for device_id, kept in sorted(run.server.quarantines.items()):
        if kept["released"]:
            transaction = doors.take_released(run.server, device_id)
            run.server.commit(transaction)
            done = sum(outcome["status"] in ("applied", "merged") for outcome in transaction.outcomes)
            if done:
                run.note(f"released work of {device_id[-4:]} is taken, as its rows came")
                run.fault("released work taken when its rows came")
            taken += done
    return taken


def released_is_taken(run: "Run") -> None:
    """Whoever has rows has handed them in: nothing that was released has been forgotten (S11)."""
    run_jobs(run)
    taken = take_released(run)
    run.oracle.require("S11", not taken, f"{taken} released mutations waited, though their rows were there")
