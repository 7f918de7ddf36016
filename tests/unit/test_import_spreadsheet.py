"""XLSX workbooks: read as somebody would have typed them, and refused before they exhaust the machine."""

import zipfile
from pathlib import Path

import pytest

from server.imports.files import FileUnreadable, Line
from server.imports.spreadsheet import UNZIPPED_BYTES_MAX, open_xlsx
from tests.workbooks import write_raw, write_workbook


def test_cells_read_as_somebody_would_have_typed_them(tmp_path: Path) -> None:
    """A phone in a spreadsheet is a number, and a day is one too."""
    cells = (
        '<c r="A2"><v>79161234567</v></c><c r="B2"><v>0.1</v></c><c r="C2" s="1"><v>45000</v></c>'
        '<c r="D2" t="b"><v>1</v></c><c r="E2"><f>1+1</f><v>2</v></c>'
    )
    header = "".join(f'<c r="{c}1" t="inlineStr"><is><t>{c}</t></is></c>' for c in "ABCDE")
    path = write_raw(tmp_path / "a.xlsx", f'<row r="1">{header}</row><row r="2">{cells}</row>')

    table = open_xlsx(path)

    assert table.header == ("A", "B", "C", "D", "E")
    assert list(table.read()) == [Line(2, ["79161234567", "0.1", "2023-03-15", "true", "2"])]


def test_a_cell_with_an_error_is_no_empty_cell(tmp_path: Path) -> None:
    """A formula that broke says #REF!, and its row is named rather than imported without the value."""
    rows = (
        '<row r="1"><c r="A1" t="inlineStr"><is><t>name</t></is></c>'
        '<c r="B1" t="inlineStr"><is><t>price</t></is></c></row>'
        '<row r="2"><c r="A2" t="inlineStr"><is><t>Tea</t></is></c><c r="B2" t="e"><v>#REF!</v></c></row>'
        '<row r="3"><c r="A3" t="inlineStr"><is><t>Oil</t></is></c><c r="B3"><v>2.5</v></c></row>'
    )

    lines = list(open_xlsx(write_raw(tmp_path / "a.xlsx", rows)).read())

    assert [(line.number, line.column) for line in lines if line.problem] == [(2, "price")]
    assert [line.values for line in lines if not line.problem] == [["Oil", "2.5"]]


def test_duplicated_headers_empty_rows_and_short_rows_are_taken(tmp_path: Path) -> None:
    """People leave gaps in spreadsheets, and call two columns Phone."""
    path = write_workbook(tmp_path / "a.xlsx", [["", ""], ["Phone", "Phone", "Name"], ["1"], [""], ["2", "3", "Shop"]])

    table = open_xlsx(path)

    assert table.header == ("Phone", "Phone (2)", "Name")
    assert [(line.number, line.values) for line in table.read()] == [(3, ["1", "", ""]), (5, ["2", "3", "Shop"])]


@pytest.mark.parametrize(
    "corner",
    [
        '<c r="XFD1048576">',
        "<c r = 'XFD1048576'>",
        f'<c {" " * 5_000}r="xfd1048576">',
        f'<c spans="{"x" * 2**20}" r="XFD1048576">',
    ],
    ids=["plain", "other quotes", "far away", "across pieces"],
)
def test_a_tiny_file_with_a_huge_range_is_refused(tmp_path: Path, corner: str) -> None:
    """Two cells in opposite corners would be laid out as 17 billion, however they are written."""
    rows = f'<row><c r="A1"><v>1</v></c></row><row>{corner}<v>1</v></c></row>'

    with pytest.raises(FileUnreadable, match=r"1,048,576 rows and 16,384 columns|hides what it holds"):
        open_xlsx(write_raw(tmp_path / "a.xlsx", rows))


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    """A megabyte of zip can hold a gigabyte of nothing."""
    path = write_workbook(tmp_path / "a.xlsx", [["name"], ["Tea"]])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("xl/media.bin", "w") as part:
        for _ in range(UNZIPPED_BYTES_MAX // 2**20 + 1):
            part.write(bytes(2**20))

    with pytest.raises(FileUnreadable, match="unpack to more than 200 MB"):
        open_xlsx(path)


def test_a_zip_whose_directory_lies_about_a_size_is_refused(tmp_path: Path) -> None:
    """What unpacks later believes its own eyes, and memory is gone."""
    path = write_workbook(tmp_path / "a.xlsx", [["name"], ["Tea"]])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", bytes(4 * 2**20))
    size = (4 * 2**20).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(size, (1000).to_bytes(4, "little")))

    with pytest.raises(FileUnreadable, match=r"a\.xlsx is no XLSX workbook"):
        open_xlsx(path)


def test_a_cell_of_a_million_characters_costs_its_row_alone(tmp_path: Path) -> None:
    """No spreadsheet holds that; whoever made it meant harm."""
    path = write_workbook(tmp_path / "a.xlsx", [["name"], ["x" * 1_000_000], ["Tea"]])

    lines = list(open_xlsx(path).read())

    assert [(line.number, line.problem is None) for line in lines] == [(2, False), (3, True)]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no zip", b"name,phone\n1,2\n"])
def test_what_is_no_workbook_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    """A CSV that was renamed is the usual case."""
    path = tmp_path / "a.xlsx"
    path.write_bytes(content)

    with pytest.raises(FileUnreadable, match=r"a\.xlsx is no XLSX workbook"):
        open_xlsx(path)


def test_an_unknown_sheet_is_named_with_those_there_are(tmp_path: Path) -> None:
    """So that nobody guesses."""
    path = write_workbook(tmp_path / "a.xlsx", [["name"]], name="Prices")

    with pytest.raises(FileUnreadable, match=r"no sheet “Stock”\. It has: Prices"):
        open_xlsx(path, sheet="Stock")
