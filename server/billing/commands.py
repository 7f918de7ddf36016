"""What an operator does about Stripe: publish the catalogue, compare it, refetch. No transaction is open meanwhile."""

from server import clock
from server.billing import provider
from server.billing.gateway import StripeGateway, catalogue
from server.billing.gateway.catalogue import Published
from server.billing.provider import PaymentsNotSetUp
from server.billing.reconcile import Run, begin_run, get_run, reconcile_some
from server.billing.refresh import Refreshed, refresh_now
from server.billing.setup import STRIPE
from server.db import connection, platform_transaction
from server.tenants.service import get_tenant_by_slug


def _gateway() -> StripeGateway:
    gateway = provider.find_provider(STRIPE)
    if not isinstance(gateway, StripeGateway):
        raise PaymentsNotSetUp
    return gateway


async def publish_catalogue() -> tuple[list[Published], list[str], list[str]]:
    """Make the prices that Stripe lacks; none is ever changed.

    Returns:
        All of them, the lookup keys of those that are new, and where Stripe differs from the code.
    """
    found, made = await catalogue.publish(_gateway())
    async with platform_transaction():
        await connection().executemany(
            """INSERT INTO plan_version (lookup_key, plan_key, version, "interval", currency, unit_amount_minor,
                product_id, price_id, published_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            ON CONFLICT (lookup_key) DO UPDATE SET unit_amount_minor = excluded.unit_amount_minor,
                product_id = excluded.product_id, price_id = excluded.price_id, published_at = excluded.published_at
            WHERE plan_version.price_id <> excluded.price_id""",
            [
                (
                    each.lookup_key, each.plan.key, each.plan.version, each.interval.value, each.currency,
                    each.unit_amount_minor, each.product_id, each.price_id, clock.now(),
                )
                for each in found
            ],
        )  # fmt: skip
    return found, made, await catalogue.find_drift(_gateway())


async def find_drift() -> list[str]:
    """Where Stripe differs from the code, in words."""
    return await catalogue.find_drift(_gateway())


async def refresh_tenant(slug: str) -> Refreshed | None:
    """Refetch one tenant's customer; None where it has none."""
    async with platform_transaction():
        tenant = await get_tenant_by_slug(slug)
    return await refresh_now(tenant.id)


async def reconcile_all() -> Run:
    """Refetch all customers now."""
    async with platform_transaction():
        run_id = await begin_run()
    after = await reconcile_some(run_id, None)
    while after is not None:
        after = await reconcile_some(run_id, after)
    async with platform_transaction():
        return await get_run(run_id)
