"""Conflicts that a push recorded."""

from piccolo.columns import JSONB, UUID, BigInt, Text, Timestamptz

from server.db import SyncedTable, engine


class Conflict(SyncedTable, db=engine, tablename="conflict"):
    """A field on which somebody's captured value was not kept."""

    entity = Text(required=True)
    row_id = UUID(required=True, default=None)
    field = Text(required=True)
    rule = Text(required=True)
    kept = JSONB(null=True, default=None)
    lost = JSONB(null=True, default=None)
    seen = JSONB(null=True, default=None)
    kept_by = UUID(null=True, default=None)
    lost_by = UUID(null=True, default=None)
    device_id = UUID(null=True, default=None)
    mutation_number = BigInt(null=True, default=None)
    captured_at = Timestamptz(null=True, default=None)
    status = Text(required=True)
    explanation = Text(required=True)
    settlement = Text(null=True, default=None)
    settled_by = UUID(null=True, default=None)
    settled_at = Timestamptz(null=True, default=None)
