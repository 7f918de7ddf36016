"""An outcome that is told again says what its person may read today."""

import json

from server.auth.access import access_of
from server.sync.conflicts import as_read_by

HIDES = access_of("lead", "rep", "{}", json.dumps({"contact": {"job_title": "hidden", "custom": "hidden"}}))


def merged(field, *, yours):
    conflict = {"id": "c", "entity": "contact", "row_id": "r", "field": field, "kept": '"A"', "lost": '"B"'}
    return {"number": 1, "status": "merged", "conflicts": [conflict | {"yours": yours}]}


def test_s6_the_others_value_of_a_field_that_is_hidden_by_now_is_left_out():
    """The reply was lost, the role changed, the push came again: what the field holds is no longer theirs to know."""
    kept = as_read_by(HIDES, merged("job_title", yours="kept"))["conflicts"][0]
    lost = as_read_by(HIDES, merged("custom.colour", yours="lost"))["conflicts"][0]

    assert (kept["kept"], kept["lost"]) == ('"A"', None)
    assert (lost["kept"], lost["lost"]) == (None, '"B"')


def test_s6_a_refusal_no_longer_quotes_a_field_that_is_hidden_by_now():
    """Explanations quote what stands there."""
    outcome = {
        "number": 1,
        "status": "refused",
        "code": "conflict_stale",
        "field": "job_title",
        "explanation": "“Boss”",
    }

    assert "Boss" not in as_read_by(HIDES, outcome)["explanation"]


def test_what_is_still_readable_is_told_as_it_was():
    """An exact repetition gets the exact outcome."""
    outcome = merged("name", yours="lost")

    assert as_read_by(HIDES, outcome) == outcome
