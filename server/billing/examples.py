"""Examples of what the routes of billing take and give, for the OpenAPI document."""

from typing import Any, Final

_AT: Final = "2026-11-25T12:00:00Z"
_EXCESS: Final = {"limit": "records", "used": 120_000, "maximum": 100_000}
_SCHEDULED: Final = {"plan": "team", "interval": "month", "seats": 4, "at": _AT}
_SUBSCRIPTION: Final = {
    "plan": "team", "plan_version": 1, "interval": "month", "currency": "EUR", "seats": 5, "period_end": _AT,
    "cancel_at": None, "ended_at": None, "unpaid_since": None, "scheduled": _SCHEDULED,
}  # fmt: skip
_STEP: Final = {
    "state": "active", "plan": "team", "seats_max": 5, "may_write": True, "may_grow": True, "starts_at": None,
    "ends_at": None,
}  # fmt: skip
_LINE: Final = {"text": "Unused time on 5 × Outrider Team", "amount_minor": -4_750}
_COST: Final = {
    "at": _AT, "currency": "EUR", "subtotal_minor": 5_000, "tax_minor": 0, "due_minor": 5_000,
    "lines": [_LINE, {"text": "Remaining time on 5 × Outrider Business", "amount_minor": 9_750}],
}  # fmt: skip
_LIMITS: Final = {
    "seats": 25, "devices_per_seat": 2, "records": 100_000, "storage_bytes": 20_000_000_000, "sync_interval_s": 60,
    "features": ["custom_fields"],
}  # fmt: skip
_PRICE: Final = {"interval": "month", "currency": "EUR", "amount_minor": 1_900}
_METRIC: Final = {
    "metric": "orders", "maximum": None, "today": 31, "since_payment": 388,
    "months": [{"period": "2026-11", "used": 412}], "years": [{"period": "2026", "used": 4_051}],
}  # fmt: skip
_SEAT: Final = {
    "member_id": "01938a5e-0000-7000-8000-000000000001", "name": "Ann Li", "seated": True, "withdrawn": False,
    "assigned_at": _AT,
}  # fmt: skip

BILLING_EXAMPLES: Final[dict[str, Any]] = {
    "AccessStepView": _STEP,
    "BillingView": {
        "state": "active", "plan": "team", "banner": None, "trial_ends_at": _AT, "seats_bought": 5,
        "seats_assigned": 4, "provider": "stripe", "change_under_way": False, "alert": None, "synced_at": _AT,
        "subscription": _SUBSCRIPTION, "steps": [_STEP],
    },
    "ChangeRequest": {"plan": "business", "at": _AT},
    "CheckoutReply": {
        "url": "https://checkout.stripe.com/c/pay/cs_1", "expires_at": _AT, "free_until": _AT, "exceeds": [],
    },
    "CheckoutRequest": {"plan": "team", "interval": "month", "seats": 5},
    "CostView": _COST,
    "ExcessView": _EXCESS,
    "Interval": "month",
    "PlanLimitsView": _LIMITS,
    "PlanView": {"key": "team", "version": 1, "name": "Team", "limits": _LIMITS, "prices": [_PRICE]},
    "PortalReply": {"url": "https://billing.stripe.com/p/session/1"},
    "PreviewLineView": _LINE,
    "PreviewReply": {
        "mode": "now", "plan": "business", "interval": "month", "seats": 5, "at": None, "cost": _COST,
        "exceeds": [_EXCESS],
    },
    "ScheduledView": _SCHEDULED,
    "MetricView": _METRIC,
    "SeatPlanView": {"maximum": 5, "free": 4, "people": [_SEAT]},
    "SeatPriceView": _PRICE,
    "SeatView": _SEAT,
    "SeatsRequest": {"seats": 7},
    "SubscriptionView": _SUBSCRIPTION,
    "UsagePeriod": {"period": "2026-11", "used": 412},
    "UsageView": {"paid_at": _AT, "metrics": [_METRIC]},
    "WebhookReceipt": {"new": True},
}  # fmt: skip
"""By the schema's name."""
