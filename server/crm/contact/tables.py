"""People, and how to reach them."""

from piccolo.columns import UUID, Boolean, Text

from server.db import SyncedTable, engine


class Contact(SyncedTable, db=engine, tablename="contact"):
    """A person at an account, perhaps at one outlet of it."""

    account_id = UUID(required=True, default=None)
    outlet_id = UUID(null=True, default=None)
    name = Text(required=True)
    job_title = Text(null=True, default=None)
    language = Text(null=True, default=None)
    description = Text(null=True, default=None)


class ContactChannel(SyncedTable, db=engine, tablename="contact_channel"):
    """A phone number, an address of e-mail: a row each, so that two devices can add both."""

    contact_id = UUID(required=True, default=None)
    channel_kind = Text(required=True)
    value = Text(required=True)
    label = Text(null=True, default=None)
    preferred = Boolean(default=False)
