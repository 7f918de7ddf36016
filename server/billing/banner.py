"""What the people of a tenant are told about its billing, beside everything else. Pure."""

from datetime import datetime, timedelta
from typing import Final

from server.billing.judge import Mirrored
from server.tenants.entitlements import Entitlement

TRIAL_TOLD: Final = timedelta(days=5)
"""So long before its end a trial is spoken of."""


def write_banner(held: Entitlement, present: Mirrored | None, now: datetime) -> str | None:
    """One sentence or two; None: there is nothing to say.

    Args:
        held: what the tenant may do now.
        present: its subscription.
        now: the moment.
    """
    ends = f"{held.ends_at:%Y-%m-%d}" if held.ends_at else ""
    match held.state:
        case "trialing" if held.ends_at is not None and held.ends_at - now <= TRIAL_TOLD:
            return f"The trial ends on {ends}. Choose a plan to keep everything; without one you go on with Free."
        case "past_due":
            return f"A payment has failed. Everything works; from {ends} on no people or devices can join."
        case "grace":
            return f"A payment is overdue. No people or devices can join; from {ends} on nothing can be changed here."
        case "restricted" if present is not None and present.dispute_lost:
            return "A payment was taken back by the bank, so nothing can be changed here. Pay to go on; devices work."
        case "restricted":
            return "A payment is long overdue, so nothing can be changed here. Pay to go on; work on devices is kept."
        case "cancelled":
            return "The subscription has ended, so nothing can be changed here. Export your data, or choose a plan."
        case "active" if present is not None and present.is_live and present.cancel_at is not None:
            return f"The subscription ends on {present.cancel_at:%Y-%m-%d}. Resume it to go on."
    return None
