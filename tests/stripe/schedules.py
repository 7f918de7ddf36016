"""Subscription schedules."""

from tests.stripe.world import Object, World


def enter_due_phase(world: World, schedule: Object) -> None:
    raise NotImplementedError
