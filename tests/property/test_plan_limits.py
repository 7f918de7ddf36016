"""Limits: laws over all entitlements, uses and roles."""

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.auth import limits
from server.auth.roles import ROLES
from server.errors import AppError
from server.tenants.entitlements import UNMETERED, Entitlement
from server.tenants.seats import Seats

maxima = st.none() | st.integers(0, 1_000)
entitlements = st.builds(
    replace,
    st.just(UNMETERED),
    plan=st.sampled_from(["free", "team"]),
    seats_max=maxima,
    devices_per_seat_max=maxima,
    records_max=maxima,
    storage_max_bytes=maxima,
    may_grow=st.booleans(),
)
roles = st.sampled_from(ROLES)
people = st.integers(0, 30).map(lambda n: UUID(int=n))
seats = st.builds(
    lambda ids, taken: Seats(tuple(i for i in ids if i not in taken), frozenset(taken)),
    st.lists(people, unique=True),
    st.sets(people, max_size=5),
)


def refusals(entitlement: Entitlement, used: int, adding: int, role: str) -> list[AppError]:
    found = []
    for check in (
        lambda: limits.require_room_for_seat(entitlement, used, role),
        lambda: limits.require_room_for_device(entitlement, used, role),
        lambda: limits.require_room_for_records(entitlement, used, adding, role),
        lambda: limits.require_room_for_storage(entitlement, used, adding, role),
    ):
        try:
            check()
        except AppError as error:
            found.append(error)
    return found


@given(entitlement=entitlements, used=st.integers(0, 2_000), adding=st.integers(1, 50), role=roles)
def test_a_refusal_is_true_and_names_the_way_out(entitlement: Entitlement, used: int, adding: int, role: str):
    """Nobody is refused below a limit; who is, reads which limit it is, and what they can do about it."""
    for error in refusals(entitlement, used, adding, role):
        assert error.status == 402
        assert error.extra["way_out"] in error.message
        assert ("Ask your administrator" in error.message) == (role not in limits.BUYERS)
        if error.code == "limit_reached":
            assert error.extra["used"] + adding > error.extra["maximum"]
        else:
            assert not entitlement.may_grow


@given(entitlement=entitlements, used=st.integers(0, 2_000), more=st.integers(0, 100), role=roles)
def test_who_uses_less_is_refused_no_more(entitlement: Entitlement, used: int, more: int, role: str):
    """A limit is a line, not a lottery: deleting something never closes a door."""
    assert len(refusals(entitlement, used, 1, role)) <= len(refusals(entitlement, used + more, 1, role))


@given(used=st.integers(0, 10**9), adding=st.integers(1, 10**9), role=roles)
def test_a_tenant_that_nobody_bills_is_refused_nothing(used: int, adding: int, role: str):
    """An operator's own company has no plan."""
    assert refusals(UNMETERED, used, adding, role) == []
    limits.require_writing(UNMETERED, role)
    for feature in ("custom_fields", "api_access", "automation"):
        limits.require_feature(UNMETERED, feature, role)


@given(seats=seats, maximum=st.integers(0, 40))
def test_no_more_people_work_than_there_are_seats(seats: Seats, maximum: int):
    """Of those who have a row; and where there are enough seats, all of these work but those whose seat was taken."""
    seated = [member for member in (*seats.holders, *seats.withdrawn) if seats.seats(member, maximum)]

    assert len(seated) == min(maximum, len(seats.holders))
    assert seated == list(seats.holders[:maximum])


@given(seats=seats, maximum=st.integers(0, 40), newcomer=people)
def test_another_seat_takes_nobody_s(seats: Seats, maximum: int, newcomer: UUID):
    """Buying more never makes somebody read-only."""
    assert seats.seats(newcomer, maximum) <= seats.seats(newcomer, maximum + 1) <= seats.seats(newcomer, None)


def test_each_refusal_has_a_code_of_its_own():
    """Programs tell them apart."""
    codes = {error.code for error in (limits.Restricted, limits.SeatMissing, limits.GrowthPaused, limits.NotInPlan)}
    assert len(codes) == 4
    with pytest.raises(limits.NotInPlan, match="no webhooks"):
        limits.require_feature(replace(UNMETERED, features=(), plan="team"), "automation", "owner")
