"""Mistakes of the server's side, each planted at one place."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any, ClassVar
from unittest.mock import patch

from server.auth.access import Access
from server.sync import apply, attempt, changes, pull, push
from server.sync.position import Position
from server.sync.state import Row, WritePlan
from tests.simulation.database import Database
from tests.simulation.network import FaultyTransport, answered
from tests.simulation.records import Transaction
from tests.simulation.server import Locked, MemoryServer
from tests.simulation.visibility import Visibility


@contextmanager
def drop_the_lock() -> Iterator[None]:
    """The counter is raised, and not locked until commit: a slow writer commits behind a reader's cursor (sequences
    as cursors, in many a change feed over PostgreSQL)."""

    def begin(server: MemoryServer) -> Transaction:
        server.counter += 1
        return Transaction(server.counter, server.clock())

    with patch.object(MemoryServer, "begin", begin):
        yield


@contextmanager
def hand_out_an_uncommitted_head() -> Iterator[None]:
    """A page's cursor is the time of the pull, past writers that have not committed (timestamps as cursors, as in
    Dotmim.Sync and WatermelonDB's backends)."""
    fetchrow = Database.fetchrow

    async def ahead(database: Database, sql: str, *args: Any) -> Any:
        record = await fetchrow(database, sql, *args)
        head = database._server.counter
        if record is None or "head" not in record:
            return record
        return record | {"head": head, "head_token": database._server.token_of(head)}

    with patch.object(Database, "fetchrow", ahead):
        yield


@contextmanager
def acknowledge_before_commit() -> Iterator[None]:
    """The server answers, and commits afterwards; where it ends in between, the device believes it was kept (early
    MongoDB write concerns, as Jepsen found)."""

    def deliver(transport: FaultyTransport, request: Any, device_id: str | None = None) -> Any:
        run, server = transport.run, transport.run.server
        transaction = answered(lambda: server.begin_push(device_id or transport.rep.id, request), run)
        run.interleave()
        if run.chance.random() < 0.1 and not run.healed:
            server.abort(transaction)
        else:
            server.commit(transaction)
        return transaction.reply

    with patch.object(FaultyTransport, "deliver", deliver):
        yield


@contextmanager
def forget_the_base() -> Iterator[None]:
    """What the person saw when typing is not looked at: the last push wins (Turso's offline sync; Firestore)."""
    with patch.object(changes, "is_conflict", lambda stamp, *, base, device: False):
        yield


@contextmanager
def keep_no_record_of_a_conflict() -> Iterator[None]:
    """The losing value is thrown away (PouchDB and CouchDB applications that never read `_conflicts`)."""
    with patch.object(attempt.Attempt, "conflict", lambda *_, **__: None):
        yield


@contextmanager
def delete_over_an_unseen_edit() -> Iterator[None]:
    """A delete takes away what its person had not seen (Realm's and Firestore's rule that deletes win)."""
    delete = changes._delete

    def wins(*args: Any) -> None:
        with patch.object(changes, "is_conflict", lambda stamp, *, base, device: False):
            delete(*args)

    with patch.object(changes, "_delete", wins):
        yield


@contextmanager
def resurrect_the_deleted() -> Iterator[None]:
    """A late edit brings a deleted row back without a word (Cassandra's zombies; Firefox Sync's autofill)."""

    def revive(_: Any, row: Row) -> None:
        row.deleted = False

    with patch.object(changes, "_revive", revive):
        yield


@contextmanager
def trust_the_clock() -> Iterator[None]:
    """The device's time is taken as it is: a clock of 2100 wins for years (last writer wins in Cassandra)."""

    def as_told(captured_at: int, skew: int | None, **_: int) -> int | None:
        return None if skew is None else captured_at + skew

    with patch.object(attempt, "capture_time", as_told):
        yield


@contextmanager
def take_a_retry_for_news() -> Iterator[None]:
    """No number is known again: a repeated push has a second effect (POSTs without an idempotency key, everywhere)."""

    def as_news(mutations: list[Any], _: int) -> Any:
        return [], mutations

    with (
        patch.object(push, "split_known", as_news),
        patch.object(push, "check_chain", lambda *_, **__: None),
    ):
        yield


@contextmanager
def recognise_no_past() -> Iterator[None]:
    """A replica that goes on as another device is new to the server: what it handed in comes a second time (sync ids
    that change with a reinstallation)."""

    async def nothing(_fresh: Any, _device: Any) -> Any:
        return [], {}

    with patch.object(push, "recognise", nothing):
        yield


@contextmanager
def take_any_content_under_a_known_number() -> Iterator[None]:
    """A number that is known counts as handed in, whatever it holds: the work of a restored phone is lost (queues that
    are deduplicated by a counter alone)."""
    with (
        patch.object(push, "check_known", lambda *_: None),
        patch.object(push, "check_chain", lambda *_, **__: None),
    ):
        yield


@contextmanager
def forget_outcomes_once_told() -> Iterator[None]:
    """An outcome is dropped when it was sent, not when it was acknowledged: a lost reply is lost for good (RPC caches
    that are cleared too early)."""
    keep = MemoryServer._keep_outcomes

    def drop(server: MemoryServer, transaction: Transaction) -> None:
        keep(server, transaction)
        if transaction.device is not None:
            transaction.device.outcomes = {}

    with patch.object(MemoryServer, "_keep_outcomes", drop):
        yield


@contextmanager
def pass_poison_over_in_silence() -> Iterator[None]:
    """What the database cannot hold is left out, and reported as applied (queues that delete what fails)."""

    def silent(mutation: dict[str, Any], _: Any) -> WritePlan:
        plan = WritePlan()
        plan.outcomes.append({"number": mutation["number"], "digest": mutation["digest"], "status": "applied"})
        return plan

    with patch.object(apply, "_poison", silent):
        yield


@contextmanager
def block_the_queue_by_poison() -> Iterator[None]:
    """What cannot be stored fails the whole push, over and over (AppSync's and many another outbox)."""
    whole_or_in_parts = apply.apply

    async def whole(mutations: list[Any], *rest: Any, **named: Any) -> Any:
        outcomes = await whole_or_in_parts(mutations, *rest, **named)
        if len(mutations) > 1 and any(o.get("code") == "poison" for o in outcomes):
            raise push.Conflict("One of these changes cannot be stored.")
        return outcomes

    with patch.object(apply, "apply", whole), patch.object(push, "apply", whole):
        yield


@contextmanager
def leave_what_was_lost_on_the_device() -> Iterator[None]:
    """Who loses a scope keeps its rows (Couchbase's channels, until auto-purge)."""
    stream = Visibility.stream

    def without_losses(sight: Visibility, member_id: str, *args: Any) -> Any:
        held = {(s, level) for (s, level), g in sight.grants.get(member_id, {}).items() if not g.gone}
        scopes = {scope for scope, _ in held}
        return (entry for entry in stream(sight, member_id, *args) if entry[1] in scopes)

    with patch.object(Visibility, "stream", without_losses):
        yield


@contextmanager
def send_by_scope_alone() -> Iterator[None]:
    """How far a role reads an entity is asked of REST, and not of sync (rules that live in the API's layer only)."""

    def sees(sight: Visibility, member_id: str, _: Access, row: Row) -> bool:
        return bool(sight._levels(member_id, row))

    with patch.object(Visibility, "sees", sees):
        yield


@contextmanager
def serve_the_revoked() -> Iterator[None]:
    """A revoked device goes on pulling until its token ends (tokens that nobody looks up)."""
    fetchrow = Database.fetchrow

    async def trusting(database: Database, sql: str, *args: Any) -> Any:
        record = await fetchrow(database, sql, *args)
        return record | {"revoked_at": None} if record and "revoked_at" in record else record

    with patch.object(Database, "fetchrow", trusting):
        yield


@contextmanager
def overlook_a_change_of_fields() -> Iterator[None]:
    """A role's new rules of fields begin with the next write of each row (Realm's and PowerSync's rules, where they
    are not replayed)."""
    access_from = pull.access_from

    def same_view(record: Any) -> Access:
        access = copy(access_from(record))
        object.__setattr__(access, "view", "always the same")
        return access

    with patch.object(pull, "access_from", same_view):
        yield


class _AnyView(str):
    """Equals every view."""

    __hash__ = str.__hash__

    def __eq__(self, _: object) -> bool:
        return True

    def __ne__(self, _: object) -> bool:
        return False


@contextmanager
def go_on_with_a_page_of_other_rights() -> Iterator[None]:
    """A position from before a change of rights is gone on with: half of the pull is by the old ones (cursors over
    queries that change underneath)."""
    parse = Position.parse

    def trusting(text: str | None) -> Position:
        position = parse(text)
        if position.view is not None:
            object.__setattr__(position, "view", _AnyView(position.view))
        return position

    with patch.object(Position, "parse", trusting):
        yield


@contextmanager
def forget_removals_and_not_the_cursors() -> Iterator[None]:
    """What was removed is forgotten, and devices that have not heard of it go on as if they had (tombstones collected
    while somebody is away: Cassandra, note-taking apps)."""

    def good(cursor: int, *_: Any, **__: Any) -> pull.Cursor:
        return pull.Cursor.GOOD if cursor else pull.Cursor.NONE

    with (
        patch.object(pull, "judge_cursor", good),
        patch.object(pull, "is_position_void", lambda *_, **__: False),
    ):
        yield


@contextmanager
def orphan_the_loser_of_a_merge() -> Iterator[None]:
    """Offline work on a record that was merged away stays with the old one (Salesforce's and others' merges, over their
    mobile caches)."""
    with patch.object(changes, "follow_merges", lambda _, change: change):
        yield


@contextmanager
def merge_documents_as_a_whole() -> Iterator[None]:
    """One key of a document changes, and the document wins with all its keys (locorda's clocks per document)."""

    def whole(_: Any, row: Row, edit: dict[str, Any]) -> None:
        row.values["custom"] = edit["value"]

    with patch.object(changes, "merge_custom", whole):
        yield


@contextmanager
def lock_all_tenants_at_once() -> Iterator[None]:
    """One lock for the installation: a long transaction of one tenant stops the others (snapshot horizons shared by a
    whole database cluster)."""
    begin, commit, abort = MemoryServer.begin, MemoryServer.commit, MemoryServer.abort

    class Held:
        by: ClassVar[list[Transaction]] = []

    def begun(server: MemoryServer) -> Transaction:
        if Held.by:
            raise Locked
        transaction = begin(server)
        Held.by.append(transaction)
        return transaction

    def committed(server: MemoryServer, transaction: Transaction) -> None:
        commit(server, transaction)
        Held.by = [held for held in Held.by if held is not transaction]

    def aborted(server: MemoryServer, transaction: Transaction) -> None:
        abort(server, transaction)
        Held.by = [held for held in Held.by if held is not transaction]

    with (
        patch.object(MemoryServer, "begin", begun),
        patch.object(MemoryServer, "commit", committed),
        patch.object(MemoryServer, "abort", aborted),
    ):
        yield


BUGS = (
    drop_the_lock, hand_out_an_uncommitted_head, acknowledge_before_commit, forget_the_base,
    keep_no_record_of_a_conflict, delete_over_an_unseen_edit, resurrect_the_deleted, trust_the_clock,
    take_a_retry_for_news, recognise_no_past, take_any_content_under_a_known_number,
    forget_outcomes_once_told, pass_poison_over_in_silence, block_the_queue_by_poison,
    leave_what_was_lost_on_the_device, send_by_scope_alone, serve_the_revoked, overlook_a_change_of_fields,
    forget_removals_and_not_the_cursors, go_on_with_a_page_of_other_rights,
    orphan_the_loser_of_a_merge, merge_documents_as_a_whole,
    lock_all_tenants_at_once,
)  # fmt: skip
