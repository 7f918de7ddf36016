"""Imports of files: what becomes of each line, and that bad ones never cost good ones."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from server.db import TenantRef, tenant_transaction
from server.imports import run as running
from server.imports import store
from server.imports.plan import Wishes
from tests.integration import import_world
from tests.integration.import_world import CUSTOMERS, Office

office = import_world.office


async def test_a_line_makes_an_account_its_outlet_and_its_contact(office: Office) -> None:
    """A list of customers has no column for what a replica calls a contact channel."""
    result = await office.load("customers.csv", CUSTOMERS)

    assert result.counts["created"] == 2
    assert await office.fetch("SELECT name, tax_id FROM account ORDER BY name") == [
        ("Corner Shop", "TX1"), ("Market Hall", "TX2"),
    ]  # fmt: skip
    assert await office.one("SELECT address ->> 'city' FROM outlet WHERE name = 'Corner Shop'") == "Delft"
    assert await office.fetch("SELECT channel_kind, value FROM contact_channel ORDER BY value") == [
        ("phone", "+31152561000"), ("phone", "+31715165000"), ("email", "corner@shop.example"),
    ]  # fmt: skip


async def test_a_second_import_finds_every_row_again(office: Office) -> None:
    """The nightly file is mostly that of yesterday: devices must not fetch all of it anew."""
    await office.load("customers.csv", CUSTOMERS)
    before = await office.one("SELECT max(revision) FROM account")

    result = await office.load("customers.csv", CUSTOMERS)

    assert result.counts["unchanged"] == 2
    assert await office.one("SELECT max(revision) FROM account") == before
    assert await office.one("SELECT count(*)::int FROM contact_channel") == 3


async def test_a_changed_line_changes_what_it_names_and_nothing_else(office: Office) -> None:
    """An empty cell, and a column that is not there, say nothing; what people typed since stays."""
    await office.load("customers.csv", CUSTOMERS)
    await office.write_sql("UPDATE account SET tags = '[\"vip\"]'")

    result = await office.load("customers.csv", "id,name,tax_id\nC1,Corner Shop 2,\n", "account")

    assert result.counts["updated"] == 1
    assert await office.fetch("SELECT name, tax_id, tags FROM account WHERE name LIKE 'Corner%'") == [
        ("Corner Shop 2", "TX1", '["vip"]')
    ]


async def test_a_company_that_is_renamed_keeps_its_shop_and_its_contact(office: Office) -> None:
    """What is called like its company, because the file has no other name for it, is still the same shop."""
    await office.load("customers.csv", "name,tax_id,city,phone\nOld name,TX1,Delft,+31152561000\n")

    await office.load("customers.csv", "name,tax_id,city,phone\nNew name,TX1,Leiden,+31152561000\n")

    assert await office.fetch("SELECT name FROM account") == [("New name",)]
    assert await office.fetch("SELECT name, address ->> 'city' FROM outlet") == [("Old name", "Leiden")]
    assert await office.one("SELECT count(*)::int FROM contact_channel") == 1


@pytest.mark.parametrize(("choice", "outcome"), [("skip", "skipped"), ("fail", "failed")])
async def test_rows_that_are_there_can_be_left_alone(office: Office, choice: str, outcome: str) -> None:
    """A list of new customers must not overwrite old ones."""
    await office.load("customers.csv", CUSTOMERS)

    result = await office.load("customers.csv", "id,name\nC1,Other\nC3,New\n", "account", on_existing=choice)

    assert (result.counts["created"], result.counts[outcome]) == (1, 1)
    assert await office.one("SELECT count(*)::int FROM account WHERE name = 'Other'") == 0


async def test_bad_lines_are_named_and_the_rest_is_imported(office: Office) -> None:
    """Whoever sent the file wants to know where to look, and the other 9,998 customers today."""
    result = await office.load(
        "customers.csv",
        "id,name,tax_id,time_zone,parent\n"
        "C1,Good,,,\n"
        "C2,,,,\n"
        "C3,Bad tax,LV123,,\n"
        "C4,Bad zone,,Mars/Base,\n"
        "C5,Orphan,,,Nobody\n"
        "C1,Twice,,,\n"
        "C6,Short\n"
        "C7,Also good,,,\n",
        "account",
    )

    assert result.counts["created"] == 2
    assert [(line, column) for line, kind, column, _ in office.reasons() if kind == "failed"] == [
        (3, "name"), (4, "tax_id"), (5, "time_zone"), (7, "id"), (8, "tax_id"), (6, "parent"),
    ]  # fmt: skip
    assert "line 2 has the same" in str(office.reasons())
    assert "there is no account “Nobody”" in str(office.reasons())


async def test_a_row_is_written_with_its_children_or_not_at_all(office: Office) -> None:
    """Half a customer would be found by a rep before anybody noticed."""
    await office.load("customers.csv", "id,name,city,rep\nC1,Shop,Delft,Nobody\n", "account")

    assert [await office.one(f"SELECT count(*)::int FROM {t}") for t in ("account", "outlet", "external_id")] == [
        0,
        0,
        0,
    ]


async def test_a_dry_run_says_what_a_run_would_do_and_writes_nothing(office: Office) -> None:
    """People look before they leap; nobody's sync notices."""
    text = CUSTOMERS + "C2,Again,,,,\nC3,,,,,\n"
    before = await office.one("SELECT revision FROM revision_counter")

    dry = await office.check("customers.csv", text)
    said = [(o.line, o.kind, o.reason) for o in office.outcomes]
    written = [await office.one(f"SELECT count(*)::int FROM {t}") for t in ("account", "import_run", "import_line")]
    same = await office.one("SELECT revision FROM revision_counter") == before
    wet = await office.load("customers.csv", text)

    assert written == [0, 0, 0]
    assert same
    assert dry.counts == wet.counts
    assert said == [(o.line, o.kind, o.reason) for o in office.outcomes]


async def test_duplicates_are_named_also_where_they_are_in_the_trash(office: Office) -> None:
    """The same shop under another number is the usual case after a change of systems."""
    await office.load("customers.csv", CUSTOMERS)
    await office.write_sql("DELETE FROM contact_channel WHERE value = '+31715165000'")

    await office.check(
        "others.csv",
        "id,name,tax_id,phone,email\n"
        "X1,CORNER SHOP Ltd,,,\n"
        "X2,Other,TX2,,\n"
        "X3,Phone,,+31715165000,\n"
        "X4,Mail,,,corner@shop.example\n"
        "X5,mail,,,\n"
        "X6,Hall,T-X 2,,\n"
        "X7,Digits,,071 516 5000,\n",
    )  # fmt: skip

    assert [reason for _, kind, _, reason in office.reasons() if kind == "created"] == [
        "looks like account “Corner Shop” (same name)",
        "looks like account “Market Hall” (same tax id)",
        "looks like account “Market Hall” (same phone, in the trash)",
        "looks like account “Corner Shop” (same e-mail)",
        "looks like others.csv, line 5 (same name)",
        "looks like account “Market Hall” (same tax id); others.csv, line 3 (same tax id)",
        "looks like account “Market Hall” (same phone, in the trash); others.csv, line 4 (same phone)",
    ]


async def test_duplicates_can_be_skipped(office: Office) -> None:
    """Where names are unique, a second one is a mistake."""
    await office.load("customers.csv", CUSTOMERS)

    result = await office.load("more.csv", "id,name\nX1,corner shop\nX2,Fresh\n", "account", on_duplicate="skip")

    assert (result.counts["skipped"], result.counts["created"]) == (1, 1)


async def test_what_is_in_the_trash_is_not_revived(office: Office) -> None:
    """Somebody has deleted it; the nightly file does not know better."""
    await office.load("customers.csv", "id,name\nC1,Gone\n", "account")
    await office.write_sql("DELETE FROM account")

    result = await office.load("customers.csv", "id,name\nC1,Back\n", "account")

    assert result.counts["skipped"] == 1
    assert "in the trash since" in str(office.reasons())


async def test_what_was_merged_away_is_what_it_was_merged_into(office: Office) -> None:
    """The other system knows nothing of our merge: its lines of the loser change nothing, and name the winner."""
    await office.load("customers.csv", "id,name\nC1,Winner\nC2,Loser\n", "account")
    await office.write_sql(
        "INSERT INTO merge (id, entity, winner_id, loser_id) SELECT gen_random_uuid(), 'account', w.id, l.id"
        " FROM account w, account l WHERE w.name = 'Winner' AND l.name = 'Loser'"
    )
    await office.write_sql("DELETE FROM account WHERE name = 'Loser'")

    again = await office.load("customers.csv", "id,name\nC1,Winner\nC2,Loser 2\n", "account")
    said = office.reasons()
    contact = await office.load("contacts.csv", "id,name,account\nP1,Pat,C2\n", "contact")

    assert (again.counts["unchanged"], again.counts["skipped"], contact.counts["created"]) == (1, 1, 1)
    assert "merged into another" in str(said)
    assert await office.one("SELECT a.name FROM contact c JOIN account a ON a.id = c.account_id") == "Winner"


async def test_a_row_in_the_trash_cannot_be_named(office: Office) -> None:
    """An order for a shop that is gone would be nobody's."""
    await office.load("customers.csv", "id,name\nC1,Gone\n", "account")
    await office.write_sql("DELETE FROM account")

    result = await office.load("contacts.csv", "id,name,account\nP1,Pat,C1\n", "contact")

    assert result.counts["failed"] == 1


async def test_parents_may_stand_after_those_who_name_them(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody sorts an export of a tree."""
    monkeypatch.setattr(running, "CHUNK_LINES", 2)

    result = await office.load(
        "territories.csv", "id,name,parent\nc,City,b\nb,County,a\na,Country,\nx,Loop,y\ny,Loop too,x\n", "territory"
    )

    assert (result.counts["created"], result.counts["failed"]) == (3, 2)
    assert await office.fetch(
        "SELECT t.name, p.name FROM territory t JOIN territory p ON p.id = t.parent_id ORDER BY 1"
    ) == [("City", "County"), ("County", "Country")]


async def test_a_change_that_would_close_a_circle_is_refused(office: Office) -> None:
    """A tree with a loop has no top, and nobody's manager."""
    await office.load("t.csv", "id,name,parent\na,Country,\nb,County,a\nc,City,b\n", "territory")

    result = await office.load("t.csv", "id,name,parent\na,Country,c\n", "territory")

    assert result.counts["failed"] == 1
    assert "a circle" in str(office.reasons())


async def test_each_chunk_is_a_revision_of_its_own(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """S7: a long import lets other writers in between."""
    monkeypatch.setattr(running, "CHUNK_LINES", 1)

    await office.load("customers.csv", CUSTOMERS)

    assert await office.one("SELECT count(DISTINCT revision)::int FROM account") == 2


async def test_imported_rows_reach_devices_as_any_others_do(office: Office) -> None:
    """S5: scopes and stamps are the triggers' business, whoever writes."""
    await office.load("customers.csv", CUSTOMERS)

    scopes = await office.one(
        "SELECT count(*)::int FROM scope_entry e JOIN contact_channel h ON h.id = e.row WHERE NOT gone"
    )

    assert scopes == 3


async def test_a_mapping_is_remembered_for_files_of_the_same_shape(office: Office) -> None:
    """Whoever has said once what “Firm” is need not say it next month."""
    path = office.write("list.csv", "Nr,Firm,Fax\n1,Shop,1\n")
    await office.load_path(path, Wishes("account", ("Nr=external_id", "Firm=name", "Fax=")))
    importer = await office.importer(path, Wishes("account", ("Nr=external_id", "Firm=name", "Fax=")))
    async with tenant_transaction(office.tenant):
        mapping = importer.intakes[0].mapping
        await store.remember_mapping(mapping.shape(importer.intakes[0].table.header), mapping)

    again = await office.importer(office.write("next month.csv", "fax,nr,FIRM\n1,2,Shop\n"))

    assert again.intakes[0].mapping.columns == {"nr": "external_id", "FIRM": "name"}


async def test_names_and_external_ids_of_another_tenant_are_nothing(
    office: Office, new_tenant: Callable[[], Awaitable[TenantRef]], tmp_path: Path
) -> None:
    """Two tenants that use one ERP have the same customer numbers."""
    await office.trade()
    (tmp_path / "other").mkdir()
    other = Office(await new_tenant(), tmp_path / "other")

    result = await other.load("assignments.csv", "rep,outlet\nann@us.example,C1\n", "assignment")
    made = await other.load("customers.csv", CUSTOMERS)

    assert result.counts["failed"] == 1
    assert (made.counts["created"], made.counts["alike"]) == (2, 0)
    assert await office.one("SELECT count(*)::int FROM account") == 1
