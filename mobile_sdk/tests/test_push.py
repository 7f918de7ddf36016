"""Push: chunks in order, each answered once, whatever gets lost or is too large."""

import pytest
from outrider_sdk import (
    InvalidValue,
    NotDiscardable,
    Offline,
    Rejected,
    outbox,
)


def names(transport):
    return [name for name, _ in transport.requests]


def test_a_long_outbox_goes_in_chunks_and_outcomes_are_acknowledged(crm, shop, transport, monkeypatch):
    """A push has limits; the server may forget an outcome only when the device has stored it."""
    monkeypatch.setattr(outbox, "PUSH_MUTATIONS_MAX", 10)
    for number in range(25):
        crm.contacts.create(account_id=shop["account"], name=f"{number}")
    transport.requests.clear()

    report = crm.sync()

    pushes = [request for name, request in transport.requests if name == "push"]
    pull = transport.requests[-1][1]
    assert [len(push["mutations"]) for push in pushes] == [10, 10, 5]
    assert [push["acked_through"] for push in pushes] == [0, 0, 10]  # a push leaves before the last one's are stored
    assert pull["acked_through"] == 25
    assert (report.pushed, report.applied) == (25, 25)
    transport.requests.clear()
    crm.sync()
    assert names(transport) == ["pull"]


def test_what_was_made_ready_and_never_left_can_still_be_discarded(crm, shop, transport, monkeypatch):
    """While one push is under way the next is made ready; where the line breaks, it is still the person's own."""
    monkeypatch.setattr(outbox, "PUSH_MUTATIONS_MAX", 10)
    for number in range(25):
        crm.contacts.create(account_id=shop["account"], name=f"{number}")
    first = crm.status().last_number - 24
    transport.faults.append("before")

    with pytest.raises(Offline):
        crm.sync()

    with pytest.raises(NotDiscardable):
        crm.discard(first + 9)
    crm.discard(first + 10)
    assert crm.sync().applied == 25


def test_large_mutations_make_small_chunks(crm, shop, transport, monkeypatch):
    """A push has a limit of bytes too."""
    monkeypatch.setattr(outbox, "CHUNK_BYTES_MAX", 5_000)
    for _ in range(5):
        crm.contacts.create(account_id=shop["account"], name="x", description="y" * 1_900)

    crm.sync()

    assert [len(r["mutations"]) for name, r in transport.requests if name == "push"] == [2, 2, 1]


def test_a_push_that_is_too_large_for_something_on_the_way_goes_in_smaller_parts(crm, shop, server, monkeypatch):
    """A proxy may have a limit of its own, and says 413 before the server sees anything."""
    for number in range(10):
        crm.contacts.create(account_id=shop["account"], name=f"{number}")
    honest = server.push

    def narrow(request):
        if len(request["mutations"]) > 3:
            raise Rejected(413, "", "Request Entity Too Large")
        return honest(request)

    monkeypatch.setattr(server, "push", narrow)

    assert crm.sync().applied == 10


def test_a_transaction_too_large_to_travel_is_refused_at_once(crm, shop, monkeypatch):
    """The server would refuse it whole, a day later."""
    monkeypatch.setattr(outbox, "MUTATION_CHANGES_MAX", 3)

    def many():
        with crm.transaction():
            for _ in range(4):
                crm.contacts.create(account_id=shop["account"], name="x")

    with pytest.raises(InvalidValue, match="make several"):
        many()
    assert crm.contacts.count() == 1


def test_a_lost_reply_of_a_push_has_one_effect(crm, shop, server, transport):
    """The device can't know whether it arrived, and asks again."""
    crm.contacts.create(account_id=shop["account"], name="Ann")
    before = len(server.rows)
    transport.faults.append("after")
    with pytest.raises(Offline):
        crm.sync()

    report = crm.sync()

    assert (report.pushed, report.applied) == (1, 1)
    assert len(server.rows) == before + 1


def test_a_gap_is_filled_from_where_the_server_says(crm, shop, server, transport):
    """A server restored from its backup asks for what it had acknowledged since."""
    for name in "abc":
        crm.contacts.create(account_id=shop["account"], name=name)
        crm.sync()
    for number in (2, 3):
        del server.known[number]
    server.applied_through = 1
    for key, row in list(server.rows.items()):
        if row.get("name") in ("b", "c"):
            del server.rows[key]
    crm.contacts.create(account_id=shop["account"], name="d")

    report = crm.sync()

    assert report.pushed == 3
    assert {row["name"] for (entity, _), row in server.rows.items() if entity == "contact"} >= set("abcd")
    assert crm.status().pending == 0


def test_a_concurrent_edit_is_merged_and_counted(crm, shop, server):
    """The value that was not kept is told, not lost."""
    crm.contacts.edit(shop["contact"], name="Freda")
    server.put("contact", id=shop["contact"], name="Fritz")

    report = crm.sync()

    assert (report.applied, report.merged, report.refused) == (0, 1, 0)
    assert crm.contacts.get(shop["contact"]).name == "Fritz"
