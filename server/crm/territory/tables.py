"""Territories, and who works which outlet."""

from piccolo.columns import UUID, Date, Text

from server.db import SyncedTable, engine


class Territory(SyncedTable, db=engine, tablename="territory"):
    """A branch of the tree of territories; its manager sees the outlets of the whole branch."""

    name = Text(required=True)
    parent_id = UUID(null=True, default=None)
    manager_id = UUID(null=True, default=None)


class Assignment(SyncedTable, db=engine, tablename="assignment"):
    """A member, or a team, works an outlet, for a time; without dates, for good."""

    member_id = UUID(null=True, default=None)
    team_id = UUID(null=True, default=None)
    outlet_id = UUID(required=True, default=None)
    assortment_id = UUID(null=True, default=None)
    starts_on = Date(null=True, default=None)
    ends_on = Date(null=True, default=None)
    delegated_by = UUID(null=True, default=None)
