"""The act of deleting a tenant: steps that may each be repeated, the one outside first.

First the payment provider, so that nobody is charged for what is gone; then the doors, the schema with its role, the
files, and last the directory. A crash in between is completed by the same call.
"""

import asyncio
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from uuid import UUID

from server import clock, storage
from server.auth.standings import forget_standings
from server.billing import provider
from server.billing.account.customer import find_account
from server.billing.deletion import service
from server.billing.refresh import refresh_now
from server.crm.attachment import keep
from server.db import TenantRef, platform_transaction
from server.storage import ledger
from server.tenants.schema import drop_tenant_schema
from server.tenants.service import get_tenant_by_slug, list_directory, owner_connection

SNAPSHOTS: Final = "snapshots"
"""Of shared files, with a folder for each tenant, as those of attachments."""
OWN_FOLDERS: Final = ("imports", "exports")
"""Of this machine's state folder."""


async def order_deletion(slug: str, owner_urls: Mapping[str, str]) -> TenantRef:
    """Delete a tenant now, on an operator's word.

    Raises:
        TenantUnknown: no active tenant has the slug.
        PaymentServiceDown: the subscription cannot be ended just now; nothing else was done. Try again.
    """
    async with platform_transaction():
        tenant = await get_tenant_by_slug(slug)
        await service.plan_deletion(tenant, "operator", due_at=clock.now())
    await delete_tenant(tenant.id, owner_urls)
    return tenant


async def delete_tenant(tenant_id: UUID, owner_urls: Mapping[str, str]) -> bool:
    """Delete a tenant whose time has come; whether it was done now."""
    async with platform_transaction():
        deletion = await service.begin(tenant_id)
    if deletion is None:
        return False
    await end_subscriptions(tenant_id)
    await _destroy(deletion.tenant, owner_urls)
    return True


async def repeat_deletions(owner_urls: Mapping[str, str], state_dir: Path) -> list[TenantRef]:
    """Delete again what a backup brought back; their subscriptions ended the first time."""
    async with platform_transaction():
        known = await list_directory()
    gone = [tenant for tenant in known if ledger.entries("deleted", tenant.id, state_dir)]
    for tenant in gone:
        async with platform_transaction():
            await service.plan_deletion(tenant, "operator", due_at=clock.now())
        await _destroy(tenant, owner_urls)
    return gone


async def end_subscriptions(tenant_id: UUID) -> int:
    """End at once whatever a tenant has with its provider, for it is to be deleted. Repeated, it does nothing more.

    Returns:
        How many subscriptions ended by it.

    Raises:
        PaymentServiceDown, PaymentsNotSetUp: delete nothing yet; the provider would go on charging.
    """
    async with platform_transaction():
        account = await find_account(tenant_id)
    if account is None or account.customer_id is None or account.provider is None:
        return 0
    refreshed = await refresh_now(tenant_id)
    known = refreshed.state.subscriptions if refreshed else ()
    running = [each for each in known if each.ended_at is None and each.status not in provider.ENDED]
    for subscription in running:
        key = f"delete:{tenant_id}:{subscription.id}"
        await provider.get_provider(account.provider).end_now(subscription, key)
    await refresh_now(tenant_id)
    return len(running)


async def _destroy(tenant: TenantRef, owner_urls: Mapping[str, str]) -> None:
    async with platform_transaction():
        await service.close_doors(tenant.id)
    forget_standings()
    ledger.note("deleted", tenant.id, f"{tenant.slug} {tenant.schema}")
    async with owner_connection(owner_urls[tenant.database]) as owner:
        await drop_tenant_schema(owner, tenant)
        await owner.execute(
            "DELETE FROM dramatiq.queue WHERE message->'options'->>'tenant_id' = $1", str(tenant.id)
        )  # fmt: skip
    await _delete_files(tenant.id)
    async with platform_transaction():
        await service.forget_tenant(tenant.id)


async def _delete_files(tenant_id: UUID) -> None:
    for folder in (*keep.FOLDERS, SNAPSHOTS):
        found = [kept.key async for kept in storage.files().list(f"{folder}/{tenant_id}")]
        for key in found:
            await storage.files().delete(key)
    state_dir = storage.state_dir()
    if state_dir is None:
        return
    for folder in OWN_FOLDERS:
        await asyncio.to_thread(shutil.rmtree, state_dir / folder / str(tenant_id), ignore_errors=True)
