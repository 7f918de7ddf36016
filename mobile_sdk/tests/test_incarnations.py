"""Replicas that were copied, restored or damaged go on by themselves: S2, and what S1 says where something is gone."""

import shutil

import pytest
from outrider_sdk import MemoryCredentials, Offline, Replica, ReplicaForked, incarnation, outbox
from sdk_fakes import FakeTransport, credentials


@pytest.fixture
def copy_of(open_replica, tmp_path, server):
    """Copies a replica's file under another name, and opens the copy: another phone with the same identity."""

    def copy(crm, name="copy.db"):
        crm._store.checkpoint()
        shutil.copy(tmp_path / "crm.db", tmp_path / name)
        return open_replica(name, transport=FakeTransport(server))

    return copy


def contacts(server):
    return sorted(row["name"] for (entity, _), row in server.rows.items() if entity == "contact")


def add(crm, shop, *names):
    for name in names:
        crm.contacts.create(account_id=shop["account"], name=name)


def codes(crm):
    return [item.code for item in crm.attention()]


def test_s2_two_living_copies_end_with_an_incarnation_each(crm, shop, server, copy_of):
    """A phone was cloned: neither loses nor doubles anything, now and later."""
    add(crm, shop, "before")
    copy = copy_of(crm)
    add(crm, shop, "original")
    add(copy, shop, "copied")

    crm.sync()
    report = copy.sync()
    for each in (crm, copy, crm, copy):
        add(each, shop, f"later {each.status().incarnation}")
        each.sync()
    crm.sync()

    assert report.begun_anew
    assert contacts(server) == ["Fred", "before", "copied", *["later 1"] * 2, *["later 2"] * 2, "original"]
    assert (crm.status().incarnation, copy.status().incarnation) == (1, 2)
    for each in (crm, copy):
        assert sorted(c.name for c in each.contacts.list()) == contacts(server)
        assert each.status().pending == 0
        assert each.verify() == []


def test_s2_a_restored_file_begins_anew_even_when_idle(crm, shop, server, copy_of):
    """Otherwise its next mutations would count as applied before they were sent."""
    restored = copy_of(crm)
    add(crm, shop, "since then")
    crm.sync()

    restored.sync()
    add(restored, shop, "new")
    restored.sync()

    assert contacts(server) == ["Fred", "new", "since then"]
    assert codes(restored) == ["began_anew"]


def test_s2_a_restore_reissues_no_number_of_an_order(crm, shop, copy_of):
    """Two papers with one number are two orders for the price of one, or none."""
    restored = copy_of(crm)
    lost = crm.orders.create(outlet_id=shop["outlet"]).number
    crm.sync()

    restored.sync()

    assert (lost, restored.orders.create(outlet_id=shop["outlet"]).number) == ("W7-00001", "X2-00001")


def test_s2_what_was_handed_in_already_is_recognised_and_not_applied_again(crm, shop, server, copy_of):
    """The reply got lost, the phone was restored from its backup of that moment, and something was typed since."""
    add(crm, shop, "a", "b")
    restored = copy_of(crm)
    add(crm, shop, "c")
    crm.sync()
    add(restored, shop, "d")

    report = restored.sync()

    assert contacts(server) == ["Fred", "a", "b", "c", "d"]
    assert report.applied == 3  # a and b, whose outcomes it had not, and d
    assert restored.status().pending == 0


def test_s2_a_lost_reply_to_the_new_incarnation_has_one_effect(crm, shop, server, copy_of):
    """The key was stored before it was sent; the same request gets the same answer."""
    copy = copy_of(crm)
    add(crm, shop, "original")
    add(copy, shop, "copied")
    crm.sync()
    copy._transport.faults.extend([None, "after"])

    with pytest.raises(Offline):
        copy.sync()
    copy.sync()

    assert list(server.later) == [2]
    assert contacts(server) == ["Fred", "copied", "original"]


def test_s2_a_file_from_before_the_incarnation_of_its_credentials_begins_anew(
    open_replica, crm, shop, server, tmp_path, copy_of
):
    """The keyring is not restored with the file: it knows a later incarnation of the same device."""
    kept = credentials()
    add(crm, shop, "old work")
    old = copy_of(crm, "old.db")
    old.close()
    crm.sync()
    later = Replica.open(
        tmp_path / "old.db",
        credentials=MemoryCredentials(
            type(kept)(**{f: getattr(kept, f) for f in ("server", "slug", "member_id", "secret", "refresh_token")},
                       device_id="0190a000-0000-7000-8000-000000000d02", incarnation=2, number_prefix="X2",
                       origin_id=kept.device_id)
        ),
        transport=FakeTransport(server),
    )  # fmt: skip

    with later:
        report = later.sync()

        assert report.begun_anew
        assert contacts(server) == ["Fred", "old work"]
        assert later.status().pending == 0


def test_s1_numbers_that_are_gone_from_the_file_are_stated_as_lost(crm, shop, server):
    """What can't be had any more is said, to the office and to the person; what follows is handed in all the same."""
    add(crm, shop, "a", "b", "c", "d")
    with crm._store.write() as conn:
        conn.execute("DELETE FROM sync_outbox WHERE number IN (2, 3)")

    crm.sync()

    assert contacts(server) == ["Fred", "a", "d"]
    assert server.lost == [{"from": 2, "to": 3}]
    [item] = crm.attention()
    assert (item.code, "no. 2 to 3" in item.explanation) == ("history_lost", True)
    crm.resolve(item, "seen")
    assert crm.attention() == []


def test_s1_a_new_file_under_old_credentials_says_that_work_may_be_lost(open_replica, crm, shop, server):
    """The phone's storage was replaced; nobody knows how much had not been handed in."""
    add(crm, shop, "a", "b")
    crm.sync()
    crm.close()
    empty = open_replica("empty.db", transport=FakeTransport(server))

    empty.sync()
    add(empty, shop, "c")
    empty.sync()

    assert server.lost == [{"from": 3, "to": None}]
    assert codes(empty) == ["history_lost"]
    assert contacts(server) == ["Fred", "a", "b", "c"]


def test_s1_a_mutation_that_was_changed_in_the_file_is_chained_anew(crm, shop, server):
    """A digest that does not follow is no reason to keep the queue waiting for ever (S8)."""
    add(crm, shop, "a", "b", "c")
    with crm._store.write() as conn:
        conn.execute("UPDATE sync_outbox SET captured_at = captured_at + 1 WHERE number = 2")

    crm.sync()

    assert contacts(server) == ["Fred", "a", "b", "c"]
    assert crm.verify() == []


@pytest.mark.parametrize("status", ["refused", None])
def test_s2_what_was_forgotten_of_an_erased_person_leaves_the_digests_after_it(crm, shop, server, status):
    """They are how another incarnation's work is recognised: with others, it would have its effects again."""
    add(crm, shop, "a", "b", "c")
    with crm._store.write() as conn:
        forgotten = '[{"op": "create", "entity": "contact", "id": "x", "fields": {}, "erased": true}]'
        conn.execute("UPDATE sync_outbox SET changes = ?, status = ? WHERE number = 2", (forgotten, status))
    before = crm.query("SELECT number, digest FROM sync_outbox")

    incarnation.prepare(crm._store)

    assert crm.query("SELECT number, digest FROM sync_outbox") == before


def test_a_server_that_calls_every_history_forked_is_given_up(crm, shop, transport, monkeypatch):
    """A bug there must not make an endless row of incarnations here."""

    def forked(request):
        raise ReplicaForked(1)

    add(crm, shop, "a")
    monkeypatch.setattr(transport, "push", forked)

    with pytest.raises(ReplicaForked):
        crm.sync()

    assert crm.status().pending == 1
    assert len(transport.server.later) <= 3


def test_s11_what_the_server_lost_is_handed_in_again_once(crm, shop, server):
    """It was restored from its backup: the device had its word for what came after, and keeps it."""
    add(crm, shop, "a")
    crm.sync()
    backup = server.backup()
    add(crm, shop, "b")
    crm.sync()
    crm.contacts.edit(shop["contact"], name="Freda")
    crm.sync()
    server.restore(backup)

    report = crm.sync()
    crm.sync()

    assert report.handed_in_again == 2
    assert contacts(server) == ["Freda", "a", "b"]
    assert sorted(c.name for c in crm.contacts.list()) == ["Freda", "a", "b"]
    assert codes(crm) == ["server_restored"]
    assert crm.verify() == []


def test_s11_what_was_refused_stays_refused_after_a_restore(crm, shop, server):
    """The person has dealt with it; it must not come to life behind their back."""
    backup = server.backup()
    add(crm, shop, "a", "refused", "b")
    server.refusing[2] = "value_invalid"
    crm.sync()
    crm.resolve(2, "discard")
    server.restore(backup)
    server.refusing.clear()

    crm.sync()

    assert contacts(server) == ["Fred", "a", "b"]
    assert crm.attention()[0].code == "server_restored"


def test_s11_a_device_shows_its_work_while_the_server_has_not_got_it_back(crm, shop, server, transport):
    """Nothing goes backwards on the screen because of a disaster elsewhere (S4)."""
    backup = server.backup()
    add(crm, shop, "a")
    crm.sync()
    server.restore(backup)
    transport.faults.extend([None, "before"])

    with pytest.raises(Offline):
        crm.sync()

    assert sorted(c.name for c in crm.contacts.list()) == ["Fred", "a"]
    assert outbox.next_number(crm._store) == 2


def test_s11_what_others_made_of_it_stands_back_while_it_is_handed_in_again(crm, shop, server, transport):
    """What is shown is always the server's rows with what is pending laid over them, also when a sync breaks off."""
    backup = server.backup()
    crm.contacts.edit(shop["contact"], name="Freda")
    crm.sync()
    server.put("contact", id=shop["contact"], account_id=shop["account"], name="Frederica")
    crm.sync()
    server.restore(backup)
    transport.faults.extend([None, "before"])

    with pytest.raises(Offline):
        crm.sync()

    assert crm.contacts.get(shop["contact"]).name == "Freda"
    assert crm.verify() == []
