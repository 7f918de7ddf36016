"""The wire format: entities and their fields, the messages of a sync, and the chained digest.

The server imports this package, so what travels is defined once. `docs/sync-protocol.md` says the same
in prose, for clients in other languages. Every message is JSON; every field value is a JSON scalar (see
`Kind`), so that a value goes from the wire into SQLite without being looked at.
"""

from outrider_sdk.protocol.digest import GENESIS_DIGEST, canonical_json, chain_digest, fill_digests, lean
from outrider_sdk.protocol.entities import ENTITIES, Entity, Field, Kind, entity
from outrider_sdk.protocol.messages import (
    PROTOCOL_VERSION,
    PUSH_BYTES_MAX,
    PUSH_MUTATIONS_MAX,
    Change,
    Choice,
    Conflict,
    Create,
    Delete,
    Edit,
    FieldEdit,
    HandInReply,
    IncarnationReply,
    IncarnationRequest,
    Intent,
    Lost,
    Mutation,
    Outcome,
    Point,
    PullPage,
    PullRequest,
    PushReply,
    PushRequest,
    SnapshotOffer,
)

__all__ = [
    "ENTITIES",
    "GENESIS_DIGEST",
    "PROTOCOL_VERSION",
    "PUSH_BYTES_MAX",
    "PUSH_MUTATIONS_MAX",
    "Change",
    "Choice",
    "Conflict",
    "Create",
    "Delete",
    "Edit",
    "Entity",
    "Field",
    "FieldEdit",
    "HandInReply",
    "IncarnationReply",
    "IncarnationRequest",
    "Intent",
    "Kind",
    "Lost",
    "Mutation",
    "Outcome",
    "Point",
    "PullPage",
    "PullRequest",
    "PushReply",
    "PushRequest",
    "SnapshotOffer",
    "canonical_json",
    "chain_digest",
    "entity",
    "fill_digests",
    "lean",
]
