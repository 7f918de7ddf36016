"""What is taken out of mutations and outcomes when a person is erased, and what stays."""

from server.crm.erasure.redact import ids_of, is_about, redact_mutation, redact_outcome

HER, OTHER = "01920000-0000-7000-8000-0000000000a1", "01920000-0000-7000-8000-0000000000a2"


def test_only_what_is_about_the_person_goes():
    """The rest of a refused mutation is somebody's work, and may be taken up again."""
    about = {"op": "edit", "entity": "contact", "id": HER, "fields": {"name": {"value": "Z", "seen": "Y", "base": 1}}}
    beside = {"op": "create", "entity": "comment", "id": OTHER, "fields": {"row_id": HER, "body": "Z was ill"}}
    other = {"op": "edit", "entity": "account", "id": OTHER, "fields": {"name": {"value": "A", "seen": "B", "base": 1}}}
    mutation = {"number": 3, "digest": "d", "changes": [about, beside, other]}

    redacted = redact_mutation(mutation, {HER})

    assert redacted == {
        "number": 3,
        "digest": "d",
        "changes": [
            {"op": "edit", "entity": "contact", "id": HER, "erased": True},
            {"op": "create", "entity": "comment", "id": OTHER, "erased": True},
            other,
        ],
    }
    assert mutation["changes"] == [about, beside, other]


def test_whatever_a_client_sends_can_be_looked_at():
    """Refused payloads are as malformed as clients make them."""
    for change in (None, 7, [], {}, {"id": []}, {"id": HER, "fields": []}, {"fields": {"a": {"value": {}}, "b": None}}):
        assert is_about(change, {OTHER}) is False
    assert redact_mutation({"changes": "none"}, {HER}) == {"changes": []}
    assert ids_of({"id": HER, "fields": {"x": OTHER, "y": {"value": "z"}}}) == [HER, OTHER, "z"]


def test_an_outcome_loses_the_values_of_her_conflicts_alone():
    """The same push touched other people's rows, whose conflicts somebody still has to look at."""
    conflicts = [{"row_id": HER, "kept": '"Z"', "lost": '"Y"'}, {"row_id": OTHER, "kept": "1", "lost": "2"}]

    redacted = redact_outcome({"status": "merged", "conflicts": conflicts}, {HER})

    assert redacted["conflicts"] == [{"row_id": HER, "kept": None, "lost": None}, conflicts[1]]
