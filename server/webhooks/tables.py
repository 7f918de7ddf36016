"""Webhooks. Triggers write the events that they wait for, and plain SQL their deliveries (ADR 0013)."""

from piccolo.columns import UUID, Array, Integer, Text, Timestamptz
from piccolo.table import Table

from server.db import engine


class Webhook(Table, db=engine):
    """A receiver's address, and the events that go there."""

    id = UUID(primary_key=True)
    url = Text()
    description = Text(null=True, default=None)
    events = Array(base_column=Text())
    """Patterns, as in `server.webhooks.rules.matches`."""
    entities = Array(base_column=Text())
    """The entities of the patterns, which the triggers look at."""
    secret_generation = Integer(default=1)
    secret_rotated_at = Timestamptz(null=True, default=None)
    created_by = UUID()
    created_at = Timestamptz()
    disabled_at = Timestamptz(null=True, default=None)
    disabled_reason = Text(null=True, default=None)
    failing_since = Timestamptz(null=True, default=None)
    failures_in_row = Integer(default=0)
    resume_at = Timestamptz(null=True, default=None)
    """Until then nothing is sent: the receiver does not answer."""
    wake_at = Timestamptz(null=True, default=None)
    """For when the next job is sent already."""
    leased_until = Timestamptz(null=True, default=None)
    """Until then one job alone sends."""
