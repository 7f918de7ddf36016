"""Comparing with the server once a day: what differs is found, repaired, and told."""

import logging

import pytest
from outrider_sdk import Offline, checksum
from outrider_sdk.kinds import id_bytes
from outrider_sdk.protocol.checksum import BUCKETS, NOTHING, sum_up, sum_up_contents
from outrider_sdk.protocol.entities import ENTITIES
from sdk_fakes import FakeTransport, stock_shop

DAY_US = checksum.DAY_US


class ComparingTransport(FakeTransport):
    """With a server that compares as docs/sync-protocol.md §17 says."""

    def __init__(self, server):
        super().__init__(server)
        self.compared = []
        self.before_comparison = []
        self.after_comparison = []
        self.broken = False

    def checksum(self, request):
        if self.broken:
            raise Offline("The network is gone.")
        if self.before_comparison:
            self.before_comparison.pop()()
        if request["cursor"] != self.server.revision or request["view"] != self.server.view:
            return {"compared": False, "differing": []}
        self.compared.append(request)
        differing = [name for name in ENTITIES if self._differs(name, request)]
        if self.after_comparison:
            self.after_comparison.pop()()
        return {"compared": True, "differing": differing}

    def _differs(self, name, request):
        rows = [row for (entity, _), row in self.server.rows.items() if entity == name]
        sums = sum_up((id_bytes(row["id"]), row["revision"]) for row in rows)
        mine = [row for row in rows if id_bytes(row["id"])[15] % BUCKETS == request["bucket"]]
        contents = sum_up_contents([row[column] for column in ENTITIES[name].columns] for row in mine)
        known = request["sums"].get(name, NOTHING), request["contents"].get(name, NOTHING)
        return known != (sums, contents)


@pytest.fixture
def transport(server):
    return ComparingTransport(server)


@pytest.fixture
def next_day(clock):
    def go():
        clock.now += DAY_US

    return go


def spoil(crm, sql, *parameters):
    """What no code of ours does: a bug, or a disk."""
    crm._store._conn.execute(sql, parameters)


def pulls(transport):
    return [request for name, request in transport.requests if name == "pull"]


def test_s3_a_replica_is_compared_once_a_day(crm, transport, shop, next_day):
    """A new one has a day before its first time: it has everything from the same pull."""
    crm.sync()
    assert transport.compared == []

    for _ in range(3):
        next_day()
        crm.sync()
        crm.sync()

    assert len(transport.compared) == 3
    assert crm.status().differing == []


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM contact WHERE id = ?",
        "UPDATE contact SET revision = revision - 1 WHERE id = ?",
        "INSERT INTO contact SELECT x'0190a000000070008000000000000999', 1, created_at, created_by, updated_at, custom,"
        " account_id, outlet_id, 'Nobody', job_title, language, description FROM contact WHERE id = ?",
    ],
    ids=["missing", "older", "too many"],
)
def test_s3_a_difference_is_found_repaired_and_told(crm, server, transport, shop, next_day, caplog, sql):
    """A row that is lost, stale or left over would be so for ever, as no revision brings it up again."""
    spoil(crm, sql, id_bytes(shop["contact"]))
    next_day()

    with caplog.at_level(logging.WARNING, "outrider_sdk"):
        report = crm.sync()

    assert report.repaired == ["contact"]
    assert report.differing == []
    assert "differs from the server in contact" in caplog.text
    assert [(row.id, row.revision) for row in crm.contacts.list()] == [
        (shop["contact"], server.rows["contact", shop["contact"]]["revision"])
    ]
    assert crm.status().differing == []


def test_s3_a_value_that_changed_by_itself_is_found_within_a_month(crm, transport, shop, next_day):
    """Revisions say nothing of a flipped bit; the contents of one bucket are compared each day."""
    spoil(crm, "UPDATE contact SET name = 'Fret' WHERE id = ?", id_bytes(shop["contact"]))
    days = 0
    while crm.contacts.get(shop["contact"]).name != "Fred":
        next_day()
        crm.sync()
        days += 1

    assert 1 <= days <= BUCKETS


def test_s3_a_difference_that_no_repair_takes_away_is_told_and_not_pulled_for_again_and_again(
    crm, server, transport, shop, next_day
):
    """A bug of the server's would have every device replace everything with each sync."""
    transport._differs = lambda name, request: name == "product"
    next_day()
    first = crm.sync()
    pulled = len(pulls(transport))

    again = crm.sync()

    assert (first.repaired, first.differing) == (["product"], ["product"])
    assert (again.repaired, again.differing) == ([], [])
    assert len(pulls(transport)) == pulled + 1
    assert crm.status().differing == ["product"]
    next_day()
    assert crm.sync().repaired == ["product"]


def test_s1_a_repair_keeps_what_is_pending_and_compares_what_is_below_it(crm, server, transport, shop, next_day):
    """Captured work is no difference, and none of it is lost by a repair."""
    spoil(crm, "DELETE FROM product WHERE id = ?", id_bytes(shop["jam"]))
    next_day()
    made = []
    transport.before_comparison.append(
        lambda: made.append(crm.contacts.create(account_id=shop["account"], name="Meanwhile").id)
    )
    transport.before_comparison.append(lambda: crm.contacts.edit(shop["contact"], name="Freda"))

    report = crm.sync()

    assert report.repaired == ["product"]
    assert report.differing == []
    assert crm.contacts.get(shop["contact"]).name == "Freda"
    assert crm.contacts.get(made[0]).name == "Meanwhile"
    assert crm.status().pending == 2
    assert crm.verify() == []


def test_what_is_new_meanwhile_is_pulled_before_the_next_comparison(crm, server, transport, shop, next_day):
    """Others write all the time: a row that is on its way is no difference."""
    next_day()
    transport.before_comparison.append(lambda: server.put("product", sku="NEW", name="New"))

    report = crm.sync()

    assert report.repaired == []
    assert len(transport.compared) == 1
    assert [row.name for row in crm.products.list(where={"sku": "NEW"})] == ["New"]


def test_where_others_write_all_the_time_the_comparison_waits_an_hour(crm, server, transport, shop, next_day, clock):
    """Each costs a look at all rows."""
    next_day()
    transport.before_comparison = [lambda: server.put("product", sku="NEW", name="New")] * 3

    crm.sync()
    crm.sync()
    assert transport.compared == []
    clock.now += checksum.HOUR_US
    crm.sync()

    assert len(transport.compared) == 1


def test_a_comparison_that_fails_fails_no_sync(crm, server, transport, shop, next_day):
    """Everything was pushed and pulled by then."""
    next_day()
    transport.broken = True
    server.put("product", sku="NEW", name="New")

    crm.sync()

    assert crm.products.count(where={"sku": "NEW"}) == 1
    assert crm.status().differing == []


@pytest.mark.parametrize("spoilt", [False, True], ids=["before a comparison", "before a repair"])
def test_s11_a_server_restored_during_a_comparison_fails_no_sync_and_is_healed_by_the_next(
    crm, server, transport, shop, next_day, clock, spoilt
):
    """Whoever syncs sees nothing of a restore at an unlucky moment, and what the server lost is handed in again."""
    backup = server.backup()
    fresh = crm.contacts.create(account_id=shop["account"], name="Fresh").id
    crm.sync()
    if spoilt:
        spoil(crm, "DELETE FROM product WHERE id = ?", id_bytes(shop["jam"]))
        transport.after_comparison.append(lambda: server.restore(backup))
    else:
        transport.before_comparison.append(lambda: server.restore(backup))
    next_day()

    first = crm.sync()

    assert ("contact", fresh) not in server.rows
    assert (first.repaired, first.handed_in_again) == ([], 0)
    assert crm.sync().handed_in_again == 1
    assert server.rows["contact", fresh]["name"] == "Fresh"
    assert crm.contacts.get(fresh).name == "Fresh"
    clock.now += checksum.HOUR_US
    crm.sync()
    assert crm.products.get(shop["jam"]).id == shop["jam"]
    assert crm.status().differing == crm.verify() == []


def test_a_transport_without_comparisons_goes_without(open_replica, server, clock):
    """Those of tests and simulations know nothing of them."""
    transport = FakeTransport(server)
    crm = open_replica(transport=transport)
    stock_shop(server)
    crm.sync()
    clock.now += DAY_US

    assert crm.sync().repaired == []
