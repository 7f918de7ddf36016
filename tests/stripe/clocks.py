"""Test clocks: customers that live by a time of their own, which a test moves."""

from tests.stripe.errors import StripeProblem
from tests.stripe.lifecycle import happen
from tests.stripe.routes import readable, route
from tests.stripe.world import DAY, Object, World

readable("test_helpers.test_clock", "/v1/test_helpers/test_clocks", deletable=True)


@route("post /v1/test_helpers/test_clocks", "frozen_time name")
def create_clock(world: World, params: Object) -> Object:
    clock = world.add(
        "test_helpers.test_clock", frozen_time=params["frozen_time"], name=params.get("name"), status="ready",
        deletes_after=world.now() + 30 * DAY,
    )  # fmt: skip
    world.emit("test_helpers.test_clock.created", clock)
    return clock


@route("post /v1/test_helpers/test_clocks/{}/advance", "frozen_time")
def advance_clock(world: World, params: Object, clock_id: str) -> Object:
    """Move a clock on. The simulator is there at once; Stripe answers `advancing` and needs a while."""
    clock = world.live("test_helpers.test_clock", clock_id)
    to = params["frozen_time"]
    if to <= clock["frozen_time"]:
        raise StripeProblem("You cannot advance a test clock to the past.", param="frozen_time")
    world.emit("test_helpers.test_clock.advancing", clock)
    world.pass_time(to, happen, clock_id)
    clock["frozen_time"] = to
    world.emit("test_helpers.test_clock.ready", clock)
    return clock


@route("delete /v1/test_helpers/test_clocks/{}")
def delete_clock(world: World, params: Object, clock_id: str) -> Object:
    """Delete a clock and its customers, with all that is theirs."""
    from tests.stripe.customers import delete_customer

    clock = world.live("test_helpers.test_clock", clock_id)
    for customer in list(world.select("customer", test_clock=clock_id)):
        delete_customer(world, {}, customer["id"])
    return world.delete(clock)
