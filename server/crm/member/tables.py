"""The people of the tenant, where they belong, and what they may do."""

from piccolo.columns import JSONB, UUID, Boolean, Date, Text

from server.db import SyncedTable, engine


class Member(SyncedTable, db=engine, tablename="member"):
    """A person as their colleagues see them. How they log in is `server.auth.tables`."""

    name = Text(required=True)
    role = Text(required=True)
    active = Boolean(default=True)
    team_id = UUID(null=True, default=None)


class Role(SyncedTable, db=engine, tablename="role"):
    """What its members may do: where it departs from a built-in role (`server.auth.access`)."""

    key = Text(required=True)
    name = Text(required=True)
    base = Text(required=True)
    permissions = JSONB(default="{}")
    fields = JSONB(default="{}")


class Office(SyncedTable, db=engine, tablename="office"):
    """A place of the tenant's own, to which teams belong."""

    name = Text(required=True)
    address = JSONB(null=True, default=None)


class Team(SyncedTable, db=engine, tablename="team"):
    """Members who work together: outlets may be assigned to all of them at once."""

    name = Text(required=True)
    office_id = UUID(null=True, default=None)


class Delegation(SyncedTable, db=engine, tablename="delegation"):
    """A substitute stands in for a member, for a time: they see and do what is the other's own."""

    member_id = UUID(required=True, default=None)
    substitute_id = UUID(required=True, default=None)
    starts_on = Date(null=True, default=None)
    ends_on = Date(null=True, default=None)
