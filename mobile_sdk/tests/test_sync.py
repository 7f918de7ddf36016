"""Push and pull: order, repetition, interruption, and what each trouble is called."""

import pytest
from outrider_sdk import (
    InvalidValue,
    MemoryCredentials,
    NotDiscardable,
    NotEnrolled,
    Offline,
    ProtocolViolation,
    Rejected,
    ReplicaBusy,
    ReplicaError,
    outbox,
)
from sdk_fakes import FakeServer, stock_shop


def names(transport):
    return [name for name, _ in transport.requests]


def test_a_first_sync_brings_everything(crm, server):
    """A new device starts from nothing."""
    ids = stock_shop(server)

    report = crm.sync()

    assert report.rows_put == len(server.rows)
    assert crm.contacts.get(ids["contact"]).name == "Fred"
    assert crm.status().cursor == report.cursor == server.revision


def test_a_large_first_pull_leaves_the_same_schema_as_a_small_one(crm, server, open_replica, monkeypatch):
    """A staged table that becomes the visible one must look like it, indexes too, and so must its successor."""
    from outrider_sdk import reveal

    small = open_replica("small.db")
    stock_shop(server)
    monkeypatch.setattr(reveal, "ADOPT_FROM_ROWS", 1)

    crm.sync()

    schema = "SELECT type, name, sql FROM sqlite_schema ORDER BY type, name"
    assert crm.query(schema) == small.query(schema)
    server.put("product", sku="NEW", name="New")
    crm.sync()
    assert crm.products.count() == 3
    assert crm.verify() == []


def test_a_second_sync_brings_only_news(crm, shop, server):
    """Rows, and drops of rows that are gone or no longer the user's."""
    server.put("contact", id=shop["contact"], name="Fritz")
    server.remove("product", shop["jam"])

    report = crm.sync()

    assert (report.rows_put, report.rows_dropped) == (1, 1)
    assert crm.contacts.get(shop["contact"]).name == "Fritz"
    assert crm.products.find(shop["jam"]) is None


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


def test_an_interrupted_pull_goes_on_where_it_broke_off(crm, server, transport):
    """A rep in a lift should not start 100,000 rows again; and nothing is shown by halves."""
    server.page_size = 4
    stock_shop(server)
    transport.faults.extend([None, None, "after"])
    with pytest.raises(Offline):
        crm.sync()
    assert crm.products.count() == crm.contacts.count() == 0
    asked = len(transport.requests)

    crm.sync()

    resumed = transport.requests[asked][1]
    assert resumed["position"] == transport.requests[asked - 1][1]["position"] is not None
    assert crm.products.count() == 2
    assert crm.contacts.count() == 1


def test_in_later_pages_the_later_word_counts(crm, server, transport):
    """Rows change, go and come again while a long pull is under way."""
    server.page_size = 3
    ids = stock_shop(server)
    server.put("product", id=ids["jam"], name="Jam")
    changes = iter(
        [
            lambda: server.put("legal_entity", id=ids["legal"], name="Renamed"),
            lambda: server.remove("legal_entity", ids["legal"]),
            lambda: server.remove("product", ids["tea"]),
            lambda: server.put("product", id=ids["tea"], sku="TEA", name="Tea again"),
        ]
    )
    transport.before_pull = lambda: next(changes, lambda: None)()

    crm.sync()

    assert crm.legal_entities.list() == []
    assert crm.products.get(ids["tea"]).name == "Tea again"


def test_staged_pages_of_another_cursor_are_thrown_away(crm, shop, server, transport):
    """A replica that moved on by other means must not show what was asked from before."""
    server.page_size = 1
    server.put("contact", id=shop["contact"], name="Fritz")
    server.put("product", id=shop["tea"], name="Thé")
    transport.faults.extend([None, "before"])
    with pytest.raises(Offline):
        crm.sync()
    with crm._store.write():
        crm._store.set_meta(cursor=server.revision - 1)
    transport.requests.clear()

    crm.sync()

    assert transport.requests[0][1]["position"] is None
    assert crm.contacts.get(shop["contact"]).name == "Fred"
    assert crm.products.get(shop["tea"]).name == "Thé"


def test_a_row_is_never_replaced_by_an_older_one(crm, shop, server, transport):
    """A page from a cache or a slow proxy must not turn back what is shown."""
    from outrider_sdk import reveal

    old = server.pull({"cursor": 0, "position": None})
    server.put("contact", id=shop["contact"], name="Fritz")
    crm.sync()

    reveal.reveal(crm._store, old | {"cursor": server.revision}, server.revision)

    assert crm.contacts.get(shop["contact"]).name == "Fritz"


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


def test_changes_made_while_a_sync_runs_wait_for_the_next(crm, shop, server, transport):
    """A person types on; nothing of it may get lost or be shown as sent."""
    transport.before_pull = lambda: crm.contacts.create(account_id=shop["account"], name="Ann")

    report = crm.sync()
    transport.before_pull = None

    assert report.pushed == 0
    assert crm.status().pending == 1
    assert crm.contacts.count(where={"name": "Ann"}) == 1
    assert crm.sync().applied == 1


def test_a_sync_within_a_transaction_or_a_sync_is_refused(crm, transport):
    """A transaction must not wait for a network, and two syncs would ask for the same."""
    with pytest.raises(ReplicaError, match="inside a transaction"), crm.transaction():
        crm.sync()
    transport.before_pull = crm.sync
    with pytest.raises(ReplicaBusy):
        crm.sync()


def test_progress_is_told(crm, shop, server):
    """A person watches a bar; a program counts."""
    server.page_size = 5
    server.put("product", id=shop["tea"], name="Thé")
    crm.contacts.edit(shop["contact"], name="Freda")
    seen = []

    crm.sync(on_progress=lambda progress: seen.append(str(progress)))

    assert seen == ["pushed: 1 of 1", "pulled: 2"]


@pytest.mark.parametrize(
    "damage",
    [
        {"puts": {"contact": {"id": ["0190a000-0000-7000-8000-000000000001"], "revision": []}}},
        {"puts": {"contact": {"id": ["x"], "revision": [1]}}},
        {"puts": {"contact": {"id": [None], "revision": [1]}}},
        {"puts": {"contact": {"id": ["0190a000-0000-7000-8000-000000000001"], "revision": [1], "name": [[]]}}},
        {"drops": {"contact": ["x"]}},
        {"complete": False, "position": None},
        {"outcomes": [{"number": 1, "status": "perhaps"}]},
        {"cursor": -1},
    ],
)
def test_a_page_that_breaks_the_protocol_changes_nothing(crm, shop, server, monkeypatch, damage):
    """A broken server must not break the replica."""
    before = crm.status().cursor
    page = server.pull({"cursor": before, "position": None}) | damage
    monkeypatch.setattr(server, "pull", lambda request: page)

    with pytest.raises(ProtocolViolation):
        crm.sync()

    assert crm.status().cursor == before
    assert crm.contacts.count() == 1
    assert crm.verify() == []


def test_entities_and_fields_of_a_newer_server_are_passed_over(crm, server, monkeypatch):
    """An app one version behind goes on working."""
    ids = stock_shop(server)
    page = server.pull({"cursor": 0, "position": None})
    page["puts"]["spaceship"] = {"id": ["0190a000-0000-7000-8000-000000000001"], "revision": [1]}
    page["puts"]["contact"]["shoe_size"] = [46]
    monkeypatch.setattr(server, "pull", lambda request: page)

    crm.sync()

    assert crm.contacts.get(ids["contact"]).name == "Fred"


def test_a_forgotten_position_starts_the_pull_again(crm, server, transport, monkeypatch):
    """A server may drop unfinished pulls; the device then asks from its cursor."""
    server.page_size = 4
    stock_shop(server)
    transport.faults.extend([None, "before"])
    with pytest.raises(Offline):
        crm.sync()
    honest = server.pull

    def forgetful(request):
        if request["position"] and transport.requests[-1][1]["position"] is not None and len(transport.requests) == 2:
            raise Rejected(409, "position_unknown", "Ask again from the start.")
        return honest(request)

    monkeypatch.setattr(server, "pull", forgetful)
    crm.sync()

    assert crm.contacts.count() == 1


def test_a_device_that_is_not_enrolled_says_so(open_replica):
    """Without a server it is a replica of nothing."""
    with pytest.raises(NotEnrolled, match="Enrol"):
        open_replica(credentials=MemoryCredentials()).sync()


def test_status_tells_how_the_replica_stands(crm, shop, clock):
    """What an app shows in its corner."""
    crm.contacts.edit(shop["contact"], name="Freda")

    status = crm.status()

    assert status.pending == status.last_number == 1
    assert status.oldest_pending_at < status.oldest_pending_at.now(status.oldest_pending_at.tzinfo)
    assert status.last_sync_at is not None
    assert status.size_bytes > 100_000


def test_open_conflicts_and_orders_ask_for_a_decision(crm, shop, server):
    """What a person must decide is on one list, wherever it comes from."""
    from sdk_fakes import DEVICE_ID, MEMBER_ID

    about = {"entity": "contact", "row_id": shop["contact"], "field": "name", "rule": "latest"}
    server.put("conflict", **about, kept='"Fritz"', lost='"Freda"', lost_by=MEMBER_ID, device_id=DEVICE_ID,
               mutation_number=1, status="open", explanation="Two people renamed Fred.")  # fmt: skip
    server.put("conflict", **about, status="settled", lost_by=MEMBER_ID, explanation="over")
    with crm.transaction():
        order = crm.orders.create(outlet_id=shop["outlet"])
        crm.order_lines.create(order_id=order.id, product_id=shop["tea"], quantity=1)
        crm.orders.submit(order.id)
    crm.sync()
    server.put("order", id=order.id, status="needs_attention", status_reason="Tea costs more now.")

    conflict, waiting = crm.sync().needs_attention

    assert conflict.title == "Two versions of name of contact Fred"
    assert conflict.conflicts[0]["lost"] == '"Freda"'
    assert (waiting.number, waiting.explanation) == (1, "Tea costs more now.")
    crm.resolve(1, "cancel")
    assert crm.orders.get(order.id).status == "cancelled"


def test_a_fresh_server_page_size_of_one_still_converges(open_replica, transport):
    """Paging is only a matter of speed."""
    transport.server = FakeServer(page_size=1)
    ids = stock_shop(transport.server)
    crm = open_replica("small.db")

    crm.sync()

    assert crm.contacts.get(ids["contact"]).name == "Fred"
