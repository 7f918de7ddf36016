"""Whose work counts as captured past a lease: the server's clock has the last word."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from server.auth.lease_claims import claims_of
from server.auth.lease_rules import Lapse, is_past_lease
from server.billing.access import Subscription
from server.billing.entitle import plan_steps
from server.billing.plans import get_plan
from server.tenants.entitlements import Entitlement

LAPSE = Lapse(1_000, 2_000)


@pytest.mark.parametrize(
    ("flagged", "captured_at", "lapse", "expected"),
    [
        (False, 1_500, LAPSE, True),  # it did not say so, or its clock was set back: the server knows
        (True, 500, LAPSE, True),  # its clock may be wrong; there was such a time
        (False, 999, LAPSE, False),
        (False, 2_000, LAPSE, False),
        (True, 1_500, None, False),  # a clock years ahead: the lease was good all the time
        (False, 1_500, None, False),
    ],
)
def test_a_capture_is_past_the_lease_if_there_was_such_a_time(flagged, captured_at, lapse, expected):
    """Nobody's order is held for a clock alone."""
    assert is_past_lease(flagged, captured_at, lapse) is expected


NOW = datetime(2026, 3, 1, tzinfo=UTC)
UNTIL = NOW + timedelta(days=30)


def steps(trial_ends_at: datetime = NOW, **subscription: Any) -> tuple[Entitlement, ...]:
    return plan_steps(trial_ends_at, Subscription(get_plan("team"), 5, **subscription), NOW)


def test_a_lease_of_a_tenant_that_nobody_bills_ends_with_contact():
    """An installation of one's own."""
    assert claims_of(UNTIL, NOW, ()) == {"iat": at(0), "exp": at(30), "state": "active"}


def test_a_lease_carries_the_plan_and_what_a_device_needs_of_its_limits():
    """So that an app offline knows how often to sync, and what to show."""
    claims = claims_of(UNTIL, NOW, steps())

    assert claims == {
        "iat": at(0), "exp": at(30), "state": "active", "plan": "team", "plan_version": 1,
        "limits": {"sync_interval_s": 60},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("unpaid_days", "state", "ends_after_days"), [(1, "past_due", 13), (8, "grace", 6), (20, "restricted", 0)]
)
def test_a_lease_ends_when_the_plan_is_to_run_out(unpaid_days: int, state: str, ends_after_days: int):
    """A device that goes offline on day 8 knows by itself what day 14 brings; its contact is another matter."""
    claims = claims_of(UNTIL, NOW, steps(unpaid_since=NOW - timedelta(days=unpaid_days)))

    assert (claims["state"], claims["exp"], claims["contact_exp"]) == (state, at(ends_after_days), at(30))


def test_a_plan_that_runs_out_after_the_contact_does_not_matter():
    """The device has to come back before."""
    claims = claims_of(UNTIL, NOW, steps(ended_at=NOW + timedelta(days=90)))

    assert claims["exp"] == at(30)
    assert "contact_exp" not in claims


def at(days: int) -> int:
    return int((NOW + timedelta(days=days)).timestamp())
