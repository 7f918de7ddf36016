"""A tenant's year under the simulated Stripe: what Stripe said, what access became, and what it cost."""
