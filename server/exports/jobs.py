"""The job of exports: write one that was asked for."""

from pathlib import Path
from typing import Final
from uuid import UUID

import dramatiq

from server import storage
from server.auth.service import find_standing
from server.broker import enqueue, job_tenant_id
from server.crm.rights import Viewer
from server.db import TenantRef, platform_transaction, tenant_transaction
from server.exports import service
from server.exports.files import export_tenant
from server.tenants.service import get_tenant

TIME_LIMIT_MS: Final = 3_600_000


async def enqueue_export(export_id: UUID) -> None:
    """Write the export once the open transaction, of its tenant, has committed."""
    await enqueue(write_export.message(str(export_id)))


@dramatiq.actor(queue_name="exports", time_limit=TIME_LIMIT_MS)
async def write_export(export_id: str) -> None:
    """Write an export with the rights that who asked for it has now; what has expired is removed first."""
    async with platform_transaction():
        tenant = await get_tenant(job_tenant_id())
    await _remove_expired(tenant)
    async with tenant_transaction(tenant):
        export = await service.find_waiting(UUID(export_id))
        standing = await find_standing(export.created_by, None) if export else None
    if export is None:
        return
    size_bytes = None
    if standing is not None and standing.active:
        path = service.export_path(storage.tenant_folder("exports", tenant.id), export)
        await export_tenant(tenant, Viewer(export.created_by, standing.access), path, export.format)
        size_bytes = _size(path)
    async with tenant_transaction(tenant):
        await service.finish_export(export.id, size_bytes)


def _size(path: Path) -> int:
    return path.stat().st_size


async def _remove_expired(tenant: TenantRef) -> None:
    async with tenant_transaction(tenant):
        expired = await service.forget_expired()
    folder = storage.tenant_folder("exports", tenant.id)
    for export in expired:
        _remove(service.export_path(folder, export))


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
