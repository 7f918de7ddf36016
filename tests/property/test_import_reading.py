"""Reading files: whatever the encoding and delimiter, what somebody wrote is what is read."""

import csv
import io
import string
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from server.exports.cells import neutralise, restore
from server.imports.encoding import detect_delimiter, detect_encoding
from server.imports.files import open_csv

RUSSIAN = st.sampled_from(
    ["Ромашка", "Торговый дом Весна", "Магазин на углу", "Продукты у дома", "Алматы", "ООО Берёза"]
)
LATIN = st.sampled_from(["Café du Monde", "Königlich Essen", "Mère Paillarde", "Folk och fä HB", "Comércio Mineiro"])
CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\x00", exclude_categories=("Cs",)), max_size=30)
TABLES = st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=8)
anywhere = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def read(path: Path) -> list[list[str]]:
    table = open_csv(path)
    lines = list(table.read())
    assert [line.problem for line in lines if line.problem] == []
    return [list(line.values) for line in lines]


@given(CELLS)
def test_what_is_neutralised_is_restored_exactly(text: str) -> None:
    """An export that is imported again must give the same data, apostrophes and minus signs included."""
    assert restore(neutralise(text)) == text


@given(CELLS)
def test_no_neutralised_cell_is_a_formula(text: str) -> None:
    """A spreadsheet runs what begins with one of these, on the machine of whoever opens the file."""
    assert not neutralise(text).startswith(("=", "+", "-", "@", "\t", "\r"))


@given(names=st.lists(RUSSIAN, min_size=1), encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1251"]))
def test_russian_is_read_in_every_encoding_that_people_have(names: list[str], encoding: str) -> None:
    """1C and old spreadsheets write windows-1251, new ones UTF-8; nobody knows which they have."""
    raw = ("Наименование;Город\r\n" + "".join(f"{name};Алматы\r\n" for name in names)).encode(encoding)

    assert raw.decode(detect_encoding(raw)).splitlines()[0].removeprefix("\ufeff") == "Наименование;Город"


@given(names=st.lists(LATIN, min_size=1), encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]))
def test_accents_are_read_in_every_encoding_that_people_have(names: list[str], encoding: str) -> None:
    """Single high bytes within Latin words are accents, not Cyrillic letters."""
    raw = ("Name,City\n" + "".join(f"{name},Zürich\n" for name in names)).encode(encoding)

    assert raw.decode(detect_encoding(raw)).splitlines()[-1] == f"{names[-1]},Zürich"


@given(table=TABLES, delimiter=st.sampled_from([",", ";", "\t", "|"]))
@anywhere
def test_any_table_is_read_as_it_was_written(tmp_path: Path, table: list[list[str]], delimiter: str) -> None:
    """Quoted delimiters, quotation marks and line ends are content."""
    assume(all(any(cell.strip() for cell in row) for row in table))
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(
        [["one", "two", "three"], *([neutralise(cell) for cell in row] for row in table)]
    )
    path = tmp_path / "table.csv"
    path.write_bytes(text.getvalue().encode())

    assert read(path) == table


@given(
    rows=st.lists(
        st.lists(st.text(string.ascii_letters + " .", min_size=1, max_size=8), min_size=2, max_size=2), min_size=1
    ),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
)
def test_the_delimiter_is_what_the_lines_have_alike(rows: list[list[str]], delimiter: str) -> None:
    """A comma in the text of a file with semicolons separates nothing."""
    lines = [delimiter.join(["first", "second"]), *(delimiter.join(row) for row in rows)]

    assert detect_delimiter(lines) == delimiter


@pytest.mark.parametrize("bad", [b"1,\xff\xfe\xfa", b'1,"open', b"1,2,3", b"1"])
def test_a_broken_line_costs_itself_alone(tmp_path: Path, bad: bytes) -> None:
    """The good lines of a file with a bad one are still good."""
    path = tmp_path / "broken.csv"
    path.write_bytes(b"a,b\n" + bad + b"\n" + "2,é\n3,Ж\n".encode() * 40)

    lines = list(open_csv(path).read())

    assert len([line for line in lines if line.problem is None]) == 80
    assert [line.number for line in lines if line.problem] == [2]


def test_a_cell_of_a_million_characters_costs_its_line_alone(tmp_path: Path) -> None:
    """A file that was made to exhaust memory is read in bounded memory."""
    path = tmp_path / "long.csv"
    path.write_text("a,b\n1," + "x" * 1_000_000 + "\n2,y\n" + '3,"' + "z" * 1_000_000 + '"\n4,w\n')

    lines = list(open_csv(path).read())

    assert [(line.number, line.problem is None) for line in lines] == [(2, False), (3, True), (4, False), (5, True)]
    assert all(len(line.problem or "") < 100 for line in lines)


def test_a_shifted_row_is_no_row(tmp_path: Path) -> None:
    """A comma too many in the middle, and every value after it stands in the wrong column; at the end, too."""
    path = tmp_path / "shifted.csv"
    path.write_text("name,city,phone\nA,,Delft,\nB,Delft,1,\nC,Delft,2\n")
    wide = tmp_path / "wide.csv"
    wide.write_text("name,city,\nA,Delft,\nB,Delft,x\n")

    assert [line.problem is None for line in open_csv(path).read()] == [False, False, True]
    assert [line.problem is None for line in open_csv(wide).read()] == [True, False]


def test_duplicated_and_empty_headers_get_names_of_their_own(tmp_path: Path) -> None:
    """Which “Phone” is meant can only be said when each has a name."""
    path = tmp_path / "headers.csv"
    path.write_text("Name,Phone,,Phone,Phone\na,1,2,3,4\n")

    assert open_csv(path).header == ("Name", "Phone", "column 3", "Phone (2)", "Phone (3)")
