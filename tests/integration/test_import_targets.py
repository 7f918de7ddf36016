"""Imports of prices, stock, orders, debts and people, of workbooks, and whatever stands in their cells."""

import csv
import io
from random import Random

import pytest

from server.imports.targets import TARGETS, Column
from tests.integration import import_world
from tests.integration.import_world import Office
from tests.workbooks import write_workbook

office = import_world.office


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
