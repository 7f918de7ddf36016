"""What a device does when its user's role shows something else than before."""


def test_another_view_replaces_what_is_shown_and_keeps_the_outbox(server, crm, shop):
    """A rep becomes a manager, or the other way round: nothing typed is lost, and nothing stays that is not theirs."""
    kept, gone = server.put("account", name="Kept", legal_name="Kept Ltd"), server.put("account", name="Gone")
    crm.sync()
    crm.accounts.edit(kept, name="Typed offline")
    server.rows.pop(("account", gone))  # out of sight in the new view; the server sends no drop
    server.rows["account", kept]["legal_name"] = None  # hidden in the new view; its revision is the same
    server.view = "less"

    report = crm.sync()

    assert report.applied == 1
    assert crm.accounts.find(gone) is None
    assert crm.accounts.get(kept).name == "Typed offline"
    assert crm.accounts.get(kept).legal_name is None
    assert crm.verify() == []


def test_the_same_view_is_pulled_from_the_cursor(server, crm, shop):
    """A full pull is for a new view alone."""
    crm.sync()
    server.put("account", name="News")

    assert crm.sync().rows_put == 1
