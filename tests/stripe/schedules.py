"""Subscription schedules: what a subscription becomes at which moment, without anyone asking again.

A phase that begins where a period ends needs no proration: the renewal already bills what is in it.
"""

from typing import Any

from tests.stripe.blanks import part
from tests.stripe.changes import change_items, credit_rest, decide_change
from tests.stripe.errors import StripeProblem, Unmodelled
from tests.stripe.lifecycle import ENDED, end_subscription, interval_of, items_of, period_of
from tests.stripe.periods import after
from tests.stripe.routes import LISTING, route
from tests.stripe.subscriptions import create_subscription, plan_of, price_of
from tests.stripe.world import Object, World, listed, merge_metadata

PHASES_MAX = 10
_PHASE = {"items", "start_date", "end_date", "duration", "proration_behavior", "metadata", "description", "trial", "trial_end",
          "collection_method", "default_payment_method", "billing_cycle_anchor", "currency"}  # fmt: skip


@route(
    "post /v1/subscription_schedules",
    "from_subscription customer phases start_date end_behavior metadata default_settings billing_mode",
)
def create_schedule(world: World, params: Object) -> Object:
    if "from_subscription" in params:
        if set(params) - {"from_subscription"}:
            raise StripeProblem(
                "You cannot set other parameters if `from_subscription` is set.", param="from_subscription"
            )
        return _from_subscription(world, params["from_subscription"])
    customer = world.live("customer", params.get("customer", ""), "customer", status=400)
    start = params.get("start_date", "now")
    start = world.now(customer) if start == "now" else start
    phases = _phases(world, params.get("phases", []), start, customer)
    schedule = _add(world, customer, phases, None)
    schedule |= {"metadata": params.get("metadata", {}), "end_behavior": params.get("end_behavior", "release")}
    world.emit("subscription_schedule.created", schedule)
    if start <= world.now(customer):
        enter_due_phase(world, schedule)
    else:
        world.due(start, "phase", schedule)
    return schedule


def _from_subscription(world: World, subscription_id: str) -> Object:
    subscription = world.get("subscription", subscription_id, "from_subscription", status=400)
    if subscription["schedule"]:
        raise StripeProblem(
            f"You cannot migrate a subscription that is already attached to a schedule: {subscription['schedule']}."
        )
    if subscription["status"] in ENDED:
        raise StripeProblem(
            "You cannot create a schedule from a subscription that has ended.", param="from_subscription"
        )
    start, end = period_of(subscription)
    given = {"items": [{"price": each["price"]["id"], "quantity": each["quantity"]} for each in items_of(subscription)]}
    phase = _phase(world, {**given, "end_date": end}, start, 0)
    phase["proration_behavior"] = "create_prorations"
    if subscription["status"] == "trialing":
        phase |= {"trial_end": subscription["trial_end"]}
    customer = world.objects[subscription["customer"]]
    schedule = _add(world, customer, [phase], subscription)
    schedule |= {"status": "active", "current_phase": {"start_date": start, "end_date": end}}
    with world.changing(subscription):
        subscription["schedule"] = schedule["id"]
        if subscription["cancel_at_period_end"]:
            schedule["end_behavior"] = "cancel"
    world.due(end, "phase", schedule)
    world.emit("subscription_schedule.created", schedule)
    return schedule


def _add(world: World, customer: Object, phases: list[Object], subscription: Object | None) -> Object:
    terms = subscription or {"collection_method": "charge_automatically", "default_payment_method": None}
    settings = part(
        "subscription_schedule", "default_settings", billing_cycle_anchor="automatic",
        collection_method=terms["collection_method"], default_payment_method=terms["default_payment_method"],
    )  # fmt: skip
    settings["invoice_settings"]["issuer"] = part("subscription", "invoice_settings", "issuer", type="self")
    mode = subscription["billing_mode"] if subscription else {"type": "flexible", "flexible": None, "updated_at": None}
    return world.add(
        "subscription_schedule", of=customer, customer=customer["id"], phases=phases, default_settings=settings,
        billing_mode=mode, end_behavior="release", status="not_started", metadata={},
        subscription=subscription["id"] if subscription else None,
    )  # fmt: skip


def _phases(world: World, given: list[Object], start: int, owner: Object) -> list[Object]:
    if not given:
        raise StripeProblem("A schedule needs at least one phase.", code="parameter_missing", param="phases")
    if len(given) > PHASES_MAX:
        raise StripeProblem(f"A schedule can have {PHASES_MAX} current and future phases at most.", param="phases")
    phases = []
    for index, each in enumerate(given):
        asked = each.get("start_date", start)
        asked = world.now(owner) if asked == "now" else asked
        if index and asked != start:
            raise StripeProblem(
                f"Phase {index} must start where the phase before it ends.", param=f"phases[{index}][start_date]"
            )
        phases.append(_phase(world, each, asked, index))
        start = phases[-1]["end_date"]
    return phases


def _phase(world: World, given: Object, start: int, index: int) -> Object:
    for name in set(given) - _PHASE:
        raise Unmodelled(f"the parameter phases[{name}] of a schedule")
    items = [_phase_item(world, each, f"phases[{index}][items][{i}]") for i, each in enumerate(given["items"])]
    first = world.objects[items[0]["price"]]
    end = given.get("end_date")
    if end is None:
        length = given.get("duration", first["recurring"])
        end = after(start, length["interval"], length.get("interval_count", 1), 1)
    elif end == "now":
        end = world.now()
    if end <= start:
        raise StripeProblem("A phase must end after it starts.", param=f"phases[{index}][end_date]")
    shown = {
        key: given[key]
        for key in ("description", "metadata", "collection_method", "default_payment_method")
        if key in given
    }
    return part(
        "subscription_schedule", "phases", start_date=start, end_date=end, items=items, currency=first["currency"],
        proration_behavior=given.get("proration_behavior", "create_prorations"),
        billing_cycle_anchor=given.get("billing_cycle_anchor"), **{"metadata": {}, **shown},
        trial_end=end if given.get("trial") else given.get("trial_end"),
    )  # fmt: skip


def _phase_item(world: World, given: Object, param: str) -> Object:
    price = price_of(world, given["price"], f"{param}[price]")
    quantity = given.get("quantity", 1)
    metered = price["recurring"]["usage_type"] == "metered"
    return {
        "billing_thresholds": None, "discounts": [], "metadata": given.get("metadata", {}), "plan": plan_of(price)["id"],
        "price": price["id"], "quantity": None if metered else quantity, "tax_rates": [],
    }  # fmt: skip


@route("get /v1/subscription_schedules/{}")
def get_schedule(world: World, params: Object, schedule_id: str) -> Object:
    return world.get("subscription_schedule", schedule_id)


@route("get /v1/subscription_schedules", f"{LISTING} customer scheduled created canceled_at completed_at released_at")
def list_schedules(world: World, params: Object) -> Object:
    found = world.select("subscription_schedule", customer=params.get("customer"))
    if params.get("scheduled"):
        found = (each for each in found if each["status"] == "not_started")
    return listed(found, params, "/v1/subscription_schedules")


@route("post /v1/subscription_schedules/{}", "phases end_behavior metadata proration_behavior")
def update_schedule(world: World, params: Object, schedule_id: str) -> Object:
    schedule = world.get("subscription_schedule", schedule_id)
    if schedule["status"] not in ("active", "not_started"):
        raise StripeProblem(f"You cannot update a subscription schedule that is {schedule['status']}.")
    before = [dict(each) for each in schedule["phases"]]
    with world.changing(schedule):
        if "metadata" in params:
            schedule["metadata"] = merge_metadata(schedule["metadata"], params["metadata"])
        schedule["end_behavior"] = params.get("end_behavior", schedule["end_behavior"])
        if "phases" in params:
            _replace_phases(world, schedule, params["phases"])
    if "phases" in params and schedule["status"] == "active":
        _apply_current(world, schedule, before, params.get("proration_behavior", "create_prorations"))
    return schedule


def _replace_phases(world: World, schedule: Object, given: list[Object]) -> None:
    current = schedule["current_phase"]
    first = schedule["phases"][0]["start_date"]
    phases = _phases(world, given, current["start_date"] if current else first, schedule)
    now = world.now(schedule)
    if current:
        inside = next((each for each in phases if each["start_date"] <= now < each["end_date"]), None)
        if inside is None:
            raise StripeProblem("The phases must include the current one.", param="phases")
        if current["start_date"] not in [each["start_date"] for each in phases]:
            raise StripeProblem(
                "You can not modify the start date of the current phase.", param="phases[0][start_date]"
            )
        schedule["current_phase"] = {"start_date": inside["start_date"], "end_date": inside["end_date"]}
    schedule["phases"] = phases
    for each in phases:
        if each["end_date"] > now:
            world.due(each["end_date"], "phase", schedule)


def _apply_current(world: World, schedule: Object, before: list[Object], proration: str) -> None:
    phase = _current(world, schedule)
    old = next((each for each in before if each["start_date"] <= world.now(schedule) < each["end_date"]), None)
    if phase is not None and (old is None or old["items"] != phase["items"]):
        _apply(world, schedule, phase, proration)


def _current(world: World, schedule: Object) -> Object | None:
    now = world.now(schedule)
    return next((each for each in schedule["phases"] if each["start_date"] <= now < each["end_date"]), None)


def enter_due_phase(world: World, schedule: Object) -> None:
    """The phase that begins now, if one does; after the last, the end."""
    if schedule["status"] not in ("active", "not_started"):
        return
    now = world.now(schedule)
    phase = _current(world, schedule)
    if phase is None:
        if now >= schedule["phases"][-1]["end_date"]:
            _finish(world, schedule)
        return
    if schedule["current_phase"] and schedule["current_phase"]["start_date"] == phase["start_date"]:
        return
    with world.changing(schedule):
        schedule |= {
            "status": "active",
            "current_phase": {"start_date": phase["start_date"], "end_date": phase["end_date"]},
        }
        if schedule["subscription"] is None:
            _subscribe(world, schedule, phase)
        else:
            _apply(world, schedule, phase, phase["proration_behavior"])
    world.due(phase["end_date"], "phase", schedule)


def _subscribe(world: World, schedule: Object, phase: Object) -> None:
    items = [{"price": each["price"], "quantity": each["quantity"]} for each in phase["items"]]
    terms = {"trial_end": phase["trial_end"]} if phase["trial_end"] else {}
    subscription = create_subscription(world, {"customer": schedule["customer"], "items": items, **terms})
    subscription["schedule"] = schedule["id"]
    schedule["subscription"] = subscription["id"]


def _apply(world: World, schedule: Object, phase: Object, proration: str) -> None:
    """Make the subscription what the phase says."""
    subscription = world.objects[schedule["subscription"]]
    if subscription["status"] in ENDED:
        return
    at_turn = period_of(subscription)[1] == world.now(schedule)
    old_interval = interval_of(subscription)
    params = {"items": _wanted_items(subscription, phase), "proration_behavior": "none" if at_turn else proration}

    def assign() -> None:
        subscription["metadata"] = merge_metadata(subscription["metadata"], phase["metadata"])
        for key in ("collection_method", "default_payment_method", "description"):
            if phase[key]:
                subscription[key] = phase[key]

    change = decide_change(world, subscription, params)
    assert change is not None
    if at_turn:  # the renewal, which comes next, bills it
        change.restarts = False
    change_items(world, subscription, change, assign)
    if at_turn and interval_of(subscription) != old_interval:
        subscription["billing_cycle_anchor"] = world.now(schedule)


def _wanted_items(subscription: Object, phase: Object) -> list[Object]:
    """The phase's items, put upon those that are there: by price, then in place of another."""
    present = {each["price"]["id"]: each["id"] for each in items_of(subscription)}
    wanted: list[Object] = []
    new = []
    for each in phase["items"]:
        entry: dict[str, Any] = {"quantity": each["quantity"]} if each["quantity"] is not None else {}
        if each["price"] in present:
            wanted.append({"id": present.pop(each["price"]), **entry})
        else:
            new.append({"price": each["price"], **entry})
    for entry in new:
        if present:
            _, item_id = present.popitem()
            entry["id"] = item_id
        wanted.append(entry)
    return wanted + [{"id": item_id, "deleted": True} for item_id in present.values()]


def _finish(world: World, schedule: Object) -> None:
    now = world.now(schedule)
    subscription = world.objects[schedule["subscription"]]
    if schedule["end_behavior"] == "cancel":
        schedule |= {"status": "completed", "completed_at": now, "current_phase": None}
        world.emit("subscription_schedule.completed", schedule)
        if subscription["status"] not in ENDED:
            end_subscription(world, subscription, reason="cancellation_requested", bill_held=True)
        return
    _release(world, schedule, subscription)


def _release(world: World, schedule: Object, subscription: Object) -> None:
    schedule |= {"status": "released", "released_at": world.now(schedule), "current_phase": None,
                 "released_subscription": subscription["id"], "subscription": None}  # fmt: skip
    with world.changing(subscription):
        subscription["schedule"] = None
    world.emit("subscription_schedule.released", schedule)


@route("post /v1/subscription_schedules/{}/release", "preserve_cancel_date")
def release_schedule(world: World, params: Object, schedule_id: str) -> Object:
    schedule = world.get("subscription_schedule", schedule_id)
    if schedule["status"] not in ("active", "not_started"):
        raise StripeProblem(f"You cannot release a subscription schedule that is {schedule['status']}.")
    _release(world, schedule, world.objects[schedule["subscription"]])
    return schedule


@route("post /v1/subscription_schedules/{}/cancel", "invoice_now prorate")
def cancel_schedule(world: World, params: Object, schedule_id: str) -> Object:
    schedule = world.get("subscription_schedule", schedule_id)
    if schedule["status"] not in ("active", "not_started"):
        raise StripeProblem(f"You cannot cancel a subscription schedule that is {schedule['status']}.")
    subscription = world.objects.get(schedule["subscription"] or "")
    if subscription is None:
        schedule |= {"status": "canceled", "canceled_at": world.now(schedule)}
        world.emit("subscription_schedule.canceled", schedule)
        return schedule
    if params.get("prorate", True) and subscription["status"] == "active":
        credit_rest(world, subscription)
    end_subscription(world, subscription, reason="cancellation_requested", bill_held=params.get("invoice_now", True))
    return schedule
