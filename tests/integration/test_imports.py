"""Imports of files: what becomes of each line, and that bad ones never cost good ones."""

import csv
import io
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

import pytest

from server.db import TenantRef, tenant_transaction
from server.imports import run as running
from server.imports import store
from server.imports.plan import Wishes
from server.imports.targets import TARGETS, Column
from tests.integration.import_world import Office
from tests.workbooks import write_workbook

CUSTOMERS = """id,name,tax_id,city,phone,email
C1,Corner Shop,TX1,Delft,+31 15 256 1000,corner@shop.example
C2,Market Hall,TX2,Leiden,+31 71 516 5000,
"""


@pytest.fixture
def office(tenant: TenantRef, tmp_path: Path) -> Office:
    return Office(tenant, tmp_path)


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


async def test_prices_and_stock_of_a_nightly_feed_are_found_by_their_product(office: Office) -> None:
    """The feed has no ids of ours, and none of its own but the article number."""
    await office.trade()
    version = await office.one("SELECT version FROM price_list")

    prices = await office.load("prices.csv", "Артикул;Цена\ntea;10,50\noil;2,50\nsoap;1\n")
    stock = await office.load("stock.csv", "sku,quantity\ntea,80\noil,39\n", "stock")

    assert (prices.counts["updated"], prices.counts["unchanged"], prices.counts["failed"]) == (1, 1, 1)
    assert (stock.counts["updated"], stock.counts["unchanged"]) == (1, 1)
    assert await office.fetch("SELECT price::text, minimum_quantity::text FROM price_item ORDER BY 1") == [
        ("10.50", "0"), ("2.50", "0"),
    ]  # fmt: skip
    assert await office.one("SELECT version FROM price_list") == version + 1


async def test_orders_come_with_their_lines_and_hold_what_they_wait_for(office: Office) -> None:
    """An order that is accepted and not shipped holds stock, and its total is that of its lines."""
    await office.trade()

    result = await office.load(
        "orders.csv",
        "number,outlet,date,rep,status,product,quantity,price,discount\n"
        "A-1,C1,2026-11-02,Ann,accepted,tea,4,,\n"
        "A-1,C1,2026-11-02,Ann,accepted,oil,2,2.00,10%\n"
        "A-2,C1,2026-11-03,Ann,,tea,1,,\n"
        "A-3,C1,2026-11-03,Ann,,soap,1,,\n"
        "A-4,C1,2026-11-03,Ann,submitted,tea,1,,\n",
        "order",
    )

    assert (result.counts["created"], result.counts["failed"]) == (2, 2)
    assert await office.fetch('SELECT number, status, total_minor FROM "order" ORDER BY number') == [
        ("A-1", "accepted", 4360), ("A-2", "closed", 1000),
    ]  # fmt: skip
    assert await office.fetch("SELECT reserved::text FROM stock ORDER BY quantity DESC") == [("4",), ("2",)]
    assert await office.one("SELECT count(*)::int FROM order_line WHERE quantity_delivered = 1") == 1


async def test_lines_are_added_to_imported_orders_only(office: Office) -> None:
    """What a customer has ordered with us does not grow by a file."""
    await office.trade()
    await office.load("orders.csv", "id,number,outlet,rep\nO1,A-1,C1,Ann\n", "order")
    await office.load("native.csv", "number,outlet,rep\nA-2,C1,Ann\n", "order")

    lines = await office.load(
        "order_lines.csv", "order,product,quantity\nO1,tea,2\nA-2,tea,2\n", "order_line"
    )  # fmt: skip

    assert (lines.counts["created"], lines.counts["failed"]) == (1, 1)
    assert await office.one("SELECT total_minor FROM \"order\" WHERE number = 'A-1'") == 2000


async def test_a_category_that_a_product_names_is_made(office: Office) -> None:
    """A list of products has their groups in a column; nobody sends a second file for them."""
    text = "sku,name,category,vat\na,A,Drinks,20%\nb,B,Drinks,\nc,,Never made,\n"

    dry = await office.check("products.csv", text, "product")
    result = await office.load("products.csv", text, "product")
    again = await office.load("products.csv", text, "product")

    assert dry.counts == result.counts
    assert (result.counts["created"], result.counts["failed"], again.counts["unchanged"]) == (2, 1, 2)
    assert await office.fetch("SELECT name FROM category") == [("Drinks",)]
    assert await office.fetch("SELECT name FROM tax_category") == [("20%",)]


async def test_debts_of_a_nightly_feed_are_found_by_their_document(office: Office) -> None:
    """What is paid comes with a balance of 0; amounts are exact in the currency's minor unit."""
    await office.trade()
    head = "Контрагент;Номер документа;Сумма;Долг;Срок оплаты\n"

    first = await office.load("debts.csv", f"{head}C1;R-1;1 200,50;1 200,50;01.12.2026\nC1;R-2;;10;2.12.2026\n")
    second = await office.load("debts.csv", f"{head}C1;R-1;1 200,50;200,50;01.12.2026\nNobody;R-9;1;1;01.12.2026\n")

    assert first.target == "receivable"
    assert (first.counts["created"], second.counts["updated"], second.counts["failed"]) == (2, 1, 1)
    columns = "document_number, amount_minor, balance_minor, currency"
    assert await office.fetch(f"SELECT {columns} FROM receivable ORDER BY 1") == [
        ("R-1", 120050, 20050, "EUR"), ("R-2", 1000, 1000, "EUR"),
    ]  # fmt: skip


async def test_users_territories_units_and_assignments_are_imported(office: Office) -> None:
    """Setting up a company of fifty reps by hand takes a week."""
    await office.trade()

    await office.load("territories.csv", "id,name,manager\nN,North,Ann\n", "territory")
    await office.load("units.csv", "sku,unit,factor,barcode\ntea,box,6,4006381333931\ntea,pc,1,\n", "product_unit")
    unit_failures = office.reasons()
    await office.load("assignments.csv", "rep,outlet,from\nann@us.example,C1,2027-01-01\n", "assignment")
    await office.write_sql(
        "INSERT INTO role (id, key, name, base) VALUES (gen_random_uuid(), 'lead', 'Team lead', 'rep')"
    )
    await office.load(
        "users.csv",
        "name,email,role\n"
        "Bo,bo@us.example,Торговый представитель\n"
        "Cy,cy@us.example,owner\n"
        "Di,di@us.example,Team Lead\n"
        "Ed,ed@us.example,boss\n",
        "user",
    )

    assert [line for line, *_ in unit_failures] == [3]
    assert await office.fetch("SELECT unit, factor::text FROM product_unit") == [("box", "6")]
    assert await office.fetch("SELECT name, role, email FROM member ORDER BY name") == [
        ("Ann", "rep", "ann@us.example"), ("Bo", "rep", "bo@us.example"), ("Di", "lead", "di@us.example"),
    ]  # fmt: skip
    assert await office.one("SELECT starts_on::text FROM assignment") == "2027-01-01"
    assert [line for line, *_ in office.reasons()] == [3, 5]


async def test_a_workbook_is_imported_like_a_csv(office: Office) -> None:
    """Most lists that people have are spreadsheets."""
    path = write_workbook(
        office.folder / "Клиенты.xlsx",
        [["Код", "Наименование", "Телефон"], ["C1", "Ромашка", 79161234567], ["C2", "", ""]],
    )

    result = await office.load_path(path)

    assert (result.target, result.counts["created"], result.counts["failed"]) == ("account", 1, 1)


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


NASTY = (
    "", " ", "x", "C1", "Corner Shop", "tea", "Ann", "retail", "EUR", "eur ", "0", "1", "-1", "1e400", "9" * 30, "1,5",
    "0.1234567891", "5%", "101%", "yes", "nein", "2026-02-30", "31.12.2026", "2026-12-31", "9999-12-31T23:59:59+00:00",
    "0001-01-01T00:00:00-14:00", "a@b.co", "+31152561000", "12", "\x00", "\ufeff", "é" * 300, "[[[[[[", "[" * 5000,
    "{}", '{"a": 1}', "[1, null, {}]", "01a213f0-6c63-7000-86be-9630dc0469c5", "00000000-0000-0000-0000-000000000000",
    "=1+1", "NaN", "Infinity", "\u0663", "accepted", "draft", "rep", "owner", "depot", "Europe/Riga", "box", "pc",
    "A-1", "😀", "1970-01-01",
)  # fmt: skip


NAMED = {
    "account": "Corner Shop", "outlet": "C1", "product": "tea", "member": "Ann", "price_list": "Retail",
    "warehouse": "Depot", "legal_entity": "Us BV",
}  # fmt: skip


def _nasty(random: Random, column: Column) -> str:
    """A cell: of a needed column mostly a good one, so that lines get as far as the database."""
    if column.refers in NAMED and random.random() < 0.8:
        return NAMED[column.refers]
    if column.required and random.random() < 0.7:
        return f"{random.randrange(10**6)}"
    return random.choice(NASTY) if random.random() < 0.3 else ""


@pytest.mark.parametrize("target", TARGETS)
async def test_whatever_stands_in_its_cells_each_line_has_an_outcome(office: Office, target: str) -> None:
    """No cell brings an import down: neither in the reading, nor in the rules, nor in the database."""
    await office.trade()
    random = Random(target)
    columns = TARGETS[target].columns
    names = [column.name for column in columns]
    rows = [[_nasty(random, column).replace("\x00", "\\0") for column in columns] for _ in range(300)]
    text = io.StringIO()
    csv.writer(text).writerows([names, *rows])
    content = text.getvalue().replace("\\0", "\x00")

    dry = await office.check("nasty.csv", content, target)
    lines = sum(n for name, n in dry.counts.items() if name != "alike")
    wet = await office.load("nasty.csv", content, target)

    assert lines == sum(n for name, n in wet.counts.items() if name != "alike")
    if not TARGETS[target].grouped:
        assert lines == sum(any(cell.strip() for cell in row) for row in rows)
