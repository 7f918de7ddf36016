"""The replica from a terminal: what a person types, reads, and gets told when it was wrong."""

import json

import pytest
from outrider_sdk import FileCredentials
from outrider_sdk.cli import main
from sdk_fakes import credentials, stock_shop


@pytest.fixture
def run(tmp_path, capsys):
    def run_one(*arguments):
        code = main(["--file", str(tmp_path / "crm.db"), *arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run_one


@pytest.fixture
def enrolled(run, tmp_path, server, http):
    ids = stock_shop(server)
    FileCredentials.beside(tmp_path / "crm.db").save(credentials(http.url))
    assert run("sync")[0] == 0
    return ids


def test_a_device_is_enrolled_and_synced_from_the_terminal(run, server, http):
    """The first two lines of every guide."""
    stock_shop(server)

    enrolled = run("enrol", "--server", http.url, "--tenant", "acme", "--code", "GOOD")
    synced = run("sync")

    assert enrolled[:2] == (
        0,
        "Enrolled as device 0190a000-0000-7000-8000-00000000000d; orders are numbered W7-00001 on.\n",
    )
    assert "pulled 14 rows" in synced[1]
    assert "pulled: 14" in synced[2]


def test_rows_are_listed_for_people_and_for_programs(run, enrolled):
    """A table by default, JSON on request."""
    table = run("list", "product", "--where", "sku=TEA")[1]
    listed = json.loads(run("list", "product", "--json", "--limit", "1")[1])

    assert table.splitlines()[0].split() == ["id", "sku", "name", "base_unit", "category_id"]
    assert "TEA" in table
    assert "JAM" not in table
    assert len(listed) == 1
    assert json.loads(run("show", "outlet", enrolled["outlet"], "--json")[1])["address"] == {"city": "Ulm"}
    assert "Wilma's" in run("show", "outlet", enrolled["outlet"])[1]


def test_rows_are_edited_and_created(run, enrolled):
    """Values are read by the field's kind: JSON, booleans, and nothing for empty."""
    assert run("edit", "account", enrolled["account"], 'tags=["vip"]', "legal_name=")[0] == 0
    code, printed, _ = run("create", "contact_channel", f"contact_id={enrolled['contact']}", "channel_kind=phone",
                           "value=+49 30 1", "preferred=true")  # fmt: skip

    assert (code, "preferred" in printed) == (0, True)
    assert json.loads(run("show", "account", enrolled["account"], "--json")[1])["tags"] == ["vip"]


def test_an_order_is_one_line(run, enrolled, server):
    """Outlet by name, products by SKU, quantity and discount; then it is handed in, and called off by its number."""
    code, printed, _ = run(
        "order", "Wilma's", "--line", "TEA:4", "--line", "TEA:100:0.05", "--note", "rush", "--submit"
    )

    assert code == 0
    assert printed.startswith("W7-00001  submitted  200.00 EUR")
    run("sync")
    assert run("cancel", "W7-00001")[1].startswith("W7-00001  cancelled")


def test_a_failed_order_leaves_nothing(run, enrolled):
    """Whole or not at all, also from the terminal."""
    code, _, error = run("order", "Wilma's", "--line", "TEA:4", "--line", "GUM:1")

    assert (code, error) == (1, "outrider-replica: There is no product GUM on this device.\n")
    assert json.loads(run("list", "order", "--json")[1]) == []


def test_what_waits_is_listed_and_resolved(run, enrolled, server):
    """A refusal with its reason, and what can be done."""
    server.refusing[1] = "value_invalid"
    run("edit", "contact", enrolled["contact"], "name=Freda")

    assert "1 need attention" in run("sync")[1]
    listed = run("attention")[1]
    assert "1  Change of contact Fred was refused" in listed
    assert "discard: Discard" in listed
    assert json.loads(run("attention", "--json")[1])[0]["code"] == "value_invalid"
    assert run("resolve", "1", "praise")[0] == 1
    assert run("resolve", "1", "discard")[0] == 0
    assert run("attention")[1] == "Nothing needs attention.\n"


def test_status_is_told_without_contact(run, enrolled, http):
    """How much is pending, and since when."""
    run("edit", "contact", enrolled["contact"], "name=Freda")

    status = json.loads(run("status", "--json")[1])

    assert status["pending"] == 1
    assert "pending" in run("status")[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("show", "contact", "nobody"), "is not a UUID"),
        (("list", "unicorn"), "no such entity"),
        (("list", "contact", "--where", "shoe"), "FIELD=VALUE"),
        (("edit", "contact", "ID", "name="), "required"),
        (("resolve", "7", "discard"), "nothing under number 7"),
        (("cancel", "W7-99999"), "no order W7-99999"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_1(run, enrolled, arguments, message):
    """No person should read a stack trace."""
    code, printed, error = run(*(enrolled["contact"] if word == "ID" else word for word in arguments))

    assert (code, printed) == (1, "")
    assert message in error
    assert error.count("\n") == 1


def test_a_wrong_command_is_exit_code_2(run):
    """As everywhere."""
    with pytest.raises(SystemExit, match="2"):
        run("fly")


def test_a_device_that_is_not_enrolled_is_told_what_to_do(run):
    """The first thing that goes wrong for everybody."""
    code, _, error = run("sync")

    assert code == 1
    assert "enrol" in error.lower()
