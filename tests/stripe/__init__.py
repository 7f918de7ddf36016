"""A stateful simulator of Stripe for tests, the bench and the demo, served over HTTP to the real SDK.

    with StripeSimulator.running(clock=datetime(2027, 1, 31, 10, tzinfo=UTC)) as sim:
        client = sim.client()                     # or StripeClient(sim.API_KEY, base_addresses={"api": sim.url})
        customer = client.v1.customers.create({"email": "ann@example.com"})
        sim.save_card(customer.id)
        ...
        sim.advance(timedelta(days=28))           # renewals, retries, ends of trials
        sim.deliver()                             # signed webhooks, as `sim.deliveries(Policy(...))` says
        assert sim.violations == []

Each request is checked against the SDK's parameter types, each response and event against its resource classes.
"""

from tests.stripe.deliveries import Policy, sign
from tests.stripe.errors import StripeProblem
from tests.stripe.simulator import TOTALS, StripeSimulator
from tests.stripe.world import Settings

__all__ = ["TOTALS", "Policy", "Settings", "StripeProblem", "StripeSimulator", "sign"]
