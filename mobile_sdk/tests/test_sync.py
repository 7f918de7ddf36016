"""A sync as the app sees it: when it may run, what it tells, and how the replica stands after it."""

import pytest
from outrider_sdk import (
    MemoryCredentials,
    NotEnrolled,
    ReplicaBusy,
    ReplicaError,
)


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
