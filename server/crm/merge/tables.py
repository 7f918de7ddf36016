"""Merges: which row a merged-away id stands for now."""

from piccolo.columns import UUID, Text, Timestamptz

from server.db import SyncedTable, engine


class Merge(SyncedTable, db=engine, tablename="merge"):
    """A row, the loser, that became one with another, the winner."""

    entity = Text(required=True)
    winner_id = UUID(required=True, default=None)
    loser_id = UUID(required=True, default=None)
    undone_at = Timestamptz(null=True, default=None)
