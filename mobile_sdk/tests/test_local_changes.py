"""Changes without a network: what is shown at once, what is written down to be sent, what is refused."""

import threading
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from outrider_sdk import InvalidValue, NotFound, OutriderError
from outrider_sdk.protocol import GENESIS_DIGEST, chain_digest
from sdk_fakes import mutations


def nested(depth):
    return [nested(depth - 1)] if depth > 1 else []


def test_a_change_is_shown_at_once_and_numbered(crm, shop):
    """A rep sees what they typed; the server will get exactly that."""
    crm.contacts.edit(shop["contact"], name="Freda")

    (mutation,) = mutations(crm)
    assert crm.contacts.get(shop["contact"]).name == "Freda"
    assert mutation["number"] == 1
    revision = crm.contacts.get(shop["contact"]).revision
    fields = {"name": {"value": "Freda", "seen": "Fred", "base": revision}}
    assert mutation["changes"] == [{"op": "edit", "entity": "contact", "id": shop["contact"], "fields": fields}]


def test_a_transaction_is_one_mutation(crm, shop):
    """A device transaction is whole or not at all, also on the server."""
    with crm.transaction() as transaction:
        contact = crm.contacts.create(account_id=shop["account"], name="Ann")
        crm.contact_channels.create(contact_id=contact.id, channel_kind="phone", value="+49 30 1234")

    (mutation,) = mutations(crm)
    assert transaction.number == 1
    assert [change["op"] for change in mutation["changes"]] == ["create", "create"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_exception_undoes_the_whole_block(crm, shop, error):
    """Half an order is worse than none; and Ctrl-C is an exception too."""

    def half():
        with crm.transaction():
            crm.contacts.create(account_id=shop["account"], name="Ann")
            crm.contacts.edit(shop["contact"], name="Freda")
            raise error

    with pytest.raises(error):
        half()

    assert mutations(crm) == []
    assert crm.contacts.list(where={"name": "Ann"}) == []
    assert crm.contacts.get(shop["contact"]).name == "Fred"
    assert crm.query("SELECT * FROM sync_shadow") == []
    assert crm.contacts.edit(shop["contact"], name="Freda").name == "Freda"


def test_a_transaction_within_one_is_a_part_of_it(crm, shop):
    """Functions that open a transaction can call each other."""
    with crm.transaction():
        crm.contacts.edit(shop["contact"], name="Freda")
        with crm.transaction():
            crm.contacts.edit(shop["contact"], job_title="Boss")

    assert len(mutations(crm)) == 1


def test_a_failed_inner_transaction_spoils_the_outer_one(crm, shop):
    """Its half must not be committed because somebody swallowed its exception."""

    def inner():
        with crm.transaction():
            crm.contacts.edit(shop["contact"], name="Freda")
            raise ValueError

    with pytest.raises(OutriderError, match="none of it was kept"), crm.transaction(), pytest.raises(ValueError):
        inner()

    assert mutations(crm) == []


def test_a_refused_value_inside_a_transaction_can_be_corrected(crm, shop):
    """A form shows the message, and the person types on."""
    with crm.transaction():
        with pytest.raises(InvalidValue):
            crm.contacts.edit(shop["contact"], name="x" * 500)
        crm.contacts.edit(shop["contact"], name="Freda")

    assert crm.contacts.get(shop["contact"]).name == "Freda"


def test_the_same_value_again_is_no_change(crm, shop):
    """Saving an untouched form sends nothing."""
    crm.contacts.edit(shop["contact"], name="Fred", job_title="Buyer")
    crm.accounts.edit(shop["account"], tags=[])
    crm.contacts.edit(shop["contact"])
    with crm.transaction() as transaction:
        pass

    assert mutations(crm) == []
    assert transaction.number is None


def test_an_edit_over_a_pending_one_inherits_its_base(crm, shop, server):
    """Otherwise the second edit would hide from the server that the first one was made over an older value."""
    base = crm.contacts.get(shop["contact"]).revision
    crm.contacts.edit(shop["contact"], name="Freda")
    server.put("contact", id=shop["contact"], job_title="Chief")
    newer = server.revision
    crm._store.set_meta(pull_position=None)
    page = server.pull({"cursor": crm.status().cursor, "position": None}) | {"applied_through": 0}
    from outrider_sdk import reveal

    reveal.reveal(crm._store, page, crm.status().cursor)
    crm.contacts.edit(shop["contact"], name="Frieda", job_title="Head")

    assert crm.contacts.get(shop["contact"]).revision == newer
    assert mutations(crm)[1]["changes"][0]["fields"] == {
        "name": {"value": "Frieda", "seen": "Freda", "base": base},
        "job_title": {"value": "Head", "seen": "Chief", "base": newer},
    }


def test_two_edits_in_one_transaction_inherit_too(crm, shop):
    """The rule knows no difference between transactions and changes."""
    with crm.transaction():
        crm.contacts.edit(shop["contact"], name="Freda")
        crm.contacts.edit(shop["contact"], name="Frieda")

    first, second = (change["fields"]["name"] for change in mutations(crm)[0]["changes"])
    assert second == {"value": "Frieda", "seen": "Freda", "base": first["base"]}


def test_digests_chain_from_the_beginning(crm, shop):
    """The server tells by them a repeated mutation from another one under its number."""
    for name in ("Ann", "Änne", "Ån\u2028"):
        crm.contacts.create(account_id=shop["account"], name=name)

    digest = GENESIS_DIGEST
    for mutation in mutations(crm):
        digest = chain_digest(digest, mutation)
        assert mutation["digest"] == digest
    assert crm.verify() == []


def test_a_mutation_bears_the_skew_of_the_last_contact(crm, shop, server, clock):
    """The server needs it to know when something was really typed."""
    server.time = clock.now + 5_000_000
    crm.sync()
    crm.contacts.edit(shop["contact"], name="Freda")

    assert abs(mutations(crm)[0]["skew"] - 5_000_000) < 100


def test_before_any_contact_the_skew_is_unknown(crm):
    """Unknown is not zero: such an edit is for a person to judge."""
    crm.contacts.create(account_id="0190a000-0000-7000-8000-000000000001", name="Ann")

    assert mutations(crm)[0]["skew"] is None


def test_values_come_as_python_has_them(crm, shop):
    """No application should parse JSON or count microseconds."""
    outlet = crm.outlets.get(shop["outlet"])
    agreement = crm.agreements.get(shop["agreement"])

    assert outlet.address == {"city": "Ulm"}
    assert outlet["created_at"] == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert agreement.discount_max == Decimal("0.1")
    assert crm.price_items.list(where={"product_id": shop["jam"]})[0].ends_on == date(2001, 1, 1)
    assert crm.products.get(shop["tea"]).active is True


def test_rows_are_found_by_value_order_and_limit(crm, shop):
    """The small questions of an app need no SQL."""
    assert [row.sku for row in crm.products.list(order_by="-sku")] == ["TEA", "JAM"]
    assert [row.sku for row in crm.products.list(where={"sku": ["JAM", "X"]})] == ["JAM"]
    assert crm.contacts.count(where={"outlet_id": None}) == 1
    assert len(crm.price_items.list(where={"price": "2.5"}, limit=5)) == 1
    assert crm.accounts.find("0190a000-0000-7000-8000-00000000ffff") is None
    with pytest.raises(NotFound, match="no account"):
        crm.accounts.get("0190a000-0000-7000-8000-00000000ffff")


def test_query_reads_and_never_writes(crm, shop):
    """SQL is for reading; a write beside the outbox would never reach the server."""
    assert crm.query("SELECT name FROM contact WHERE name = ?", ("Fred",)) == [{"name": "Fred"}]
    with pytest.raises(Exception, match=r"readonly|could not be written"):
        crm.query("DELETE FROM contact")
    assert crm.contacts.count() == 1


@pytest.mark.parametrize(
    ("entity", "fields", "message"),
    [
        ("contact", {"name": "x" * 201}, "contact.name: is 201 characters"),
        ("contact", {"name": " "}, "blank"),
        ("contact", {"name": None}, "required"),
        ("contact", {"name": 7}, "is not text"),
        ("contact", {"name": "a\x00b"}, "cannot be stored"),
        ("contact", {"name": "\ud800"}, "cannot be stored"),
        ("contact", {"nome": "x"}, "no such field"),
        ("contact", {"account_id": "0190a000-0000-7000-8000-000000000001"}, "set once"),
        ("contact", {"revision": 7}, "server alone"),
        ("outlet", {"position": float("nan")}, "JSON"),
        ("outlet", {"position": nested(65)}, "JSON"),
        ("account", {"tags": "vip"}, "list of texts"),
        ("account", {"tags": [1]}, "list of texts"),
        ("account", {"tags": {1, 2}}, "JSON"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_name(crm, shop, entity, fields, message):
    """Better on the device, while the person is there, than by the server a day later."""
    with pytest.raises(InvalidValue, match=message):
        crm.table(entity).edit(shop[entity], **fields)

    assert mutations(crm) == []


def test_a_create_needs_what_the_server_will_need(crm, shop):
    """Required fields, allowed values, and entities that a device can create at all."""
    with pytest.raises(InvalidValue, match=r"contact\.name: is required"):
        crm.contacts.create(account_id=shop["account"])
    with pytest.raises(InvalidValue, match="not one of phone"):
        crm.contact_channels.create(contact_id=shop["contact"], channel_kind="pigeon", value="x")
    with pytest.raises(InvalidValue, match="server alone"):
        crm.products.create(sku="X")
    with pytest.raises(InvalidValue, match="cannot be removed"):
        crm.accounts.delete(shop["account"])
    with pytest.raises(InvalidValue, match="no such entity"):
        crm.table("user")


def test_local_defaults_are_shown_and_not_sent(crm, shop):
    """A new row looks whole on the device; what the server decides stays the server's."""
    account = crm.accounts.create(name="New")

    (mutation,) = mutations(crm)
    assert (account.revision, account.roles, account.tags, account.custom) == (0, ["customer"], [], {})
    assert account.created_at is not None
    assert mutation["changes"][0]["fields"] == {"name": "New"}


def test_a_deleted_row_is_gone_and_its_base_told(crm, shop):
    """The server must know which version the person saw when deleting."""
    revision = crm.contacts.get(shop["contact"]).revision
    crm.contacts.delete(shop["contact"])

    assert crm.contacts.find(shop["contact"]) is None
    deletion = {"op": "delete", "entity": "contact", "id": shop["contact"], "base": revision}
    assert mutations(crm)[0]["changes"] == [deletion]
    with pytest.raises(NotFound):
        crm.contacts.edit(shop["contact"], name="x")


def test_threads_take_turns(crm, shop):
    """A background sync and a person's hand meet in one replica."""

    def work(name):
        for number in range(10):
            crm.contacts.create(account_id=shop["account"], name=f"{name} {number}")

    threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert crm.status().pending == 20
    assert crm.verify() == []
