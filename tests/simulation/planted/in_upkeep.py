"""Mistakes about restores, snapshots, schemas, comparisons, leases, quarantine and wipes, each planted at one place."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache
from typing import Any
from unittest.mock import patch

from outrider_sdk import again, checksum, sync
from outrider_sdk.errors import ClientTooOld, ReplicaError
from outrider_sdk.lease import LeaseWatch
from outrider_sdk.pull import Pull, ServerBehind
from outrider_sdk.push import Push
from outrider_sdk.store import Store, sync_folder

from server.auth import incarnations
from server.sync import attempt, lineage, pull, push, quarantine, schemas
from server.sync import checksum as server_checksum
from tests.simulation import upkeep
from tests.simulation.network import FaultyTransport
from tests.simulation.server import MemoryServer

# Restores


@contextmanager
def count_on_after_a_restore() -> Iterator[None]:
    """A restored server goes on with the numbers of its backup, and a cursor is a number: devices miss what comes again
    under one that they know (change feeds over restored databases, replication slots after a failover)."""
    restore, judge = MemoryServer.restore, pull.judge_cursor

    def counting(server: MemoryServer, backup: dict[str, Any]) -> None:
        restore(server, backup)
        server.counter = server.head = backup["head"]
        server.epoch = backup["epoch"]

    def by_number(cursor: int, _: Any, **known: Any) -> Any:
        return judge(cursor, None, **known)

    with patch.object(MemoryServer, "restore", counting), patch.object(pull, "judge_cursor", by_number):
        yield


@contextmanager
def keep_the_epoch_in_the_backup_alone() -> Iterator[None]:
    """The generation is counted in the database that is restored: two restores of one backup begin the same (Kafka's
    and etcd's clusters, brought up twice from one snapshot)."""
    restore = MemoryServer.restore

    def forgetful(server: MemoryServer, backup: dict[str, Any]) -> None:
        server.epochs = backup["epoch"]
        restore(server, backup)

    with patch.object(MemoryServer, "restore", forgetful):
        yield


@contextmanager
def go_on_with_pages_of_lost_history() -> Iterator[None]:
    """A pull that broke off before a restore goes on after it, and shows rows that nobody has (paging tokens that
    outlive what they point into)."""
    is_void = pull.is_position_void

    def trusting(cursor: int, began_at: int, *, horizon: int, is_known: bool) -> bool:
        return is_void(cursor, began_at, horizon=horizon, is_known=True)

    with patch.object(pull, "is_position_void", trusting):
        yield


@contextmanager
def decide_for_each_copy_what_waits() -> Iterator[None]:
    """What waits for others' rows under two copies of a file takes effect for both (retries of jobs that were
    enqueued twice)."""

    async def nothing(waiting: list[Any], _device: Any) -> Any:
        return [], waiting

    with patch.object(push, "settle_waiting", nothing):
        yield


@contextmanager
def forget_what_a_device_was() -> Iterator[None]:
    """A phone that the restored server does not know is a new one, and all that it holds is news (device ids as the
    only memory of what was received)."""
    list_known = lineage._list_known

    async def nobody(*_: Any) -> None:
        return None

    async def of_the_same_origin(mutations: list[Any], device: Any) -> Any:
        return await list_known(mutations, device | {"may_have_kin": False})

    with (
        patch.object(incarnations, "_lock_ancestor", nobody),
        patch.object(lineage, "_list_known", of_the_same_origin),
    ):
        yield


@contextmanager
def take_the_first_answer_for_good() -> Iterator[None]:
    """What a restored server has decided otherwise since is not heard: the device believes in an answer that is gone
    (acknowledgements that nobody looks at twice)."""
    with patch.object(again, "take_back_changed", lambda *_: None):
        yield


@contextmanager
def push_from_where_the_old_device_had_to() -> Iterator[None]:
    """A push that broke off is gone on with by the next incarnation, which the server knows further (resume offsets
    that outlive their session)."""
    hand_in_again = again.hand_in_again

    def stubborn(store: Store, conn: Any, after: int) -> int:
        before = store.meta("again_from")
        count = hand_in_again(store, conn, after)
        if store.meta("again_from") is None:
            store.set_meta(again_from=before)
        return count

    with patch.object(again, "hand_in_again", stubborn):
        yield


# Snapshots


@contextmanager
def take_a_snapshot_for_the_present() -> Iterator[None]:
    """The delta begins at the head, and not at the revision of the file: what was written in between is missed (dumps
    taken before the replication slot)."""
    offer = pull._offer_page

    async def of_now(device: Any, position: Any, ready: Any, form: Any) -> Any:
        return await offer(device, position, replace(ready, revision=device["head"]), form)

    with patch.object(pull, "_offer_page", of_now):
        yield


@contextmanager
def leave_the_old_log_beside_the_snapshot() -> Iterator[None]:
    """The file takes the replica's place, and the write-ahead log of the old one is read into it (SQLite files that are
    replaced by a copy, everywhere)."""

    @contextmanager
    def with_log(store: Store) -> Iterator[bool]:
        yield True

    def become(store: Store, draft: Any, **_: object) -> None:
        log = store.path.with_name(f"{store.path.name}-wal")
        with store.read() as conn:
            kept = log.read_bytes() if log.exists() else b""
            store._conn = None
            conn.close()
            draft.replace(store.path)
            log.write_bytes(kept)
            sync_folder(store.path.parent)
            store._conn = store._connect()

    with (
        patch.object(Store, "checkpoint", lambda _: None),  # `become` finds what nobody has taken up
        patch.object(Store, "without_log", with_log),
        patch.object(Store, "become", become),
    ):
        yield


# Schemas


@contextmanager
def drop_the_outbox_in_an_update() -> Iterator[None]:
    """The new app makes its tables anew, the outbox too (mobile migrations that fall back to a fresh database: Room's
    `fallbackToDestructiveMigration`)."""
    update = upkeep.update_app

    def destructive(run: Any, rep: Any) -> None:
        before = rep.schema
        update(run, rep)
        if rep.schema != before:
            with rep.replica._store.write() as conn:
                conn.execute("DELETE FROM sync_outbox WHERE status IS NULL")

    with patch.object(upkeep, "update_app", destructive):
        yield


@contextmanager
def tell_old_apps_of_new_fields() -> Iterator[None]:
    """Rows travel as the server has them, whatever the app's schema is (additive changes that are not additive to
    strict clients)."""

    @cache
    def none(_entity: Any, _schema: int) -> frozenset[str]:
        return frozenset()

    with patch.object(schemas, "fields_unknown", none):
        yield


@contextmanager
def turn_old_apps_away_at_every_door() -> Iterator[None]:
    """Whoever is too old to pull may not push either: what is on the phone dies with the app (forced updates)."""
    deliver = FaultyTransport.push

    def push_if_new(transport: FaultyTransport, request: Any) -> Any:
        if transport.rep.schema < transport.run.server.schema - 1:
            raise ClientTooOld("Update this app.")
        return deliver(transport, request)

    with patch.object(FaultyTransport, "push", push_if_new):
        yield


@contextmanager
def name_a_view_by_rights_alone() -> Iterator[None]:
    """An app and a server that were both updated agree that nothing has changed (caches keyed without a version)."""
    with patch.object(pull, "view_name", lambda view, _: view):
        yield


# Comparisons


@contextmanager
def find_no_difference() -> Iterator[None]:
    """Sums travel, and nobody compares them (health checks that are always green)."""

    async def none(*_: Any) -> list[str]:
        return []

    with patch.object(server_checksum, "list_differing", none):
        yield


@contextmanager
def tell_of_a_difference_and_leave_it() -> Iterator[None]:
    """What differs is logged, and stays (monitoring in place of repair)."""
    with patch.object(checksum, "_repair", lambda *_: None):
        yield


# Leases, quarantine, wipes


@contextmanager
def stop_work_past_the_lease() -> Iterator[None]:
    """The app locks itself where its licence has run out, in a shop without a network (licence checks)."""
    is_past = LeaseWatch.is_past

    def locked(watch: LeaseWatch) -> bool:
        if is_past(watch):
            raise ReplicaError("Your licence has run out. Connect to the server.")
        return False

    with patch.object(LeaseWatch, "is_past", locked):
        yield


@contextmanager
def sell_past_the_lease() -> Iterator[None]:
    """An order of a phone that was lost a month ago is accepted like any other (tokens that never end offline)."""
    with patch.object(attempt, "is_past_lease", lambda *_: False):
        yield


@contextmanager
def acknowledge_a_quarantine_and_drop_it() -> Iterator[None]:
    """A revoked device's work is thanked for, and thrown away; then the device is wiped (dead letters without a
    queue)."""

    async def thanked(*_: Any, **__: Any) -> None:
        pass

    with patch.object(quarantine, "_keep", thanked):
        yield


@contextmanager
def wipe_before_handing_in() -> Iterator[None]:
    """The order to erase is looked for first, the outbox pushed afterwards (device managers that wipe at contact)."""
    exchange = sync._exchange

    def pull_first(contact: Any) -> None:
        with suppress(ServerBehind):
            Pull(contact).run()
        exchange(contact)

    with patch.object(sync, "_exchange", pull_first), patch.object(Push, "make_sure", lambda _: None):
        yield


@contextmanager
def wipe_what_a_restored_server_has_lost() -> Iterator[None]:
    """Nothing is pending, so all may be erased: but the server that had it was restored since (evicting caches by
    acknowledgement alone)."""
    with patch.object(Push, "make_sure", lambda _: None):
        yield


BUGS = (
    count_on_after_a_restore, keep_the_epoch_in_the_backup_alone, go_on_with_pages_of_lost_history,
    decide_for_each_copy_what_waits, forget_what_a_device_was, take_the_first_answer_for_good,
    push_from_where_the_old_device_had_to, take_a_snapshot_for_the_present, leave_the_old_log_beside_the_snapshot,
    drop_the_outbox_in_an_update, tell_old_apps_of_new_fields, turn_old_apps_away_at_every_door,
    name_a_view_by_rights_alone, find_no_difference, tell_of_a_difference_and_leave_it,
    stop_work_past_the_lease, sell_past_the_lease, acknowledge_a_quarantine_and_drop_it,
    wipe_before_handing_in,
    wipe_what_a_restored_server_has_lost,
)  # fmt: skip
