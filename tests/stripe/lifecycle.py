"""What becomes of a subscription: paid, failed, renewed, past due, paused, ended."""

from typing import Any

from tests.stripe.blanks import part
from tests.stripe.cards import usable
from tests.stripe.invoicing import (
    attempt,
    draft,
    finalize,
    mark_uncollectible,
    on_failed,
    on_paid,
    subscription_of,
    void,
)  # fmt: skip
from tests.stripe.lines import Wanted, held, period_line, usage_line
from tests.stripe.periods import period_at
from tests.stripe.world import DAY, Object, World

ENDED = ("canceled", "incomplete_expired")
TRIAL_WARNING_SECONDS = 3 * DAY
INCOMPLETE_SECONDS = 23 * 3600


def items_of(subscription: Object) -> list[Object]:
    """The items of a subscription."""
    found: list[Object] = subscription["items"]["data"]
    return found


def interval_of(subscription: Object) -> tuple[str, int]:
    """How long a period of the subscription is."""
    recurring = items_of(subscription)[0]["price"]["recurring"]
    return recurring["interval"], recurring["interval_count"]


def period_of(subscription: Object) -> tuple[int, int]:
    """The present period."""
    item = items_of(subscription)[0]
    return item["current_period_start"], item["current_period_end"]


def set_period(world: World, subscription: Object, start: int, end: int) -> None:
    """Enter a period, and have what comes at its end planned."""
    for item in items_of(subscription):
        item |= {"current_period_start": start, "current_period_end": end}
    world.due(end, "renew", subscription)
    days = world.settings.upcoming_days
    if subscription["status"] != "trialing" and end - days * DAY > world.now(subscription):
        world.due(end - days * DAY, "upcoming", subscription)


def start_trial(world: World, subscription: Object, end: int) -> None:
    """Until `end`, everything is free."""
    now = world.now(subscription)
    subscription |= {"status": "trialing", "trial_start": subscription["trial_start"] or now, "trial_end": end,
                     "billing_cycle_anchor": end}  # fmt: skip
    set_period(world, subscription, now, end)
    world.due(max(end - TRIAL_WARNING_SECONDS, now), "trial_will_end", subscription)


def period_lines(world: World, subscription: Object, period: tuple[int, int], *, trial: bool = False) -> list[Object]:
    """A line for each item that is paid in advance."""
    return [
        period_line(world, subscription, item, Wanted(item["price"], item["quantity"]), period, trial=trial)
        for item in items_of(subscription)
        if item["price"]["recurring"]["usage_type"] == "licensed"
    ]


def bill_now(world: World, subscription: Object, lines: list[Object], reason: str, **values: Any) -> Object:
    """Make an invoice at once; what is charged automatically is tried at once, what is sent stays a draft for an hour."""
    customer = world.objects[subscription["customer"]]
    invoice = draft(world, customer, subscription, lines, reason, **values)
    _note_terms(world, subscription, invoice)
    if subscription["collection_method"] == "send_invoice" and invoice["total"] > 0:
        _finalize_later(world, invoice)
        return invoice
    finalize(world, invoice)
    return invoice


def _note_terms(world: World, subscription: Object, invoice: Object) -> None:
    if subscription["days_until_due"] is not None:
        world.days_until_due[invoice["id"]] = subscription["days_until_due"]


def _finalize_later(world: World, invoice: Object) -> None:
    invoice["automatically_finalizes_at"] = world.now(invoice) + world.settings.draft_seconds
    world.due(invoice["automatically_finalizes_at"], "finalize", invoice)


def renew(world: World, subscription: Object) -> None:
    """The period has ended: the next one begins, or nothing does."""
    now = world.now(subscription)
    start, end = period_of(subscription)
    if subscription["status"] in (*ENDED, "paused", "incomplete") or end != now:
        return
    if subscription["cancel_at_period_end"] or (subscription["cancel_at"] or end + 1) <= end:
        end_subscription(world, subscription, reason="cancellation_requested", bill_held=True)
        return
    if subscription["status"] == "trialing" and not _leave_trial(world, subscription):
        return
    interval, count = interval_of(subscription)
    with world.changing(subscription):
        if subscription["status"] == "trialing":
            subscription["status"] = "active"
        used = _usage_lines(world, subscription, (start, end))
        period = period_at(subscription["billing_cycle_anchor"], interval, count, now)
        set_period(world, subscription, *period)
        bill_period(world, subscription, used, period)


def _leave_trial(world: World, subscription: Object) -> bool:
    """Whether a trial that ends is followed by a period to pay."""
    customer = world.objects[subscription["customer"]]
    if subscription["collection_method"] == "send_invoice" or usable(world, subscription, customer):
        return True
    behaviour = ((subscription["trial_settings"] or {}).get("end_behavior") or {}).get("missing_payment_method")
    if behaviour == "cancel":
        end_subscription(world, subscription, reason="payment_failed")
        return False
    if behaviour == "pause":
        pause(world, subscription, "trial_end_without_payment_method")
        return False
    return True


def pause(world: World, subscription: Object, why: str) -> None:
    """Stop: no periods, no invoices, until resumed."""
    with world.changing(subscription):
        subscription["status"] = "paused"
        subscription["status_details"] = {
            "paused": {
                "type": "subscription",
                "transitioned_at": world.now(subscription),
                "subscription": {"type": why},
            }
        }
    world.emit("customer.subscription.paused", subscription)


def bill_period(world: World, subscription: Object, used: list[Object], period: tuple[int, int]) -> None:
    """The invoice of a renewal: a draft for an hour, or what pausing says."""
    lines = [*period_lines(world, subscription, period), *used]
    if not lines and not held(world, subscription):
        return
    customer = world.objects[subscription["customer"]]
    invoice = draft(
        world, customer, subscription, lines, "subscription_cycle", period_start=period[0], period_end=period[0]
    )
    _note_terms(world, subscription, invoice)
    pausing = subscription["pause_collection"]
    if subscription["status"] == "unpaid" or (pausing and pausing["behavior"] == "keep_as_draft"):
        invoice["auto_advance"] = False
    elif pausing:
        finalize(world, invoice)
        void(world, invoice) if pausing["behavior"] == "void" else mark_uncollectible(world, invoice)
    else:
        _finalize_later(world, invoice)


def _usage_lines(world: World, subscription: Object, period: tuple[int, int]) -> list[Object]:
    from tests.stripe.meters import used_in

    return [
        usage_line(world, subscription, item, used_in(world, item["price"], subscription["customer"], period), period)
        for item in items_of(subscription)
        if item["price"]["recurring"]["usage_type"] == "metered"
    ]


def end_subscription(world: World, subscription: Object, *, reason: str, bill_held: bool = False) -> None:
    """Cancel now. Drafts of it are given up as Stripe does: they stay drafts that do not advance."""
    now = world.now(subscription)
    if bill_held and held(world, subscription):
        bill_now(world, subscription, [], "subscription_cycle")
    subscription |= {"status": "canceled", "ended_at": now, "canceled_at": subscription["canceled_at"] or now}
    details = subscription["cancellation_details"] or part("subscription", "cancellation_details")
    subscription["cancellation_details"] = details | {"reason": details["reason"] or reason}
    for invoice in world.select("invoice", customer=subscription["customer"]):
        if invoice["status"] in ("draft", "open") and subscription_of(world, invoice) is subscription:
            invoice |= {"auto_advance": False, "next_payment_attempt": None}
    world.emit("customer.subscription.deleted", subscription)
    _end_schedule(world, subscription)


def _end_schedule(world: World, subscription: Object) -> None:
    schedule = world.objects.get(subscription["schedule"] or "")
    if schedule is not None and schedule["status"] == "active":
        schedule |= {"status": "canceled", "canceled_at": world.now(schedule), "current_phase": None}
        world.emit("subscription_schedule.canceled", schedule)


def _set_status(world: World, subscription: Object, status: str) -> None:
    if subscription["status"] != status and subscription["status"] not in ENDED:
        with world.changing(subscription):
            subscription["status"] = status


def _when_paid(world: World, invoice: Object) -> None:
    subscription = subscription_of(world, invoice)
    customer = world.objects[invoice["customer"]]
    if customer.get("delinquent") and not _owes(world, customer):
        with world.changing(customer):
            customer["delinquent"] = False
    if subscription is None:
        return
    from tests.stripe.changes import apply_pending

    apply_pending(world, subscription, invoice)
    if subscription["latest_invoice"] == invoice["id"] and subscription["status"] in (
        "incomplete",
        "past_due",
        "unpaid",
    ):
        _set_status(world, subscription, "active")


def _owes(world: World, customer: Object) -> bool:
    return any(
        each["status"] == "open" and each["attempt_count"] for each in world.select("invoice", customer=customer["id"])
    )


def _when_failed(world: World, invoice: Object) -> None:
    subscription = subscription_of(world, invoice)
    customer = world.objects[invoice["customer"]]
    with world.changing(customer):
        customer["delinquent"] = True
    if subscription is None or subscription["id"] in world.pending_updates:
        return
    if subscription["status"] in ("active", "trialing"):
        _set_status(world, subscription, "past_due")
    if invoice["next_payment_attempt"] is None and subscription["status"] == "past_due":
        give_up(world, subscription, invoice)


def give_up(world: World, subscription: Object, invoice: Object) -> None:
    """All retries failed: what the account's owner chose for that."""
    outcome = world.settings.after_retries
    if outcome == "canceled":
        end_subscription(world, subscription, reason="payment_failed")
    else:
        _set_status(world, subscription, outcome)


on_paid.append(_when_paid)
on_failed.append(_when_failed)


def happen(world: World, what: str, of: Object) -> None:
    """Something planned is due."""
    _HAPPENINGS[what](world, of)


def _finalize_due(world: World, invoice: Object) -> None:
    if invoice["status"] != "draft" or not invoice["auto_advance"]:
        return
    finalize(world, invoice)
    if invoice["status"] == "open" and invoice["collection_method"] == "charge_automatically":
        attempt(world, invoice)


def _retry_due(world: World, invoice: Object) -> None:
    if invoice["status"] == "open" and invoice["next_payment_attempt"] == world.now(invoice):
        attempt(world, invoice)


def _overdue(world: World, invoice: Object) -> None:
    if invoice["status"] != "open" or invoice["due_date"] != world.now(invoice):
        return
    world.emit("invoice.overdue", invoice)
    subscription = subscription_of(world, invoice)
    if subscription is not None and subscription["status"] == "active":
        _set_status(world, subscription, "past_due")


def _cancel_due(world: World, subscription: Object) -> None:
    if subscription["status"] not in ENDED and subscription["cancel_at"] == world.now(subscription):
        end_subscription(world, subscription, reason="cancellation_requested", bill_held=True)


def _trial_warning(world: World, subscription: Object) -> None:
    if (
        subscription["status"] == "trialing"
        and subscription["trial_end"] == world.now(subscription) + TRIAL_WARNING_SECONDS
    ):
        world.emit("customer.subscription.trial_will_end", subscription)


def _expire_incomplete(world: World, subscription: Object) -> None:
    if subscription["status"] != "incomplete":
        return
    with world.changing(subscription):
        subscription |= {"status": "incomplete_expired", "ended_at": world.now(subscription)}
    invoice = world.objects[subscription["latest_invoice"]]
    if invoice["status"] == "open":
        void(world, invoice)


def _upcoming(world: World, subscription: Object) -> None:
    _, end = period_of(subscription)
    days = world.settings.upcoming_days
    if subscription["status"] == "active" and end == world.now(subscription) + days * DAY:
        from tests.stripe.previews import upcoming_invoice

        if not subscription["cancel_at_period_end"]:
            world.emit("invoice.upcoming", upcoming_invoice(world, subscription))


def _resume_collection(world: World, subscription: Object) -> None:
    pausing = subscription["pause_collection"]
    if pausing and pausing["resumes_at"] == world.now(subscription):
        with world.changing(subscription):
            subscription["pause_collection"] = None


def _expire_checkout(world: World, session: Object) -> None:
    from tests.stripe.checkout import expire

    if session["status"] == "open" and session["expires_at"] <= world.now(session):
        expire(world, session)


def _expire_pending(world: World, subscription: Object) -> None:
    from tests.stripe.changes import drop_pending

    pending = subscription["pending_update"]
    if pending and pending["expires_at"] == world.now(subscription):
        drop_pending(world, subscription)


def _next_phase(world: World, schedule: Object) -> None:
    from tests.stripe.schedules import enter_due_phase

    enter_due_phase(world, schedule)


_HAPPENINGS = {
    "renew": renew, "finalize": _finalize_due, "retry": _retry_due, "overdue": _overdue, "cancel": _cancel_due,
    "trial_will_end": _trial_warning, "incomplete_expired": _expire_incomplete, "upcoming": _upcoming,
    "resume_collection": _resume_collection, "checkout_expires": _expire_checkout, "pending_expires": _expire_pending,
    "phase": _next_phase,
}  # fmt: skip
