"""Acts of erasure that span the tenant and the platform, and their replay after a restore."""

import json
from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from outrider_sdk.protocol.entities import ENTITIES

from server.auth.access import FIXED, Access
from server.auth.service import unlink_member
from server.crm.erasure import service
from server.db import (
    SYSTEM,
    Actor,
    Source,
    TenantRef,
    connection,
    platform_transaction,
    tenant_transaction,
    tenant_write,
)
from server.errors import Forbidden, NotFound
from server.storage import ledger


def require_eraser(access: Access) -> None:
    """Let those on whose role may erase people.

    Raises:
        Forbidden: it may not.
    """
    if access.role not in FIXED:
        raise Forbidden("Only admins and owners erase a person. Ask one of them.")


async def erase_person(
    tenant: TenantRef, entity: str, subject: UUID, *, by: Actor = SYSTEM, source: Source | None = None
) -> tuple[int, datetime]:
    """Erase a contact, or a member who has left and their log-in: the number of rows, and when. Repeatable.

    Raises:
        NotFound: there has never been such a row.
        StillActive: the member has not left.
    """
    async with tenant_write(tenant, by=by, source=source) as revision:
        erase = service.erase_contact if entity == "contact" else service.erase_member
        rows = await erase(subject, by=by)
    if entity == "member":
        async with platform_transaction():
            await unlink_member(tenant, subject)
    ledger.note("erased", tenant.id, json.dumps({"entity": entity, "subject": str(subject)}))
    return rows, revision.at


async def list_erasures(tenant: TenantRef) -> list[dict[str, Any]]:
    """Who was erased in a tenant, oldest first: no word about them. Keep it apart from the backups."""
    by_code = {e.code: e.name for e in ENTITIES.values()}
    async with tenant_transaction(tenant):
        records = await connection().fetch(
            'SELECT entity, subject, at, asked_by FROM erasure WHERE "row" = subject ORDER BY at, subject'
        )
    return [
        {
            "entity": by_code[r["entity"]],
            "subject": str(r["subject"]),
            "at": r["at"].isoformat(),
            "asked_by": r["asked_by"] and str(r["asked_by"]),
        }
        for r in records
    ]


async def repeat_erasures(tenant: TenantRef, state_dir: Path | None = None) -> int:
    """Erase again everybody of the ledger, which a restore does not reach; how many of them this database knew."""
    lines = sorted(ledger.entries("erased", tenant.id, state_dir))
    return sum([rows is not None async for _, rows in replay_erasures(tenant, lines)])


async def replay_erasures(tenant: TenantRef, lines: Iterable[str]) -> AsyncIterator[tuple[str, int | None]]:
    """Erase again everybody of a list; yields each subject with the number of rows, None where there is no such row."""
    for line in lines:
        if line.strip():
            asked = json.loads(line)
            try:
                subject = UUID(asked["subject"])
                yield asked["subject"], (await erase_person(tenant, asked["entity"], subject, source=Source.CONSOLE))[0]
            except NotFound:
                yield asked["subject"], None
