"""What an invoice would be: the next renewal, or what a change would cost. Nothing is kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.stripe.blanks import blank, page
from tests.stripe.changes import Change, decide_change, lines_of
from tests.stripe.errors import StripeProblem, Unmodelled
from tests.stripe.invoicing import outline
from tests.stripe.lifecycle import interval_of, items_of, period_lines, period_of
from tests.stripe.lines import Wanted, held, period_line
from tests.stripe.periods import after, period_at
from tests.stripe.routes import route
from tests.stripe.world import Object, World

_DETAILS = {"items", "proration_behavior", "proration_date", "billing_cycle_anchor", "cancel_at_period_end", "cancel_now",
            "trial_end", "billing_mode"}  # fmt: skip


@route(
    "post /v1/invoices/create_preview", "customer subscription subscription_details preview_mode currency automatic_tax"
)
def create_preview(world: World, params: Object) -> Object:
    details = dict(params.get("subscription_details", {}))
    for name in set(details) - _DETAILS:
        raise Unmodelled(f"the parameter subscription_details[{name}] of a preview")
    if "subscription" in params:
        subscription = world.get("subscription", params["subscription"], "subscription", status=400)
        if "customer" in params and params["customer"] != subscription["customer"]:
            raise StripeProblem("The subscription does not belong to the customer.", param="subscription")
        with _nothing_kept(world):
            return _of_change(world, subscription, details, params.get("preview_mode", "next"))
    if "customer" not in params:
        raise StripeProblem("You must pass a customer or a subscription.", code="parameter_missing", param="customer")
    with _nothing_kept(world):
        return _of_new(world, world.live("customer", params["customer"], "customer", status=400), details)


@contextmanager
def _nothing_kept(world: World) -> Iterator[None]:
    counts = dict(world._counts)
    try:
        yield
    finally:
        world._counts.update(counts)


def _of_change(world: World, subscription: Object, details: Object, mode: str) -> Object:
    if subscription["status"] in ("canceled", "incomplete_expired") or details.get("cancel_at_period_end"):
        raise StripeProblem("No upcoming invoices for customer", code="invoice_upcoming_none", status=404)
    change = decide_change(world, subscription, details)
    if change is None or (not change.items and not change.restarts):
        return upcoming_invoice(world, subscription)
    lines = lines_of(world, subscription, change)
    at_once = change.restarts or change.prorate == "always_invoice"
    if mode == "recurring":
        lines = []
    if mode == "recurring" or not at_once:
        lines += _next_period(world, subscription, change)
    for line in lines:
        if line["parent"]["subscription_item_details"]["subscription_item"] == "si_new":
            line["parent"]["subscription_item_details"]["subscription_item"] = items_of(subscription)[0]["id"]
    if mode != "recurring":
        lines = [*(world.held_lines[each["id"]] for each in held(world, subscription)), *lines]
    return _preview(world, subscription, lines, change.at, now=at_once)


def _next_period(world: World, subscription: Object, change: Change) -> list[Object]:
    _, end = period_of(subscription)
    interval, count = interval_of(subscription)
    period = period_at(subscription["billing_cycle_anchor"], interval, count, end)
    kept = [(each, Wanted(each["price"], each["quantity"] or 0)) for each in change.kept]
    changed = [(each.item or {"id": "si_new"}, each.new) for each in change.items if each.new is not None]
    return [period_line(world, subscription, item, wanted, period) for item, wanted in (*kept, *changed)]


def upcoming_invoice(world: World, subscription: Object) -> Object:
    """The next renewal as it stands."""
    if subscription["cancel_at_period_end"] and not held(world, subscription):
        raise StripeProblem("No upcoming invoices for customer", code="invoice_upcoming_none", status=404)
    _, end = period_of(subscription)
    interval, count = interval_of(subscription)
    lines = [world.held_lines[each["id"]] for each in held(world, subscription)]
    lines += period_lines(world, subscription, period_at(subscription["billing_cycle_anchor"], interval, count, end))
    return _preview(world, subscription, lines, None, now=False)


def _preview(
    world: World, subscription: Object, lines: list[Object], proration_date: int | None, *, now: bool
) -> Object:
    customer = world.objects[subscription["customer"]]
    start, end = period_of(subscription)
    at = world.now(subscription) if now else end
    values: dict[str, Any] = {
        "id": f"upcoming_in_{world.token}{subscription['id'][-6:]}", "created": at, "livemode": False,
        "billing_reason": "subscription_update" if now else "upcoming", "period_start": start, "period_end": at,
        "next_payment_attempt": at + world.settings.draft_seconds,
    }  # fmt: skip
    invoice = blank("invoice", **outline(world, customer, subscription, lines, **values))
    _show_due(invoice, customer)
    if invoice["parent"]:
        invoice["parent"]["subscription_details"]["subscription_proration_date"] = proration_date
    invoice["lines"] = page(f"/v1/invoices/{invoice['id']}/lines", lines)
    invoice["test_clock"] = subscription["test_clock"]
    return invoice


def _show_due(invoice: Object, customer: Object) -> None:
    due = max(invoice["total"] + customer["balance"], 0)
    invoice |= {
        "amount_due": due,
        "amount_remaining": due,
        "ending_balance": min(invoice["total"] + customer["balance"], 0),
    }


def _of_new(world: World, customer: Object, details: Object) -> Object:
    """The first invoice of a subscription that is not there yet."""
    from tests.stripe.subscriptions import price_of

    if not details.get("items"):
        raise StripeProblem("No upcoming invoices for customer", code="invoice_upcoming_none", status=404)
    now = world.now(customer)
    wanted = [
        Wanted(price_of(world, each["price"], f"subscription_details[items][{i}][price]"), each.get("quantity", 1))
        for i, each in enumerate(details["items"])
    ]
    lines = []
    for each in wanted:
        recurring = each.price["recurring"]
        period = (now, after(now, recurring["interval"], recurring["interval_count"], 1))
        line = period_line(world, {"id": "sub_new", "metadata": {}}, {"id": "si_new"}, each, period)
        line["subscription"] = None
        line["parent"]["subscription_item_details"]["subscription"] = None
        lines.append(line)
    values = {"id": f"upcoming_in_{world.token}{customer['id'][-6:]}", "created": now, "livemode": False,
              "billing_reason": "upcoming", "period_start": now, "period_end": now}  # fmt: skip
    invoice = blank("invoice", **outline(world, customer, None, lines, **values))
    _show_due(invoice, customer)
    invoice["lines"] = page(f"/v1/invoices/{invoice['id']}/lines", lines)
    return invoice
