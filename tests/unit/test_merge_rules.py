"""What a merged row holds, field by field."""

from typing import Any

from outrider_sdk.protocol.entities import ACCOUNT, CONTACT

from server.crm.merge.rules import choosable_fields, merged_values

EMPTY: dict[str, Any] = {**dict.fromkeys(ACCOUNT.columns), "roles": [], "tags": [], "custom": {}}


def merged(winner: dict[str, Any], loser: dict[str, Any], *from_loser: str) -> dict[str, Any]:
    return merged_values(ACCOUNT, EMPTY | winner, EMPTY | loser, frozenset(from_loser))


def test_the_winners_value_stays_and_its_gaps_are_filled():
    """The default loses nothing that the winner has, and nothing that only the loser has."""
    assert merged({"name": "A"}, {"name": "B", "tax_id": "NL1"}) == {"tax_id": "NL1"}


def test_a_chosen_value_is_taken_even_where_it_is_empty():
    """Who chose knew what they saw."""
    assert merged({"name": "A", "legal_name": "L"}, {"name": "B"}, "name", "legal_name") == {
        "name": "B",
        "legal_name": None,
    }


def test_lists_are_united_in_the_winners_order():
    """A tag of either is a tag of both; each once."""
    assert merged({"tags": ["b", "a"]}, {"tags": ["a", "c"]}) == {"tags": ["b", "a", "c"]}


def test_custom_keys_are_united_and_the_winners_value_counts():
    """Key by key, as everywhere."""
    assert merged({"custom": {"x": 1}}, {"custom": {"x": 2, "y": 3}}) == {"custom": {"x": 1, "y": 3}}


def test_equal_rows_change_nothing():
    """No revision for nothing."""
    assert merged({"name": "A", "tags": ["a"]}, {"name": "A", "tags": ["a"]}) == {}


def test_what_a_row_refers_to_is_not_chosen():
    """A contact of one account at an outlet of another would be the end of that."""
    assert choosable_fields(CONTACT) == {"name", "job_title", "language", "description"}
