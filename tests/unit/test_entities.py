"""The definitions of entities, as a whole."""

from outrider_sdk.protocol.entities import ENTITIES


def test_no_two_entities_have_one_number():
    """Scope entries name entities by it: two of one number would be pulled as each other."""
    assert len({entity.code for entity in ENTITIES.values()}) == len(ENTITIES)
