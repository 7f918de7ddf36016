"""`outrider import` as people run it: a process of its own, killed in the middle, on files that they have."""

import csv
import os
import signal
import time
import zipfile
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest

from server.imports.targets import TARGETS
from tests.integration import terminal
from tests.integration.terminal import Shell

NORTHWIND = Path(__file__).parents[3] / "shared" / "data" / "northwind"
LINES = 6_000

shell = terminal.shell


def test_a_killed_import_goes_on_and_every_line_counts_once(shell: Shell) -> None:
    """S1, S2 for the office: `kill -9` in the middle of a file, and `--resume`."""
    path = shell.folder / "customers.csv"
    path.write_text("id,name,city\n" + "".join(f"C{n},Shop {n},Delft\n" for n in range(LINES)))
    process = shell.start("import", str(path), "--tenant", "shop")
    try:
        while process.poll() is None and not 0 < shell.one("SELECT count(*) FROM import_line") < LINES:
            time.sleep(0.005)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    before = shell.one("SELECT count(*) FROM account")

    refused = shell.run("import", str(path), "--tenant", "shop", status=1)
    said = shell.run("import", str(path), "--tenant", "shop", "--resume")

    assert 0 < before < LINES
    assert shell.one("SELECT count(*) FROM account") == LINES
    assert shell.one("SELECT count(*) FROM outlet") == LINES
    assert shell.one("SELECT count(*) FROM external_id WHERE entity = 'account'") == LINES
    assert "Go on with --resume" in refused
    assert f"{LINES:,}" in said


def test_a_file_without_any_key_is_not_imported_twice_by_mistake(shell: Shell) -> None:
    """The second time all its rows would be there twice."""
    path = shell.folder / "customers.csv"
    path.write_text("name,city\nShop,Delft\n")
    shell.run("import", str(path), "--tenant", "shop")

    refused = shell.run("import", str(path), "--tenant", "shop", status=1)

    assert "imported as import 1" in refused
    assert shell.one("SELECT count(*) FROM account") == 1
    shell.run("import", str(path), "--tenant", "shop", "--again")
    assert shell.one("SELECT count(*) FROM account") == 2


def test_each_file_of_a_feed_is_taken_once(shell: Shell) -> None:
    """Each night the same names, some with the same content; what failed is found with its reasons."""
    feed = shell.folder / "feed"
    feed.mkdir()

    def put(name: str, text: str) -> None:
        (feed / name).write_text(text)
        os.utime(feed / name, (0, 0))

    take = ("import", "--folder", str(feed), "--tenant", "shop", "--system", "erp")
    put("customers.csv", "id,name\nC1,Shop\n")
    shell.run(*take)
    put("customers.csv", "id,name\nC1,Shop\n")
    put("other.csv", "id,name,city\nC2,Hall,\nC3,,\n")
    put("strange.csv", "what,is,this\n1,2,3\n")
    put("growing.csv", "id,name\nC4,Half")
    os.utime(feed / "growing.csv", (time.time() + 3_600,) * 2)

    said = shell.run(*take, status=1)

    assert "customers.csv: taken before, as import 1" in said
    assert sorted(path.name for path in feed.iterdir() if path.suffix == ".csv") == ["growing.csv"]
    assert sorted(p.name for p in (feed / "done").iterdir()) == ["1-customers.csv", "1-customers.csv.report.csv"]
    assert sorted(p.name for p in (feed / "failed").iterdir()) == [
        "0-strange.csv", "0-strange.csv.report.csv", "2-other.csv", "2-other.csv.report.csv",
    ]  # fmt: skip
    assert "3,failed,,name," in (feed / "failed" / "2-other.csv.report.csv").read_text()
    assert shell.one("SELECT count(*) FROM account") == 2


def test_what_is_exported_is_found_again_by_an_import(shell: Shell) -> None:
    """A round trip changes nothing: not a name that begins with a minus sign, nor a price."""
    file, out = shell.folder / "customers.csv", shell.folder / "out.zip"
    file.write_text('id,name,city,phone,tags\nC1,-Shop,Delft,+31152561000,"a,b"\nC2,=Hall,,,\n')
    shell.run("import", str(file), "--tenant", "shop")
    shell.run("export", "--tenant", "shop", "--out", str(out))
    with zipfile.ZipFile(out) as archive:
        archive.extractall(shell.folder / "out")
    before = shell.one("SELECT revision FROM revision_counter")

    said = shell.run("import", str(shell.folder / "out"), "--tenant", "shop")

    assert shell.one(f"SELECT count(*) FROM account WHERE revision > {before}") == 0
    assert shell.one(f"SELECT count(*) FROM outlet WHERE revision > {before}") == 0
    assert " ".join(said.split()).count("account.csv 2 0 0 2 0 0 0") == 1
    assert "is there already" in shell.run("export", "--tenant", "shop", "--out", str(out), status=2)


def test_mistakes_of_whoever_types_are_said_in_one_line(shell: Shell) -> None:
    """A traceback helps nobody who has a file to import."""
    path = shell.folder / "strange.csv"
    path.write_text("what,is,this\n1,2,3\n")

    assert "one of: legal_entity, user" in shell.run("import", str(path), "--tenant", "shop", status=1)
    assert "There is no tenant “nobody”" in shell.run("import", str(path), "--tenant", "nobody", status=1)
    assert "Say into which tenant" in shell.run("import", str(path), status=2)
    assert "has no column “x”" in shell.run(
        "import", str(path), "--tenant", "shop", "--as", "account", "--map", "x=name", status=1
    )
    assert "Name a file or folder" in shell.run("import", status=2)


def test_the_status_says_whether_every_line_was_taken(shell: Shell) -> None:
    """A cron job mails what failed; the report has every line."""
    path, report = shell.folder / "customers.csv", shell.folder / "report.csv"
    path.write_text("id,name\nC1,Shop\nC2,\n")

    said = shell.run("import", str(path), "--tenant", "shop", "--report", str(report), status=1)

    assert "customers.csv, line 3, name: failed, it is empty" in said
    assert report.read_text().splitlines()[2].startswith("customers.csv,3,failed,,name,")


def test_help_names_every_field_of_every_target(shell: Shell) -> None:
    """`--help` says it all: formats, fields, examples."""
    said = " ".join(shell.run("import", "--help").split())

    for target in TARGETS.values():
        for column in target.columns:
            assert f"{column.name}{'*' if column.required else ''}" in said


def cents_of_all_lines() -> int:
    """What the orders are worth, each line rounded to cents."""
    with (NORTHWIND / "order_details.csv").open(newline="") as file:
        return sum(
            int(
                (Decimal(r["UnitPrice"]) * Decimal(r["Quantity"]) * (1 - Decimal(r["Discount"])) * 100).quantize(
                    1, ROUND_HALF_UP
                )
            )
            for r in csv.DictReader(file)
        )


@pytest.mark.skipif(not NORTHWIND.is_dir(), reason=f"there is no {NORTHWIND}")
def test_northwind_is_imported_whole_found_again_and_taken_back(shell: Shell) -> None:
    """A real company: every row of its files is there, and the second time none is new."""
    dry = shell.run("import", str(NORTHWIND), "--tenant", "shop", "--dry-run")
    nothing = shell.one("SELECT count(*) FROM account") + shell.one("SELECT count(*) FROM import_run")

    shell.run("import", str(NORTHWIND), "--tenant", "shop")

    counted = {
        "account": 125, "outlet": 122, "product": 77, '"order"': 830, "order_line": 2155, "territory": 57,
        "agreement": 93,
    }  # fmt: skip
    assert nothing == 0
    assert "2,155" in dry
    assert {table: shell.one(f"SELECT count(*) FROM {table}") for table in counted} == counted
    assert shell.one("SELECT count(*) FROM assignment") == 89
    assert shell.one('SELECT sum(total_minor) FROM "order"') == cents_of_all_lines()
    before = shell.one("SELECT revision FROM revision_counter")
    shell.run("import", str(NORTHWIND), "--tenant", "shop")
    assert {table: shell.one(f"SELECT count(*) FROM {table}") for table in counted} == counted
    assert shell.one(f"SELECT count(*) FROM account WHERE revision > {before}") == 0
    assert "taken back: 4," in shell.run("import", "--undo", "1", "--tenant", "shop")
    assert shell.one("SELECT count(*) FROM account WHERE deleted_at IS NULL") == 0
