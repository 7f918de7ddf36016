"""Cells as people write them, the headers that they use, and what of a header is proposed."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from server.errors import InvalidInput
from server.imports.cells import Habits, read_decimal, read_flag, read_fraction, read_moment, read_tags, reader_of
from server.imports.files import TableFile, open_csv
from server.imports.mapping import ColumnMapping, change, propose, propose_target, shape_of
from server.imports.records import RecordMaker
from server.imports.targets import TARGETS, plain

COMMA, POINT, UNTOLD = Habits(True), Habits(False), Habits()


@pytest.mark.parametrize(
    ("text", "habits", "value"),
    [
        ("12", UNTOLD, "12"),
        ("12.50", COMMA, "12.50"),
        ("12,5", UNTOLD, "12.5"),
        ("1 234,56", UNTOLD, "1234.56"),
        ("1\u00a0234\u202f567", UNTOLD, "1234567"),
        ("1,234.56", COMMA, "1234.56"),
        ("1.234,56", POINT, "1234.56"),
        ("1,234", POINT, "1234"),
        ("1,234", COMMA, "1.234"),
        ("0,125", POINT, "0.125"),
        ("1.234.567", UNTOLD, "1234567"),
        ("1'000", UNTOLD, "1000"),
    ],
)
def test_numbers_are_read_as_their_writers_meant_them(text: str, habits: Habits, value: str) -> None:
    """A price that is a thousand times too high is worse than none."""
    assert read_decimal(text, habits) == Decimal(value)


@pytest.mark.parametrize("text", ["1,234", "-5", "12a", "1e5", "NaN", "Infinity", "1.2.3", "", "٣", "1" * 16])
def test_what_is_no_number_or_two_is_refused(text: str) -> None:
    """Nobody can tell whether 1,234 is a thousand; who guesses is wrong half of the time."""
    with pytest.raises(ValueError, match=r"."):
        read_decimal(text, UNTOLD)


@pytest.mark.parametrize(
    ("text", "habits", "value"),
    [
        ("2026-12-31", UNTOLD, datetime(2026, 12, 31, tzinfo=UTC)),
        ("31.12.2026", UNTOLD, datetime(2026, 12, 31, tzinfo=UTC)),
        ("20261231", UNTOLD, datetime(2026, 12, 31, tzinfo=UTC)),
        ("31/12/2026", UNTOLD, datetime(2026, 12, 31, tzinfo=UTC)),
        ("03/04/2026", Habits(day_order="dmy"), datetime(2026, 4, 3, tzinfo=UTC)),
        ("03/04/2026", Habits(day_order="mdy"), datetime(2026, 3, 4, tzinfo=UTC)),
        ("1996-07-04 00:00:00.000", UNTOLD, datetime(1996, 7, 4, tzinfo=UTC)),
        ("2026-12-31T23:30:00+05:00", UNTOLD, datetime(2026, 12, 31, 18, 30, tzinfo=UTC)),
        ("31.12.2026 9:05", UNTOLD, datetime(2026, 12, 31, 9, 5, tzinfo=UTC)),
    ],
)
def test_dates_are_read_in_the_forms_that_people_use(text: str, habits: Habits, value: datetime) -> None:
    """Spreadsheets of three countries write a day in three ways."""
    assert read_moment(text, habits) == value


@pytest.mark.parametrize(
    "text", ["2026-02-29", "31.02.2026", "2026-13-01", "0000-01-01", "03/04/2026", "soon", "2026-12-31 25:00"]
)
def test_days_that_do_not_exist_or_could_be_two_are_refused(text: str) -> None:
    """The 29th of February becomes no other day behind somebody's back."""
    with pytest.raises(ValueError, match=r"."):
        read_moment(text, UNTOLD)


def test_yes_and_no_shares_and_tags_are_read_in_words() -> None:
    """What stands in a column is what a person typed."""
    assert [read_flag(word) for word in ("Да", "yes", "нет", "0")] == [True, True, False, False]
    assert [read_fraction(text, COMMA) for text in ("5%", "0,05", "1")] == [
        Decimal("0.05"),
        Decimal("0.05"),
        Decimal(1),
    ]
    assert read_tags("food; organic , food") == ["food", "organic"]
    with pytest.raises(ValueError, match="5 percent"):
        read_fraction("5", COMMA)


@pytest.mark.parametrize(
    ("header", "target", "fields"),
    [
        (
            ["CustomerID", "CompanyName", "ContactTitle", "Phone"],
            "account",
            ["external_id", "name", "contact_title", "phone"],
        ),
        (
            ["Код", "Наименование", "ИНН", "Адрес", "Телефон"],
            "account",
            ["external_id", "name", "tax_id", "street", "phone"],
        ),
        (["Атауы", "БСН", "Мекенжайы"], "account", ["name", "tax_id", "street"]),
        (["Артикул", "Цена"], "price", ["product", "price"]),
        (["Склад", "Артикул", "Остаток"], "stock", ["warehouse", "product", "quantity"]),
        (["sku", "name", "base_unit", "price"], "product", ["sku", "name", "base_unit", "price"]),
    ],
)
def test_a_header_proposes_what_its_file_holds(header: list[str], target: str, fields: list[str]) -> None:
    """Who has a file of forty columns wants to correct two of them, not to map forty."""
    proposed = propose_target(header)

    assert proposed is not None
    assert proposed.name == target
    assert propose(header, proposed).columns == dict(zip(header, fields, strict=True))


def test_no_two_fields_of_a_target_are_called_by_one_name_of_ours() -> None:
    """The proposal would depend on the order of a list."""
    for target in TARGETS.values():
        names = [plain(column.name) for column in target.columns]
        assert len(names) == len(set(names)), target.name


def test_a_person_changes_the_proposal_and_mistakes_are_named() -> None:
    """`--map` says what a column is, or that it is nothing."""
    header = ["Firm", "Phone", "Fax"]
    mapping = propose(header, TARGETS["account"])

    changed = change(mapping, header, columns=["firm=name", "Fax="], constants=["roles=supplier"])

    assert changed.columns == {"Firm": "name", "Phone": "phone"}
    assert changed.constants == {"roles": "supplier"}
    with pytest.raises(InvalidInput, match=r"no column “Frim”.*no field “nmae”"):
        change(mapping, header, columns=["Frim=name", "Firm=nmae"])


def test_the_shape_of_a_header_ignores_order_and_case() -> None:
    """Next month's file is recognised although somebody moved a column."""
    assert shape_of("account", ["Name", "Tax-ID"]) == shape_of("account", ["TAX ID", "name"])
    assert shape_of("account", ["Name"]) != shape_of("outlet", ["Name"])


def table(tmp_path: Path, text: str) -> TableFile:
    path = tmp_path / "table.csv"
    path.write_text(text)
    return open_csv(path)


def test_a_line_makes_a_row_and_those_that_come_with_it(tmp_path: Path) -> None:
    """An address is an outlet's, and a phone needs somebody to call."""
    file = table(tmp_path, "name,city,country,phone\nShop,Riga,Latvia,21234567\n")
    maker = RecordMaker(propose(file.header, TARGETS["account"]), file.header, Habits())

    (record,) = maker.records(file.read())

    assert [piece.part.name for piece in record.pieces] == ["account", "outlet", "contact", "phone"]
    assert record.pieces[3].values == {"value": "+37121234567", "channel_kind": "phone"}


def test_every_bad_cell_of_a_line_is_named(tmp_path: Path) -> None:
    """Who repairs a file wants all mistakes of a line at once."""
    file = table(tmp_path, "sku,name,price,barcode,unit\nT1,Tea,much,123,box\n")
    maker = RecordMaker(propose(file.header, TARGETS["product"]), file.header, Habits())

    (record,) = maker.records(file.read())

    assert [problem.column for problem in record.problems] == ["barcode", "price"]


def test_lines_of_one_order_are_one_record(tmp_path: Path) -> None:
    """An order with its lines is imported whole, or not at all."""
    file = table(tmp_path, "number,outlet,product,quantity\n1,A,tea,2\n1,A,oil,3\n2,A,tea,1\n")
    maker = RecordMaker(ColumnMapping("order", {name: name for name in file.header}), file.header, Habits())

    records = list(maker.records(file.read()))

    assert [(r.line, r.lines, len(r.pieces)) for r in records] == [(2, (3,), 3), (4, (), 2)]


def test_civil_dates_are_dates() -> None:
    """A delivery date has no time of day."""
    file_field = TARGETS["order"].by_column["delivery_date"]
    field = TARGETS["order"].field_of(file_field)
    assert field is not None

    assert reader_of(field, UNTOLD)("31.12.2026") == date(2026, 12, 31)
