"""Changes of what is subscribed to: credit for what was, charge for what will be, now or with the next invoice."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.stripe.cards import usable
from tests.stripe.errors import StripeProblem, Unmodelled, card_declined, missing
from tests.stripe.invoicing import attempt, void
from tests.stripe.lifecycle import bill_now, interval_of, items_of, period_lines, period_of, set_period, start_trial
from tests.stripe.lines import Wanted, hold, period_line, proration_lines
from tests.stripe.periods import after
from tests.stripe.world import Object, World

INVOICES_A_MINUTE = 10
INVOICES_A_DAY = 20
PENDING_SECONDS = 23 * 3600


@dataclass
class ItemChange:
    """One item: before and after; no `item` is a new one, no `new` a removed one."""

    item: Object | None
    old: Wanted | None
    new: Wanted | None
    metadata: Any = None


@dataclass
class Change:
    """What an update of a subscription asks."""

    items: list[ItemChange]
    kept: list[Object]
    at: int
    prorate: str
    payment: str
    restarts: bool  # the period begins anew, and is paid at once
    trial_end: int | None  # a trial until then

    def wanted(self) -> list[Wanted]:
        """All that will be subscribed to."""
        kept = [Wanted(each["price"], each["quantity"] or 0) for each in self.kept]
        return kept + [each.new for each in self.items if each.new is not None]


def decide_change(world: World, subscription: Object, params: Object) -> Change | None:
    """What the parameters ask for; None: nothing that costs."""
    now = world.now(subscription)
    anchored = params.get("billing_cycle_anchor", {}).get("type") == "now"
    if "items" not in params and "trial_end" not in params and not anchored:
        return None
    items = [_item_change(world, subscription, each, i) for i, each in enumerate(params.get("items", []))]
    touched = {each.item["id"] for each in items if each.item is not None}
    kept = [each for each in items_of(subscription) if each["id"] not in touched]
    at = params.get("proration_date", now)
    start, end = period_of(subscription)
    if not start <= at <= end:
        raise StripeProblem("proration_date must lie within the current period.", param="proration_date")
    trial_end = params.get("trial_end")
    if isinstance(trial_end, int) and subscription["status"] != "trialing":
        raise Unmodelled("a trial for a subscription that is not in trial")
    change = Change(
        items=items, kept=kept, at=at, prorate=params.get("proration_behavior", "create_prorations"),
        payment=params.get("payment_behavior", "allow_incomplete"), restarts=False,
        trial_end=trial_end if isinstance(trial_end, int) else None,
    )  # fmt: skip
    if not change.wanted():
        raise StripeProblem("A subscription must have at least one item; cancel it instead.", param="items")
    change.restarts = anchored or trial_end == "now" or _restarts(subscription, change)
    return change


def _restarts(subscription: Object, change: Change) -> bool:
    """Another interval, or from free to paid: both begin a period at once."""
    if subscription["status"] == "trialing":
        return False
    before = [Wanted(each["price"], each["quantity"] or 0) for each in items_of(subscription)]
    intervals = {(w.price["recurring"]["interval"], w.price["recurring"]["interval_count"]) for w in change.wanted()}
    if len(intervals) > 1:
        raise Unmodelled("items of different intervals in one subscription")
    was_free = sum(each.amount for each in before) == 0
    return intervals != {interval_of(subscription)} or (was_free and sum(each.amount for each in change.wanted()) > 0)


def _item_change(world: World, subscription: Object, given: Object, index: int) -> ItemChange:
    from tests.stripe.subscriptions import price_of

    item = None
    if "id" in given:
        item = next((each for each in items_of(subscription) if each["id"] == given["id"]), None)
        if item is None:
            raise missing("subscription item", given["id"], f"items[{index}][id]", status=400)
    old = Wanted(item["price"], item["quantity"] or 0) if item is not None else None
    if given.get("deleted"):
        return ItemChange(item, old, None)
    if item is None and "price" not in given:
        raise StripeProblem(f"Missing required param: items[{index}][price].", code="parameter_missing", param="items")
    if item is None and any(each["price"]["id"] == given["price"] for each in items_of(subscription)):
        raise StripeProblem(
            f"An existing Subscription Item is already using the price {given['price']}.", param="items"
        )
    price = item["price"] if item is not None else None
    if "price" in given and (price is None or given["price"] != price["id"]):
        price = price_of(world, given["price"], f"items[{index}][price]")
    assert price is not None
    quantity = given.get("quantity", old.quantity if old is not None else 1)
    if quantity < 0:
        raise StripeProblem("Invalid non-negative integer", param=f"items[{index}][quantity]")
    return ItemChange(item, old, Wanted(price, quantity), given.get("metadata"))


def lines_of(world: World, subscription: Object, change: Change) -> list[Object]:
    """The lines that a change makes now: prorations, and whole periods if it begins one."""
    if subscription["status"] == "trialing" and not change.restarts:
        return []
    lines: list[Object] = []
    period = period_of(subscription)
    changes = change.items
    if change.restarts:  # what stays is credited and charged anew, too
        kept = [ItemChange(each, Wanted(each["price"], each["quantity"] or 0), None) for each in change.kept]
        changes = [ItemChange(each.item, each.old, None) for each in change.items] + kept
    if change.prorate != "none" and subscription["status"] != "trialing":
        for each in changes:
            if (
                each.old is None
                or each.new is None
                or (each.old.price["id"], each.old.quantity) != (each.new.price["id"], each.new.quantity)
            ):
                item_id = each.item["id"] if each.item else "si_new"
                lines += proration_lines(world, subscription, item_id, each.old, each.new, period, change.at)
    if change.restarts:
        now = world.now(subscription)
        for wanted in change.wanted():
            recurring = wanted.price["recurring"]
            whole = (now, after(now, recurring["interval"], recurring["interval_count"], 1))
            lines.append(period_line(world, subscription, {"id": "si_new"}, wanted, whole))
    return lines


def change_items(world: World, subscription: Object, change: Change, assign: Callable[[], None]) -> Object:
    """Carry a change out, and collect what it costs as its payment behaviour says."""
    lines = lines_of(world, subscription, change)
    customer = world.objects[subscription["customer"]]
    total = sum(each["amount"] for each in lines)
    invoiced = bool(lines) and (change.restarts or change.prorate == "always_invoice")
    if invoiced:
        _limit(world, subscription)
    automatic = subscription["collection_method"] == "charge_automatically"
    if invoiced and automatic and change.payment == "error_if_incomplete":
        check_payable(world, customer, subscription, total, refuse=True)
    if (
        invoiced
        and automatic
        and change.payment == "pending_if_incomplete"
        and not pays(world, customer, subscription, total)
    ):
        return _leave_pending(world, subscription, change, lines)
    with world.changing(subscription):
        assign()
        _apply(world, subscription, change)
    _name_items(lines, subscription)
    if not invoiced:
        for line in lines:
            hold(world, subscription, line)
        return subscription
    invoice = bill_now(world, subscription, lines, "subscription_update", **_proration_details(subscription, change))
    if invoice["status"] == "open" and automatic and change.payment != "default_incomplete":
        attempt(world, invoice)
    return subscription


def _proration_details(subscription: Object, change: Change) -> Object:
    details = {"subscription": subscription["id"], "metadata": dict(subscription["metadata"]),
               "subscription_proration_date": change.at}  # fmt: skip
    return {"parent": {"type": "subscription_details", "subscription_details": details, "quote_details": None}}


def _name_items(lines: list[Object], subscription: Object) -> None:
    """Lines of items that did not exist when they were reckoned."""
    by_price = {each["price"]["id"]: each["id"] for each in items_of(subscription)}
    for line in lines:
        details = line["parent"]["subscription_item_details"]
        if details["subscription_item"] == "si_new":
            details["subscription_item"] = by_price[line["pricing"]["price_details"]["price"]]


def _apply(world: World, subscription: Object, change: Change) -> None:
    from tests.stripe.subscriptions import add_item, plan_of

    now = world.now(subscription)
    for each in change.items:
        if each.new is None and each.item is not None:
            items_of(subscription).remove(each.item)
            each.item["deleted"] = True
    for each in change.items:
        if each.new is not None and each.item is not None:
            metered = each.new.price["recurring"]["usage_type"] == "metered"
            each.item |= {"price": each.new.price, "plan": plan_of(each.new.price),
                          "quantity": None if metered else each.new.quantity}  # fmt: skip
            if each.metadata is not None:
                each.item["metadata"] = each.metadata or {}
        elif each.new is not None:
            add_item(world, subscription, each.new, each.metadata)
    if change.trial_end is not None:
        start_trial(world, subscription, change.trial_end)
    if change.restarts:
        if subscription["status"] == "trialing":
            subscription |= {"status": "active", "trial_end": now}
        interval, count = interval_of(subscription)
        subscription["billing_cycle_anchor"] = now
        set_period(world, subscription, now, after(now, interval, count, 1))


def pays(world: World, customer: Object, subscription: Object, total: int) -> bool:
    """Whether a charge of what is due would succeed."""
    if total + customer["balance"] <= 0:
        return True
    method = usable(world, subscription, customer)
    return method is not None and world.declines.get(method["id"]) is None


def check_payable(world: World, customer: Object, subscription: Object, total: int, *, refuse: bool) -> None:
    """Refuse what cannot be charged at all; with `refuse` also what the card would decline."""
    if total + customer["balance"] <= 0:
        return
    method = usable(world, subscription, customer)
    if method is None:
        raise StripeProblem(
            "This customer has no attached payment source or default payment method. Please consider adding a default "
            "payment method. For more information, visit https://stripe.com/docs/billing/subscriptions/payment-methods-setting",
            code="resource_missing",
        )
    decline = world.declines.get(method["id"])
    if refuse and decline is not None:
        raise card_declined(*decline)


def _limit(world: World, subscription: Object) -> None:
    """Stripe makes at most 10 invoices a minute and 20 a day for one subscription."""
    now = world.now(subscription)
    made = world.invoiced_at.setdefault(subscription["id"], [])
    if (
        sum(each > now - 60 for each in made) >= INVOICES_A_MINUTE
        or sum(each > now - 86_400 for each in made) >= INVOICES_A_DAY
    ):
        raise StripeProblem(
            "You have exceeded the number of invoices that can be created for this subscription. Try again later.",
            status=429, code="rate_limit",
        )  # fmt: skip
    made.append(now)


def _leave_pending(world: World, subscription: Object, change: Change, lines: list[Object]) -> Object:
    """The change waits until its invoice is paid; meanwhile all stays as it was."""
    now = world.now(subscription)
    world.pending_updates[subscription["id"]] = {"change": change, "invoice": None}
    for line in lines:
        details = line["parent"]["subscription_item_details"]
        if details["subscription_item"] == "si_new":
            details["subscription_item"] = items_of(subscription)[0]["id"]
    invoice = bill_now(world, subscription, lines, "subscription_update", **_proration_details(subscription, change))
    world.pending_updates[subscription["id"]]["invoice"] = invoice["id"]
    with world.changing(subscription):
        subscription["pending_update"] = {
            "billing_cycle_anchor": None, "cancel_at_period_end": None, "discount": None, "discounts": None,
            "expires_at": now + PENDING_SECONDS, "metadata": None, "trial_end": None, "trial_from_plan": None,
            "subscription_items": _proposed(subscription, change),
        }  # fmt: skip
    world.due(now + PENDING_SECONDS, "pending_expires", subscription)
    attempt(world, invoice)
    return subscription


def _proposed(subscription: Object, change: Change) -> list[Object]:
    from tests.stripe.subscriptions import plan_of

    proposed = [dict(each) for each in change.kept]
    template = items_of(subscription)[0]
    for each in change.items:
        if each.new is not None:
            price = each.new.price
            base = dict(each.item or template)
            proposed.append(base | {"price": price, "plan": plan_of(price), "quantity": each.new.quantity})
    return proposed


def apply_pending(world: World, subscription: Object, invoice: Object) -> None:
    """A pending change whose invoice is paid takes effect."""
    pending = world.pending_updates.get(subscription["id"])
    if pending is None or pending["invoice"] != invoice["id"]:
        return
    del world.pending_updates[subscription["id"]]
    with world.changing(subscription):
        subscription["pending_update"] = None
        _apply(world, subscription, pending["change"])
    world.emit("customer.subscription.pending_update_applied", subscription)


def drop_pending(world: World, subscription: Object) -> None:
    """A pending change that was not paid in time is forgotten, its invoice void."""
    pending = world.pending_updates.pop(subscription["id"], None)
    if pending is None:
        return
    invoice = world.objects[pending["invoice"]]
    if invoice["status"] == "open":
        void(world, invoice)
    with world.changing(subscription):
        subscription["pending_update"] = None
    world.emit("customer.subscription.pending_update_expired", subscription)


def credit_rest(world: World, subscription: Object) -> None:
    """Credit the unused time of everything, to the next invoice."""
    now = world.now(subscription)
    for item in items_of(subscription):
        old = Wanted(item["price"], item["quantity"] or 0)
        for line in proration_lines(world, subscription, item["id"], old, None, period_of(subscription), now):
            hold(world, subscription, line)


__all__ = ["apply_pending", "change_items", "check_payable", "credit_rest", "decide_change", "drop_pending", "lines_of",
           "pays", "period_lines"]  # fmt: skip
