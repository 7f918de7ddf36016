"""What an API key says of itself, what its scopes permit, and how its requests are counted."""

from itertools import product
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from outrider_sdk.protocol.entities import ENTITIES

from server.auth.access import BUILT_IN, FIXED, Reach, access_of
from server.auth.api_key_text import PREFIX_LENGTH, new_api_key, read_api_key
from server.auth.rate_limit import WINDOW_S, RateCounter
from server.auth.scopes import OF_PEOPLE, SCOPES, find_unknown, permits, restrict

TENANT = UUID(int=7)


@given(st.uuids())
def test_a_key_tells_its_tenant_and_the_prefix_by_which_people_know_it(tenant_id: UUID):
    """The tenant is found without asking every tenant."""
    text = new_api_key(tenant_id)
    read = read_api_key(text)

    assert read is not None
    assert (read.tenant_id, read.prefix) == (tenant_id, text[:PREFIX_LENGTH])
    assert text.startswith("ork_")
    assert text.removeprefix("ork_").isalnum()


@given(st.integers(0, 71), st.sampled_from("0Aaz_ -é"))
def test_a_slip_of_the_pen_is_found_without_the_database(place: int, character: str):
    """The checksum covers every character."""
    text = new_api_key(TENANT)
    changed = text[:place] + character + text[place + 1 :]

    assert len(text) == 72
    assert (read_api_key(changed) is None) == (changed != text)


@pytest.mark.parametrize("text", ["", "ork_", "ork_" + "z" * 68, "ghp_" + "0" * 68, "x" * 10_000])
def test_what_is_no_key_reads_as_none(text: str):
    """A mistyped key is found without a query, and is no fault of the server's."""
    assert read_api_key(text) is None


def test_every_scope_permits_what_it_says_and_nothing_else():
    """By enumeration: who may write an entity may read it, and no scope reaches another entity."""
    for scope, entity, action in product(SCOPES, ENTITIES, ("read", "write")):
        name, _, granted = scope.partition(":")
        expected = name in ("*", entity) and granted in (action, "write")
        if action == "write" and entity in OF_PEOPLE:
            expected = False
        assert permits(frozenset({scope}), entity, action) == expected, (scope, entity, action)  # type: ignore[arg-type]


@given(st.sampled_from(sorted(BUILT_IN)), st.frozensets(st.sampled_from(SCOPES), max_size=6))
def test_a_keys_rights_are_those_of_its_member_less_what_no_scope_permits(role: str, scopes: frozenset[str]):
    """Nothing is ever added, whichever role and scopes are put together."""
    whole = access_of(role)
    restricted = restrict(whole, scopes)

    for entity, right in whole.rights.items():
        left = restricted.right(entity)
        assert left.read == (right.read if permits(scopes, entity, "read") else Reach.NONE)
        for action in ("create", "edit", "delete"):
            assert left.of(action) == (right.of(action) if permits(scopes, entity, "write") else Reach.NONE)
        assert left.manages <= right.manages
        assert not left.read or (left.hidden, left.read_only) == (right.hidden, right.read_only)


def test_no_key_decides_who_may_do_what():
    """Or a leaked one could make somebody an admin."""
    assert find_unknown(["account:read", "account:delete", "shop:read", "*:write"]) == ["account:delete", "shop:read"]
    assert find_unknown(["member:read", "member:write", "role:write"]) == ["member:write", "role:write"]
    restricted = restrict(access_of("admin"), frozenset({"*:write"}))
    assert restricted.right("role").of("edit") is Reach.NONE
    assert restricted.right("account").of("edit") is Reach.ALL
    assert restricted.role not in FIXED


def test_requests_are_counted_by_key_and_window():
    """One that is too many is told when to come back; another key does not feel it."""
    counter, key, other = RateCounter(), UUID(int=1), UUID(int=2)

    taken = [counter.take(key, 2, at=at) for at in (0.0, 1.0, 2.0)]
    assert [(a.remaining, a.reset_s) for a in taken] == [(1, 60), (0, 59), (-1, 58)]
    assert counter.take(other, 2, at=2.0).remaining == 1
    assert counter.take(key, 2, at=float(WINDOW_S)).remaining == 1
    assert taken[2].headers()["RateLimit-Remaining"] == "0"
