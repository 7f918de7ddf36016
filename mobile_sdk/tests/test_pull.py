"""Pull: pages that are staged, revealed at once, gone on with where they broke off, and never go backwards."""

import pytest
from outrider_sdk import (
    Offline,
    ProtocolViolation,
    Rejected,
)
from outrider_sdk.kinds import id_bytes
from sdk_fakes import FakeServer, stock_shop


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


@pytest.mark.parametrize("rows_max", [2_000, 1], ids=["at once", "staged"])
def test_a_row_is_found_by_what_it_refers_to_now(crm, shop, server, monkeypatch, rows_max):
    """An index is written only where its value is another one: a contact that moves leaves the old account's list."""
    from outrider_sdk import reveal

    monkeypatch.setattr(reveal, "ADOPT_FROM_ROWS", rows_max)
    other = server.put("account", name="Other")
    stays, leaves = (server.put("contact", account_id=shop["account"], name=name) for name in ("Stays", "Leaves"))
    crm.sync()
    server.put("contact", id=shop["contact"], name="Moved", account_id=other)
    server.put("contact", id=stays, name="Stayed")
    server.put("contact", id=leaves, name="Left", account_id=None)
    server.put("contact", account_id=other, name="Came")

    crm.sync()

    names = "SELECT name FROM contact WHERE account_id IS ? ORDER BY name"
    shown = {of: [r["name"] for r in crm.query(names, (of and id_bytes(of),))] for of in (shop["account"], other, None)}
    assert shown == {shop["account"]: ["Stayed"], other: ["Came", "Moved"], None: ["Left"]}
    assert crm.verify() == []


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


def test_a_fresh_server_page_size_of_one_still_converges(open_replica, transport):
    """Paging is only a matter of speed."""
    transport.server = FakeServer(page_size=1)
    ids = stock_shop(transport.server)
    crm = open_replica("small.db")

    crm.sync()

    assert crm.contacts.get(ids["contact"]).name == "Fred"
