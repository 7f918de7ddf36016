"""A tenant that pays by transfer, an operator's clock, and what is printed on its invoices."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from server import clock, mail
from server.billing import links, provider
from server.billing.access import Access
from server.billing.account.commands import enrol_tenant
from server.billing.entitle import plan_steps
from server.billing.mirror import load_subscriptions
from server.billing.plans import Interval, get_plan
from server.billing.provider import ProviderSubscription, Target
from server.billing.refresh import refresh_now
from server.billing.transfer import commands
from server.billing.transfer.gateway import TransferGateway
from server.billing.transfer.renewals import renew_all
from server.billing.transfer.seller import Seller
from server.billing.transfer.store import customer_of
from server.db import TenantRef, connection, platform_transaction
from server.tenants.entitlements import Entitlement, current, load_entitlements
from tests.integration.sign_up_world import LINKS

SELLER = {
    "name": "Outrider Ltd", "address": ["1 Main St", "Dublin"], "tax_ids": ["VAT IE6388047V"],
    "bank": ["IBAN IE64IRCE92050112345678"], "vat_percent": "12", "prefix": "OR", "timezone": "Europe/Dublin",
}  # fmt: skip
START = datetime(2026, 3, 1, 9, tzinfo=UTC)


@contextmanager
def transfers(folder: Path, **changes: Any) -> Iterator[TransferGateway]:
    """The installation writes invoices, and mails into a folder."""
    gateway = TransferGateway(Seller.of(SELLER | changes))
    provider.use("transfer", gateway)
    mail.use(mail.MailSettings(f"folder:{folder}", "crm.example"))
    links.use(LINKS)
    try:
        yield gateway
    finally:
        provider.use("transfer", None)
        mail.use(None)
        links.use(None)


class Customer:
    """A tenant, as its operator and its billing people act for it."""

    def __init__(self, tenant: TenantRef, gateway: TransferGateway) -> None:
        self.tenant, self.gateway, self.customer_id = tenant, gateway, customer_of(tenant.id)

    async def enrol(self, *, currency: str = "EUR", language: str = "en", timezone: str = "UTC", **more: str) -> None:
        details = {"email": "billing@acme.example", "language": language, "currency": currency, "timezone": timezone}
        assert await enrol_tenant(self.tenant.slug, details | more)

    async def after_trial(self) -> None:
        """The trial is over, long ago."""
        async with platform_transaction():
            await connection().execute(
                "UPDATE billing_account SET trial_ends_at = $2 WHERE tenant_id = $1",
                self.tenant.id, clock.now() - timedelta(days=1),
            )  # fmt: skip

    async def order(self, plan: str = "team", interval: Interval = Interval.MONTH, seats: int = 2) -> str:
        return await commands.order(self.tenant.slug, plan, interval, seats)

    async def subscription(self) -> ProviderSubscription:
        state = await self.gateway.fetch_customer_state(self.customer_id)
        return state.subscriptions[-1]

    async def change(
        self, key: str, *, plan: str = "team", interval: Interval = Interval.MONTH, seats: int = 2,
        currency: str = "EUR", at: datetime | None = None, invoice: bool = True,
    ) -> None:  # fmt: skip
        target = Target(get_plan(plan), interval, currency, seats)
        await self.gateway.change_now(
            await self.subscription(), target, at or clock.now(), invoice=invoice, key=f"{self.tenant.slug}:{key}"
        )
        await refresh_now(self.tenant.id)

    async def tick(self) -> int:
        """What the daily job does."""
        changed = await renew_all(self.gateway)
        await refresh_now(self.tenant.id)
        return changed

    async def invoices(self) -> list[Any]:
        async with platform_transaction():
            return list(
                await connection().fetch(
                    "SELECT * FROM billing_invoice WHERE tenant_id = $1 ORDER BY created_at, number", self.tenant.id
                )
            )

    async def access(self, at: datetime | None = None) -> Entitlement:
        async with platform_transaction():
            return current(await load_entitlements(self.tenant.id), at or clock.now())


@asynccontextmanager
async def days_later(days: float, start: datetime = START) -> AsyncIterator[datetime]:
    """So many days after the start."""
    moment = start + timedelta(days=days)
    with clock.frozen(moment):
        yield moment


__all__ = ["UUID", "Access", "Customer", "days_later", "load_subscriptions", "plan_steps", "transfers"]


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[TransferGateway]:
    """The way to pay, with mail in a folder of the test's own."""
    with transfers(tmp_path / "mail") as made:
        yield made


@pytest.fixture
async def trial_customer(tenant: TenantRef, gateway: TransferGateway) -> AsyncIterator[Customer]:
    """The test's tenant, on the first day of its trial."""
    with clock.frozen(START):
        made = Customer(tenant, gateway)
        await made.enrol()
        yield made


@pytest.fixture
async def customer(trial_customer: Customer) -> Customer:
    """The test's tenant, whose trial is over."""
    await trial_customer.after_trial()
    return trial_customer
