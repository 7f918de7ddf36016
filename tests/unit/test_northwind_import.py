"""Reading the Northwind files: every row that can't be read is named by its place, and the rest is read."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

from server.demo.cast import choose_cast
from server.demo.company import Company
from server.demo.csv_rows import CsvMissing, CsvProblem
from server.demo.generated import generate_company
from server.demo.northwind import read_northwind
from server.demo.phones import normalize_phone
from server.demo.rows import derived_id, make_rows

FILES = {
    "categories.csv": "CategoryID,CategoryName,Description\n1,Beverages,Drinks\n",
    "regions.csv": "RegionID,RegionDescription\n1,Eastern\n",
    "territories.csv": "TerritoryID,TerritoryDescription,RegionID\n01581,Westboro,1\n",
    "employees.csv": (
        "EmployeeID,LastName,FirstName,Title,ReportsTo,Notes\n"
        '1,Davolio,Nancy,Sales Representative,2,"Two\nlines, ""quoted"""\n'
        '2,Fuller,Andrew,"Vice President, Sales",,\n'
    ),
    "employee_territories.csv": "EmployeeID,TerritoryID\n1,01581\n",
    "products.csv": (
        "ProductID,ProductName,SupplierID,CategoryID,QuantityPerUnit,UnitPrice,UnitsInStock,Discontinued\n"
        "1,Chai,1,1,10 boxes,18,39,0\n"
        "2,Chang,1,1,24 bottles,9.8,17,1\n"
    ),
    "customers.csv": (
        "CustomerID,CompanyName,ContactName,ContactTitle,Address,City,Region,PostalCode,Country,Phone,Fax\n"
        "ALFKI,Alfreds Futterkiste,Maria Anders,Owner,Obere Str. 57,Berlin,,12209,Germany,030-0074321,\n"
        'BOLID,Bólido,Martín Sommer,Owner,"C/ Araquil, 67",Madrid,,28023,Spain,(91) 555 22 82,\n'
    ),
    "orders.csv": (
        "OrderID,CustomerID,EmployeeID,OrderDate,RequiredDate,ShippedDate,"
        "ShipAddress,ShipCity,ShipRegion,ShipPostalCode,ShipCountry\n"
        "10248,ALFKI,1,1996-07-04 00:00:00.000,1996-08-01 00:00:00.000,1996-07-16,Obere Str. 57,Berlin,,12209,Germany\n"
        "10249,ALFKI,2,1996-07-05 09:30:00.000,,,Obere Str. 57,Berlin,,12209,Germany\n"
    ),
    "order_details.csv": "OrderID,ProductID,UnitPrice,Quantity,Discount\n10248,1,14.4,12,0.05\n10249,2,9.8,10,0.0\n",
}

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes the folder, with other content for some of its files."""

    def write_folder(**changed: str | bytes) -> Path:
        for name, content in FILES.items():
            new = changed.get(name.removesuffix(".csv"), content)
            (tmp_path / name).write_bytes(new.encode() if isinstance(new, str) else new)
        return tmp_path

    return write_folder


def replaced(name: str, old: str, new: str) -> str:
    content = FILES[f"{name}.csv"]
    assert old in content
    return content.replace(old, new)


def test_a_sound_folder_is_read_whole_and_exactly(write: Write) -> None:
    """Prices are exact decimals, dates are dates, and quoted commas and line ends belong to the value."""
    company, problems = read_northwind(write())

    assert problems == []
    assert [p.name for p in company.people] == ["Nancy Davolio", "Andrew Fuller"]
    assert company.managers() == {"2"}
    assert company.customers[1].address.street == "C/ Araquil, 67"
    assert company.lines[0].price == Decimal("14.4")
    assert company.orders[0].required_on == date(1996, 8, 1)
    assert company.orders[1].ordered_at == datetime(1996, 7, 5, 9, 30, tzinfo=UTC)
    assert company.orders[1].shipped_on is None


def test_the_rep_of_a_customer_is_that_of_the_latest_order(write: Write) -> None:
    """Customers have no rep of their own; who never ordered has none."""
    company, _ = read_northwind(write())

    assert company.reps_of_customers() == {"ALFKI": "2"}


BROKEN_ROWS = [
    pytest.param(
        "products", ",9.8,17,1", ",nine,17,1", 3, "UnitPrice", "is not a number", ("products", 1), id="bad number"
    ),
    pytest.param(
        "products", ",9.8,17,1", ",-1,17,1", 3, "UnitPrice", "is not a number", ("products", 1), id="negative number"
    ),
    pytest.param(
        "products", ",9.8,17,1", ",1e3,17,1", 3, "UnitPrice", "is not a number", ("products", 1), id="exponent"
    ),
    pytest.param(
        "products", ",9.8,17,1", ",9.8,17,yes", 3, "Discontinued", "neither 0 nor 1", ("products", 1), id="bad flag"
    ),
    pytest.param(
        "orders", "1996-07-05 09:30:00.000", "1996-02-30", 3, "OrderDate", "not a date that exists", ("orders", 1),
        id="no such day",
    ),
    pytest.param(
        "orders", "1996-07-05 09:30:00.000", "05/07/1996", 3, "OrderDate", "not a date", ("orders", 1), id="bad date"
    ),
    pytest.param(
        "orders", "10249,ALFKI,2", "10249,NOONE,2", 3, "CustomerID", "no customer “NOONE”", ("orders", 1),
        id="unknown reference",
    ),
    pytest.param(
        "orders", "10249,ALFKI,2", "10248,ALFKI,2", 3, "OrderID", "is on line 2 already", ("orders", 1),
        id="duplicated id",
    ),
    pytest.param(
        "customers", "BOLID,Bólido", "BOLID,", 3, "CompanyName", "is empty", ("customers", 1), id="missing value"
    ),
    pytest.param(
        "customers", "BOLID,Bólido", f"BOLID,{'B' * 201}", 3, "CompanyName", "more than 200", ("customers", 1),
        id="too long",
    ),
    pytest.param(
        "customers", "BOLID,Bólido", "BOLID,Bó\0lido", 3, "CompanyName", "NUL", ("customers", 1), id="NUL character"
    ),
    pytest.param(
        "customers", "Madrid,,28023,", "Madrid,28023,", 3, "Fax", "10 values, and the header 11", ("customers", 1),
        id="too few values",
    ),
    pytest.param(
        "customers", "Madrid,,28023,", "Madrid,,,28023,", 3, "Fax", "12 values", ("customers", 1), id="too many values"
    ),
    pytest.param(
        "order_details", "10249,2,9.8,10,0.0", "10249,2,9.8,0,0.0", 3, "Quantity", "more than 0", ("lines", 1),
        id="no quantity",
    ),
    pytest.param(
        "order_details", "10249,2,9.8,10,0.0", "10249,2,9.8,10,5", 3, "Discount", "from 0 to 1", ("lines", 1),
        id="discount in percent",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "line", "column", "reason", "kept"), BROKEN_ROWS)
def test_a_row_that_cannot_be_read_is_named_and_the_rest_is_read(
    write: Write, file: str, old: str, new: str, line: int, column: str, reason: str, kept: tuple[str, int]
) -> None:
    """Whoever repairs the file is told where to look; nobody loses the other rows."""
    company, problems = read_northwind(write(**{file: replaced(file, old, new)}))

    assert (problems[0].file, problems[0].line, problems[0].column) == (f"{file}.csv", line, column)
    assert reason in problems[0].reason
    assert len(getattr(company, kept[0])) == kept[1]
    assert len(company.people) == 2


def test_every_bad_value_of_a_row_is_named_once(write: Write) -> None:
    """Not one per run, so that a row is repaired in one go."""
    bad = replaced("products", "2,Chang,1,1,24 bottles,9.8,17,1", "2,,1,9,24 bottles,x,,2")

    _, problems = read_northwind(write(products=bad))

    found = [p.column for p in problems if p.file == "products.csv"]
    assert sorted(found) == ["CategoryID", "Discontinued", "ProductName", "UnitPrice", "UnitsInStock"]


def test_a_value_that_is_not_utf8_costs_its_row_alone(write: Write) -> None:
    """One line saved by an old program does not spoil the file."""
    content = FILES["customers.csv"].encode().replace("Bólido".encode(), "Bólido".encode("latin-1"))

    company, problems = read_northwind(write(customers=content))

    assert [str(p) for p in problems] == ["customers.csv, line 3, CompanyName: it is not UTF-8 text"]
    assert [c.key for c in company.customers] == ["ALFKI"]


def test_a_forgotten_quotation_mark_costs_its_line_alone(write: Write) -> None:
    """A plain CSV reader would swallow the rest of the file into one value."""
    content = replaced("customers", "ALFKI,Alfreds Futterkiste", 'ALFKI,"Alfreds Futterkiste')

    company, problems = read_northwind(write(customers=content))

    assert problems[0] == CsvProblem("customers.csv", 2, "CompanyName", "a quotation mark is never closed")
    assert [c.key for c in company.customers] == ["BOLID"]


def test_lines_are_counted_as_an_editor_counts_them(write: Write) -> None:
    """A value of two lines moves the rows below it by one."""
    content = replaced("employees", "2,Fuller,Andrew", "2,,Andrew")

    _, problems = read_northwind(write(employees=content))

    assert (problems[0].file, problems[0].line, problems[0].column) == ("employees.csv", 4, "LastName")


def test_a_missing_column_is_named_and_the_other_files_are_read(write: Write) -> None:
    """Of that file nothing can be trusted; the rest can."""
    content = replaced("products", "UnitPrice", "Price")

    company, problems = read_northwind(write(products=content))

    assert problems[0].file == "products.csv"
    assert (problems[0].line, problems[0].column) == (1, "UnitPrice")
    assert company.products == []
    assert len(company.customers) == 2


def test_what_refers_to_a_row_that_was_not_imported_says_so(write: Write) -> None:
    """Otherwise an order would point into nothing."""
    content = replaced("products", ",9.8,17,1", ",nine,17,1")

    company, problems = read_northwind(write(products=content))

    assert str(problems[1]) == "order_details.csv, line 3, ProductID: no product “2” was imported"
    assert [line.product for line in company.lines] == ["1"]


@pytest.mark.parametrize("name", list(FILES))
def test_a_missing_file_is_named(write: Write, name: str) -> None:
    """Half a company is of no use to anybody."""
    folder = write()
    (folder / name).unlink()

    with pytest.raises(CsvMissing, match=name):
        read_northwind(folder)


def test_an_empty_file_lacks_its_columns(write: Write) -> None:
    """It is no crash."""
    _, problems = read_northwind(write(regions=""))

    assert {(p.file, p.column) for p in problems[:2]} == {
        ("regions.csv", "RegionID"),
        ("regions.csv", "RegionDescription"),
    }


def test_two_who_report_to_each_other_have_no_manager(write: Write) -> None:
    """A ring would have no top, and its walk no end."""
    content = replaced("employees", '"Vice President, Sales",,', '"Vice President, Sales",1,')

    company, _ = read_northwind(write(employees=content))

    assert [p.manager for p in company.people] == [None, None]


@pytest.mark.parametrize(
    ("typed", "country", "stored"),
    [
        ("030-0074321", "Germany", "+49300074321"),
        ("(604) 555-4729", "Canada", "+16045554729"),
        ("+44 20 7946 0018", None, "+442079460018"),
        ("(5) 555-4729", "Mexico", "(5) 555-4729"),
        ("ask for Maria", "Germany", "ask for Maria"),
        ("030-0074321", "Atlantis", "030-0074321"),
    ],
)
def test_a_phone_is_normalised_where_it_can_be_read(typed: str, country: str | None, stored: str) -> None:
    """What is no number of that country stays as people wrote it."""
    assert normalize_phone(typed, country) == stored


def test_ids_of_imported_rows_are_the_same_each_time_and_version_7() -> None:
    """Two imports of one file agree, and the ids are of the kind that all rows have."""
    first, again = (derived_id("northwind", "account", "ALFKI") for _ in range(2))

    assert first == again
    assert first != derived_id("northwind", "outlet", "ALFKI")
    assert (first.version, first.variant) == (7, "specified in RFC 4122")


def rows_of(company: Company) -> dict[str, list[dict[str, object]]]:
    members = {person.key: UUID(int=int(person.key)) for person in company.people}
    return make_rows(company, members, lambda entity, key: str(derived_id(company.system, entity, key)))


def test_orders_keep_the_prices_of_then_and_hold_stock_until_shipped(write: Write) -> None:
    """History is no subject to today's price list, and what is not shipped yet is not for sale twice."""
    rows = rows_of(read_northwind(write())[0])

    closed, waiting = rows["order"]
    assert (closed["status"], closed["total_minor"]) == ("closed", 16416)  # 14.40 * 12 less 5 %
    assert (waiting["status"], waiting["total_minor"]) == ("accepted", 9800)
    assert [(s["quantity"], s["reserved"]) for s in rows["stock"]] == [("39", "0"), ("17", "10")]
    assert rows["order_line"][0]["list_price"] == "14.4"


def test_generated_data_is_the_same_at_every_run_and_enough_for_the_story() -> None:
    """The demo without files tells the same story to everybody."""
    first, again = generate_company(), generate_company()

    assert first == again
    assert (len(first.people), len(first.customers)) == (9, 90)
    cast = choose_cast(first)
    assert len({cast.first, cast.second, cast.third, cast.manager}) == 4
