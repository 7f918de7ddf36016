"""Live queries: a screen that shows what is there now."""

import queue
import threading

import pytest
from outrider_sdk import live

WAIT_S = 20


class Heard:
    """What a callback was called with."""

    def __init__(self):
        self.calls = queue.Queue()

    def __call__(self, rows):
        self.calls.put([row["name"] for row in rows])

    def next(self):
        return self.calls.get(timeout=WAIT_S)


@pytest.fixture
def heard():
    return Heard()


def test_a_query_calls_at_once_and_after_each_change_of_its_result(crm, shop, heard):
    """Whoever shows a list need not know who changes it."""
    crm.live(crm.accounts.where().order_by("name"), heard)
    assert heard.next() == ["Wilma"]

    made = crm.accounts.create(name="Betty")
    assert heard.next() == ["Betty", "Wilma"]

    crm.accounts.edit(made.id, name="Zoe")
    assert heard.next() == ["Wilma", "Zoe"]


def test_a_pull_calls(crm, server, shop, heard):
    """What others did appears by itself."""
    crm.live(crm.accounts.where(), heard)
    heard.next()

    server.put("account", id=shop["account"], name="Wilma & Co", roles="[]", tags="[]")
    crm.sync()

    assert heard.next() == ["Wilma & Co"]


def test_a_change_of_something_else_does_not_call(crm, shop, heard):
    """A screen that redraws for nothing flickers, and costs battery."""
    crm.live(crm.accounts.where(), heard)
    heard.next()

    crm.outlets.edit(shop["outlet"], name="Corner")
    crm.accounts.edit(shop["account"], name="Betty")

    assert heard.next() == ["Betty"]
    assert heard.calls.empty()


def test_s4_no_call_sees_half_of_a_transaction_or_comes_inside_one(crm, shop, heard):
    """An order whose lines are not there yet is none."""
    crm.live(crm.accounts.where().order_by("name"), heard)
    heard.next()

    with crm.transaction():
        crm.accounts.create(name="Ann")
        crm.accounts.create(name="Bob")
        assert heard.calls.empty()

    assert heard.next() == ["Ann", "Bob", "Wilma"]


def test_what_was_undone_does_not_call(crm, shop, heard):
    """It never happened."""
    crm.live(crm.accounts.where(), heard)
    heard.next()

    def undone():
        with crm.transaction():
            crm.accounts.create(name="Momentary")
            raise LookupError

    with pytest.raises(LookupError):
        undone()
    crm.accounts.edit(shop["account"], name="Betty")

    assert heard.next() == ["Betty"]


def test_a_callback_may_write(crm, shop, heard):
    """It is an ordinary user of the replica."""

    def tag(rows):
        if not rows[0].tags:
            crm.accounts.edit(rows[0].id, tags=["seen"])
        heard(rows)

    crm.live(crm.accounts.where(), tag)

    assert [heard.next(), heard.next()] == [["Wilma"], ["Wilma"]]
    assert crm.accounts.get(shop["account"]).tags == ["seen"]


def test_after_the_end_no_call_begins(crm, shop, heard):
    """The screen is gone."""
    other = Heard()
    with crm.live(crm.accounts.where(), heard):
        heard.next()
        crm.live(crm.accounts.where(), other)
        other.next()

    crm.accounts.edit(shop["account"], name="Betty")

    assert other.next() == ["Betty"]
    assert heard.calls.empty()


def test_a_callback_that_fails_is_logged_and_called_again(crm, shop, heard, caplog):
    """A mistake in one screen must not silence the others."""

    def fail(rows):
        heard(rows)
        raise LookupError

    crm.live(crm.accounts.where(), fail)
    heard.next()
    crm.accounts.edit(shop["account"], name="Betty")

    assert heard.next() == ["Betty"]
    assert "live query failed" in caplog.text


def test_calls_are_handed_over_to_another_thread(crm, shop, heard):
    """Most user interfaces may be touched from one thread alone."""
    todo = queue.Queue()
    crm.live(crm.accounts.where(), heard, deliver=lambda call, rows: todo.put((call, rows)))

    call, rows = todo.get(timeout=WAIT_S)
    assert heard.calls.empty()
    call(rows)

    assert heard.next() == ["Wilma"]


def test_a_search_can_be_live(crm, shop):
    """A result list goes on being true while the person looks at it."""
    calls = queue.Queue()
    crm.live(lambda: crm.search("betty"), lambda hits: calls.put([hit.row.name for hit in hits]))
    assert calls.get(timeout=WAIT_S) == []

    crm.accounts.edit(shop["account"], name="Betty")

    assert calls.get(timeout=WAIT_S) == ["Betty"]


def test_a_reader_hears_what_the_writer_of_another_connection_wrote(open_replica, crm, shop, heard, monkeypatch):
    """The app writes; a widget beside it shows."""
    monkeypatch.setattr(live, "POLL_S", 0.02)
    reader = open_replica(read_only=True)
    reader.live(reader.accounts.where(), heard)
    assert heard.next() == ["Wilma"]

    crm.accounts.edit(shop["account"], name="Betty")

    assert heard.next() == ["Betty"]


def test_closing_ends_the_thread(crm, shop, heard):
    """A replica leaves nothing behind."""
    crm.live(crm.accounts.where(), heard)
    heard.next()
    (thread,) = (each for each in threading.enumerate() if each.name == "outrider-live")

    crm.close()

    thread.join(WAIT_S)
    assert not thread.is_alive()
