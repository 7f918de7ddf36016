"""Old ids on a device: what was merged away is found, changed and referred to as what it goes on as."""

import pytest
from sdk_fakes import EPOCH_US, fixed_id


@pytest.fixture
def merged(server, crm, shop):
    """The id of a contact that was merged into the shop's; pulled."""
    old = fixed_id(500)
    merge_id = server.put("merge", entity="contact", winner_id=shop["contact"], loser_id=old)
    crm.sync()
    return old, merge_id


def test_an_old_id_finds_the_row_that_it_goes_on_as(crm, shop, merged):
    """An app that remembers the id need not know of the merge."""
    old, _ = merged

    assert crm.contacts.find(old).id == crm.contacts.get(old).id == shop["contact"]


def test_an_edit_under_an_old_id_is_sent_for_the_winner(crm, shop, server, merged):
    """With the winner's values as seen, so that it merges like any edit."""
    crm.contacts.edit(merged[0], name="Freda")
    crm.sync()

    assert server.rows["contact", shop["contact"]]["name"] == "Freda"


def test_a_new_row_under_an_old_id_hangs_on_the_winner(crm, shop, merged):
    """And shows there at once."""
    channel = crm.contact_channels.create(contact_id=merged[0], channel_kind="phone", value="+371")

    assert channel.contact_id == shop["contact"]


def test_s1_a_row_that_is_shown_is_itself_whatever_was_merged(crm, shop, server, merged):
    """A restored server takes a merge back, and own work shows the loser again before the next pull tells of it."""
    server.put("contact", id=merged[0], account_id=shop["account"], name="Greta")
    crm.sync()

    crm.contacts.edit(merged[0], name="Grete")
    crm.sync()

    assert [server.rows["contact", row_id]["name"] for row_id in (merged[0], shop["contact"])] == ["Grete", "Fred"]


def test_after_the_undoing_an_old_id_is_its_own_again(crm, server, merged):
    """The row comes back by itself."""
    old, merge_id = merged
    server.put("merge", id=merge_id, undone_at=EPOCH_US)
    crm.sync()

    assert crm.contacts.find(old) is None
