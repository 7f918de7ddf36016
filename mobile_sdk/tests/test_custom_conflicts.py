"""Conflicts about custom fields and duplicates can be looked at and settled like any other."""

import json

from sdk_fakes import fixed_id


def _conflict(server, crm, account, **fields):
    me = crm._store.meta("member_id")
    base = {"entity": "account", "row_id": account, "rule": "latest", "status": "open", "explanation": "Two values."}
    return server.put("conflict", **(base | {"lost_by": me, "id": fixed_id(900), "kept": None, "lost": None} | fields))


def test_a_custom_value_that_was_not_kept_can_be_taken(server, crm):
    """Its choices name both values; taking one shows it at once, beside the other keys."""
    account = server.put("account", name="A", custom=json.dumps({"route": "north", "size": 3}))
    conflict = _conflict(server, crm, account, field="custom.route", kept='"north"', lost='"south"')
    crm.sync()

    (item,) = crm.attention()
    crm.conflicts.settle(conflict, "take")

    assert [choice["label"] for choice in item.choices] == ["Keep “north”", "Take “south”"]
    assert crm.accounts.get(account).custom == {"route": "south", "size": 3}


def test_a_duplicate_offers_to_keep_both(server, crm):
    """Nothing is taken from another record by a slip."""
    account = server.put("account", name="A")
    _conflict(server, crm, account, field="tax_id", rule="duplicate", lost='"NL1"')
    crm.sync()

    (item,) = crm.attention()

    assert [choice["code"] for choice in item.choices] == ["keep"]
