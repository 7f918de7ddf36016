"""The messages of a sync, as they stand on the wire (TypedDicts: no cost, no dependency)."""

from typing import Literal, NotRequired, TypedDict

PROTOCOL_VERSION = 1
PUSH_MUTATIONS_MAX = 2_000
"""Mutations in one push; a longer outbox is sent in several."""
PUSH_BYTES_MAX = 8 * 1024 * 1024
"""Size of a push body after decompression."""

Scalar = str | int | bool | None


class FieldEdit(TypedDict):
    """One field of an edit, with what the person saw at the moment of typing."""

    value: Scalar
    seen: Scalar
    base: int  # revision of the row as it was seen; 0 for a row this device created and has not pulled


class Create(TypedDict):
    """A new row under an id (UUIDv7) that the device chose. Absent fields are null or their default.

    `base` is the cursor when it was typed: who made the same since then, made it unknowingly.
    """

    op: Literal["create"]
    entity: str
    id: str
    base: NotRequired[int]
    fields: dict[str, Scalar]


class Edit(TypedDict):
    """Changed fields of a row."""

    op: Literal["edit"]
    entity: str
    id: str
    fields: dict[str, FieldEdit]


class Delete(TypedDict):
    """A row removed; `base` is the revision at which it was seen."""

    op: Literal["delete"]
    entity: str
    id: str
    base: int


class Intent(TypedDict):
    """A named act that only the server decides, with what the person saw when asking for it."""

    op: Literal["intent"]
    name: str  # order.submit, order.cancel, conflict.settle
    id: str
    seen: dict[str, object]


Change = Create | Edit | Delete | Intent


class Mutation(TypedDict):
    """One transaction of the device: applied whole or not at all."""

    number: int  # 1, 2, 3 … without a gap, within an incarnation
    digest: str  # on the wire, only the first and the last of a push must bear it
    captured_at: int  # device clock, microseconds since 1970
    skew: int | None  # server clock minus device clock as measured, microseconds; None: unknown
    changes: list[Change]  # empty: a noop, which keeps the numbers contiguous
    past_lease: NotRequired[bool]  # the device's lease had ended when it was captured; left out, it had not
    redacted: NotRequired[bool]
    """It comes again without what was refused, or is about people who were erased: the digest is of the whole."""
    previous: NotRequired[str]  # of a redacted one: the digest of the number before it, where the device has it


class PushRequest(TypedDict):
    """What a device hands in."""

    protocol: int
    incarnation: int
    acked_through: int  # the device has stored the outcomes up to this number; the server may forget them
    mutations: list[Mutation]
    again: NotRequired[bool]
    """The first of them was sent before, and had no answer."""


class HandInReply(TypedDict):
    """What the server has of a revoked device's work."""

    quarantined_through: int  # it decided on, or keeps, all up to this number
    missing: list[int]
    """But for these, which wait for other devices' rows since a restore: only the device has their content."""
    closed: bool
    """Whether it takes nothing else: all was handed in since the device was trusted last."""


class Point(TypedDict):
    """A mutation by which a replica knows its own past; number 0, with 64 zeros, is the beginning."""

    number: int
    digest: str


Lost = TypedDict("Lost", {"from": int, "to": int | None})
"""Numbers of mutations that are gone from the device; `to` is None where it does not know how many there were."""


class IncarnationRequest(TypedDict):
    """A copied, restored or repaired replica asks to go on as a device of its own."""

    device_id: str  # the one that it was
    key: str  # a UUID of its making: the same request again gets the same answer
    points: list[Point]  # newest first; the server goes on from the first that it knows
    lost: NotRequired[Lost]
    proof: NotRequired[str]  # added by the transport, which has the secret


class IncarnationReply(TypedDict):
    """Who the replica is from now on."""

    device_id: str
    incarnation: int
    number_prefix: str
    after: int  # its mutations go on after this number


class Choice(TypedDict):
    """What a person can do about a refusal or a conflict."""

    code: str
    label: str


class Conflict(TypedDict):
    """A field on which somebody's value was not kept."""

    id: str
    entity: str
    row_id: str
    field: str
    kept: Scalar
    lost: Scalar
    yours: Literal["kept", "lost", "pending"]
    explanation: str


class Outcome(TypedDict):
    """What became of one mutation. Stored with its number; repeated until acknowledged."""

    number: int
    digest: str
    status: Literal["applied", "merged", "refused", "parked"]
    code: NotRequired[str]  # refused: why, for programs
    explanation: NotRequired[str]  # for the person: what happened, in business words
    choices: NotRequired[list[Choice]]
    conflicts: NotRequired[list[Conflict]]
    duplicates: NotRequired[list[dict[str, object]]]  # rows in sight that may be the same as one that it made
    verdicts: NotRequired[list[dict[str, object]]]  # order.submit: one per line
    blocked_by: NotRequired[int]  # refused because mutation n, on which it builds, was refused
    past_lease: NotRequired[bool]  # captured past the lease: an order among it is held for the office
    erased: NotRequired[list[str]]  # refused because these rows are of people who were erased: the device forgets them


class PushReply(TypedDict):
    """Outcomes of the mutations sent, in their order."""

    outcomes: list[Outcome]
    applied_through: int
    server_time: int
    durable_through: NotRequired[int]


class PullRequest(TypedDict):
    """Asks for what changed after `cursor`; `position` continues an unfinished pull."""

    protocol: int
    schema: int
    cursor: int
    position: str | None
    cursor_token: NotRequired[str | None]
    """The cursor's own token, as the complete page named it."""
    view: NotRequired[str | None]
    """Of what the device has, as its last complete page named it."""
    acked_through: NotRequired[int]
    """As in a push: outcomes up to this number need not be repeated. What is forgotten is a push's to say."""
    snapshots: NotRequired[list[str]]
    """Encodings in which the device takes a snapshot in place of a first pull's first pages."""


class SnapshotOffer(TypedDict):
    """A file of rows that a device may take over instead of pages."""

    id: str
    format: int
    encoding: str  # of the file: zstd or gzip
    sha256: str  # of the file as it is downloaded
    size_bytes: int  # of the same
    file_bytes: int  # of the SQLite file in it
    rows: int


class PullPage(TypedDict):
    """One page: rows to put, rows to drop. Staged by the device and revealed when a page is complete."""

    puts: dict[str, dict[str, list[Scalar]]]  # entity → column → values; all columns equally long
    drops: dict[str, list[str]]
    cursor: int  # head revision of the transaction that made this page
    view: str  # names what the user's role makes visible
    anew: bool  # another view than the device's: what is pulled replaces all that it has
    complete: bool
    position: str | None
    applied_through: int  # last mutation of this device contained in what was pulled
    incarnation: int
    outcomes: list[Outcome]  # not yet acknowledged ones; on the complete page
    server_time: int
    cursor_token: NotRequired[str]
    """The cursor's: by it the server sees whether it is of its own history."""
    epoch: NotRequired[str]
    """Another one than before: the server was restored from a backup."""
    durable_through: NotRequired[int]
    """The last of this device's mutations that a verified backup of the server has."""
    erased: NotRequired[list[str]]
    """On the complete page: rows of people erased since the cursor. The device forgets what it sent of them."""
    snapshot: NotRequired[SnapshotOffer]
    """This page's rows are in that file; the next page goes on from there."""
