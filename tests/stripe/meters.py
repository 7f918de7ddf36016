"""Meters, their events and sums; what a metered price counts in a period."""

from dataclasses import dataclass

from tests.stripe.errors import StripeProblem, missing
from tests.stripe.routes import LISTING, readable, route
from tests.stripe.world import DAY, Object, World, listed

LATE_SECONDS = 35 * DAY
EARLY_SECONDS = 300


@dataclass(frozen=True)
class Use:
    """One meter event."""

    event_name: str
    customer: str
    value: float
    at: int
    identifier: str


readable("billing.meter", "/v1/billing/meters", "status")


@route(
    "post /v1/billing/meters",
    "display_name event_name default_aggregation customer_mapping value_settings event_time_window",
)
def create_meter(world: World, params: Object) -> Object:
    if next(world.select("billing.meter", event_name=params["event_name"], status="active"), None):
        raise StripeProblem(f"An active meter already has the event name {params['event_name']}.", param="event_name")
    mapping = params.get("customer_mapping", {"event_payload_key": "stripe_customer_id", "type": "by_id"})
    meter = world.add(
        "billing.meter", display_name=params["display_name"], event_name=params["event_name"], status="active",
        default_aggregation=dict(params["default_aggregation"]), customer_mapping=mapping, updated=world.now(),
        value_settings=params.get("value_settings", {"event_payload_key": "value"}),
        event_time_window=params.get("event_time_window"),
    )  # fmt: skip
    world.emit("billing.meter.created", meter)
    return meter


@route("post /v1/billing/meters/{}", "display_name")
def update_meter(world: World, params: Object, meter_id: str) -> Object:
    with world.changing(world.get("billing.meter", meter_id)) as meter:
        meter |= {**params, "updated": world.now()}
    return meter


@route("post /v1/billing/meters/{}/deactivate")
def deactivate_meter(world: World, params: Object, meter_id: str) -> Object:
    meter = world.get("billing.meter", meter_id)
    meter |= {"status": "inactive", "status_transitions": {"deactivated_at": world.now()}}
    world.emit("billing.meter.deactivated", meter)
    return meter


@route("post /v1/billing/meters/{}/reactivate")
def reactivate_meter(world: World, params: Object, meter_id: str) -> Object:
    meter = world.get("billing.meter", meter_id)
    meter |= {"status": "active", "status_transitions": {"deactivated_at": None}}
    world.emit("billing.meter.reactivated", meter)
    return meter


@route("post /v1/billing/meter_events", "event_name payload identifier timestamp")
def create_meter_event(world: World, params: Object) -> Object:
    meter = next(world.select("billing.meter", event_name=params["event_name"], status="active"), None)
    if meter is None:
        raise StripeProblem(f"No active meter found for event name {params['event_name']}.", code="resource_missing",
                            param="event_name", status=404)  # fmt: skip
    payload = params["payload"]
    customer = payload.get(meter["customer_mapping"]["event_payload_key"], "")
    if world.objects.get(customer, {}).get("object") != "customer":
        raise missing("customer", customer, "payload", status=400)
    try:
        value = float(payload.get(meter["value_settings"]["event_payload_key"], "1"))
    except ValueError:
        raise StripeProblem("The value of a meter event must be a number.", param="payload") from None
    now = world.now()
    at = params.get("timestamp", now)
    if not now - LATE_SECONDS <= at <= now + EARLY_SECONDS:
        raise StripeProblem("Timestamps must be within the past 35 days or up to 5 minutes ahead.", param="timestamp")
    identifier = params.get("identifier", f"{world.token}-{len(world.usage)}")
    if identifier in world.usage:
        raise StripeProblem(f"An event already exists with identifier {identifier}.", code="duplicate_meter_event")
    world.usage[identifier] = Use(params["event_name"], customer, value, at, identifier)
    return {
        "object": "billing.meter_event", "created": now, "event_name": params["event_name"], "identifier": identifier,
        "livemode": False, "payload": dict(payload), "timestamp": at,
    }  # fmt: skip


@route("post /v1/billing/meter_event_adjustments", "event_name type cancel")
def cancel_meter_event(world: World, params: Object) -> Object:
    """Take a report back, within a day of it."""
    identifier = params.get("cancel", {}).get("identifier", "")
    use = world.usage.get(identifier)
    if use is None or use.event_name != params["event_name"]:
        raise StripeProblem(f"No meter event has the identifier {identifier}.", code="resource_missing", param="cancel")
    if use.at < world.now() - DAY:
        raise StripeProblem("Meter events can be cancelled within 24 hours.", param="cancel")
    del world.usage[identifier]
    return {
        "object": "billing.meter_event_adjustment", "cancel": {"identifier": identifier}, "livemode": False,
        "event_name": params["event_name"], "status": "complete", "type": "cancel",
    }  # fmt: skip


def aggregate(world: World, meter: Object, customer: str, start: int, end: int) -> float:
    """What the meter says of a customer from `start` up to, without, `end`."""
    used = [
        each for each in world.usage.values()
        if each.event_name == meter["event_name"] and each.customer == customer and start <= each.at < end
    ]  # fmt: skip
    formula = meter["default_aggregation"]["formula"]
    if formula == "count":
        return float(len(used))
    if formula == "last":
        return max(used, key=lambda each: each.at).value if used else 0.0
    return sum(each.value for each in used)


def used_in(world: World, price: Object, customer: str, period: tuple[int, int]) -> int:
    """How many units of a metered price were used in a period."""
    meter_id = price["recurring"]["meter"]
    if meter_id is None:
        return 0
    return int(aggregate(world, world.objects[meter_id], customer, *period))


@route("get /v1/billing/meters/{}/event_summaries", f"{LISTING} customer start_time end_time value_grouping_window")
def list_summaries(world: World, params: Object, meter_id: str) -> Object:
    meter = world.get("billing.meter", meter_id)
    start, end = params["start_time"], params["end_time"]
    if start % 60 or end % 60:
        raise StripeProblem("start_time and end_time must align with minute boundaries.", param="start_time")
    width = {"hour": 3600, "day": DAY}.get(params.get("value_grouping_window", ""), end - start)
    windows = [(at, min(at + width, end)) for at in range(start, end, width)]
    summaries = [
        {
            "id": f"mtrusg_{world.token}{begins}", "object": "billing.meter_event_summary", "livemode": False,
            "aggregated_value": aggregate(world, meter, params["customer"], begins, ends), "start_time": begins,
            "end_time": ends, "meter": meter_id,
        }
        for begins, ends in reversed(windows)
    ]  # fmt: skip
    return listed(summaries, params, f"/v1/billing/meters/{meter_id}/event_summaries")
