"""Base plus overlay: what is shown while something is pending, and what is left when it no longer is."""

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from outrider_sdk import BuiltOn, MemoryCredentials, NotDiscardable, Offline, Replica
from sdk_fakes import FakeClock, FakeServer, FakeTransport, credentials, mutations, stock_shop


def shadows(crm):
    return crm.query("SELECT count(*) AS n FROM sync_shadow")[0]["n"]


def test_a_device_sees_its_own_write_until_the_pull_that_contains_it(crm, shop, server, transport):
    """An acknowledged edit that disappeared until the next pull would be a step back."""
    crm.contacts.edit(shop["contact"], name="Freda")
    transport.faults.extend([None, "before"])

    with pytest.raises(Offline):
        crm.sync()

    assert crm.status().pending == 0
    assert crm.contacts.get(shop["contact"]).name == "Freda"
    assert shadows(crm) == 1
    crm.sync()
    assert crm.contacts.get(shop["contact"]).name == "Freda"
    assert shadows(crm) == 0


def test_what_is_pending_stays_over_newer_rows(crm, shop, server, transport):
    """Rows from others come in under it, field by field."""
    transport.before_pull = lambda: crm.contacts.edit(shop["contact"], name="Freda")
    server.put("contact", id=shop["contact"], name="Fritz", job_title="Chief")

    crm.sync()

    contact = crm.contacts.get(shop["contact"])
    assert (contact.name, contact.job_title) == ("Freda", "Chief")
    assert crm.verify() == []
    transport.before_pull = None
    crm.discard(1)
    assert crm.contacts.get(shop["contact"]).name == "Fritz"


def test_a_dropped_row_with_a_pending_edit_is_not_shown_and_the_edit_is_kept(crm, shop, server, transport):
    """What a user loses goes; what they wrote is decided by the server, not forgotten by the device."""
    transport.before_pull = lambda: crm.contacts.edit(shop["contact"], name="Freda")
    server.remove("contact", shop["contact"])

    crm.sync()

    assert crm.contacts.find(shop["contact"]) is None
    assert crm.status().pending == 1
    transport.before_pull = None
    report = crm.sync()
    assert report.refused == 1
    assert [item.number for item in report.needs_attention] == [1]


def test_a_refused_mutation_leaves_the_screen_and_stays_in_the_list(crm, shop, server):
    """The screen shows what is true; the list keeps what was asked for, why not, and what to do."""
    server.refusing[1] = "value_invalid"
    crm.contacts.edit(shop["contact"], name="Freda")

    report = crm.sync()

    assert crm.contacts.get(shop["contact"]).name == "Fred"
    (item,) = report.needs_attention
    assert item.title == "Change of contact Fred was refused"
    assert (item.code, item.explanation) == ("value_invalid", "It was value_invalid.")
    assert item.changes[0]["fields"]["name"]["value"] == "Freda"
    crm.resolve(1, "discard")
    assert crm.attention() == []


def test_discarding_takes_an_unsent_mutation_back(crm, shop, server):
    """A typo made offline needs no server; its number stays, empty, so that numbers have no gap."""
    crm.contacts.edit(shop["contact"], name="Freda")
    crm.contacts.edit(shop["contact"], job_title="Boss")

    assert crm.discard(1) == [1]

    contact = crm.contacts.get(shop["contact"])
    assert (contact.name, contact.job_title) == ("Fred", "Boss")
    assert mutations(crm)[0]["changes"] == []
    assert crm.verify() == []
    assert crm.sync().applied == 2
    assert server.rows["contact", shop["contact"]]["job_title"] == "Boss"


def test_discarding_what_others_build_on_asks_first(crm, shop):
    """A phone number without its contact would only be refused later."""
    contact = crm.contacts.create(account_id=shop["account"], name="Ann")
    crm.contact_channels.create(contact_id=contact.id, channel_kind="phone", value="1")
    crm.contacts.edit(shop["contact"], name="Freda")

    with pytest.raises(BuiltOn, match="2 build on") as caught:
        crm.discard(1)

    assert caught.value.dependents == (2,)
    assert crm.discard(1, cascade=True) == [1, 2]
    assert crm.contacts.count() == 1
    assert crm.contact_channels.list() == []
    assert crm.contacts.get(shop["contact"]).name == "Freda"
    assert crm.verify() == []


def test_what_may_have_been_sent_cannot_be_discarded(crm, shop, transport):
    """The server would see another mutation under a number that it knows: a fork."""
    crm.contacts.edit(shop["contact"], name="Freda")
    transport.faults.append("before")
    with pytest.raises(Offline):
        crm.sync()

    with pytest.raises(NotDiscardable, match="may have reached"):
        crm.discard(1)
    with pytest.raises(NotDiscardable, match="no unsent mutation 7"):
        crm.discard(7)


def test_a_delete_comes_back_when_refused(crm, shop, server):
    """A row that still exists is shown."""
    server.refusing[1] = "not_found"
    crm.contacts.delete(shop["contact"])
    crm.sync()

    assert crm.contacts.get(shop["contact"]).name == "Fred"


def test_totals_are_the_servers_again_once_nothing_is_pending(crm, shop, server):
    """The device derives a total only while its own lines are pending."""
    order = crm.orders.create(outlet_id=shop["outlet"])
    crm.order_lines.create(order_id=order.id, product_id=shop["tea"], quantity=2)
    assert crm.orders.get(order.id).total_minor == 500

    crm.sync()

    assert crm.orders.get(order.id).total_minor == 0
    assert shadows(crm) == 0


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["edit", "create", "delete", "line", "sync", "push only", "put", "drop", "lost", "discard"]),
        st.integers(0, 3),
        st.integers(0, 3),
    ),
    max_size=25,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_whatever_happens_the_screen_is_base_plus_overlay_and_ends_as_the_server(tmp_path_factory, steps):
    """The law of the replica, over random histories of one device, another writer and a bad network."""
    server = FakeServer(page_size=3)
    transport = FakeTransport(server)
    shop = stock_shop(server)
    path = tmp_path_factory.mktemp("replica") / "crm.db"
    with Replica.open(
        path, transport=transport, clock=FakeClock(), credentials=MemoryCredentials(credentials())
    ) as crm:
        crm.sync()
        for kind, which, value in steps:
            step(crm, server, transport, shop, kind, which, value)
            assert crm.verify() == []
        transport.faults.clear()
        crm.sync()
        crm.sync()
        assert crm.status().pending == 0
        assert shadows(crm) == 0
        for entity in ("contact", "order", "order_line"):
            shown = {row.id: row.revision for row in crm.table(entity).list()}
            assert shown == {key: row["revision"] for (name, key), row in server.rows.items() if name == entity}


def step(crm, server, transport, shop, kind, which, value):
    contacts = crm.contacts.list()
    contact = contacts[which % len(contacts)].id if contacts else None
    if kind == "create":
        crm.contacts.create(account_id=shop["account"], name=f"New {value}")
    elif kind == "edit" and contact:
        crm.contacts.edit(contact, name=f"Name {value}")
    elif kind == "delete" and contact:
        crm.contacts.delete(contact)
    elif kind == "line":
        drafts = crm.orders.list(where={"status": "draft"})
        order = drafts[which % len(drafts)] if drafts else crm.orders.create(outlet_id=shop["outlet"])
        crm.order_lines.create(order_id=order.id, product_id=shop["tea"], quantity=value + 1)
        if value == 3:
            crm.orders.submit(order.id)
    elif kind == "put":
        server.put(
            "contact", **({"id": shop["contact"]} if which else {}), account_id=shop["account"], name=f"S{value}"
        )
    elif kind == "drop":
        server.remove("contact", shop["contact"])
    elif kind == "discard" and crm.status().last_number:
        with suppress(NotDiscardable):
            crm.discard(crm.status().last_number, cascade=True)
    elif kind in ("sync", "push only", "lost"):
        transport.faults.extend({"sync": [], "push only": [None, "before"], "lost": ["after"]}[kind])
        with suppress(Offline):
            crm.sync()
        transport.faults.clear()
