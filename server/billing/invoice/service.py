"""Invoices as they are kept, whoever wrote them (platform transactions)."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from server import clock
from server.db import connection
from server.errors import NotFound

INVOICES_LISTED_MAX: Final = 50
MAILED_WITHIN: Final = timedelta(days=7)
"""What is older when an accountant is named is fetched, not mailed."""
TRIED_AGAIN_AFTER: Final = timedelta(hours=6)

_SHOWN: Final = "status <> 'draft' AND number IS NOT NULL"


async def list_invoices(tenant_id: UUID, *, after: str | None = None) -> list[Any]:
    """A tenant's invoices, newest first; one more than a page holds, where there are more.

    Args:
        after: the last one of the page before.
    """
    return list(
        await connection().fetch(
            f"""SELECT * FROM billing_invoice i WHERE tenant_id = $1 AND {_SHOWN} AND ($2::text IS NULL
                OR (created_at, id) < (SELECT created_at, id FROM billing_invoice WHERE id = $2 AND tenant_id = $1))
            ORDER BY created_at DESC, id DESC LIMIT $3""",  # noqa: S608 - ours
            tenant_id,
            after,
            INVOICES_LISTED_MAX + 1,
        )
    )


async def get_invoice(tenant_id: UUID, invoice_id: str) -> Any:
    """One invoice of a tenant.

    Raises:
        NotFound: it has none of that id.
    """
    sql = f"SELECT * FROM billing_invoice WHERE tenant_id = $1 AND id = $2 AND {_SHOWN}"  # noqa: S608 - ours
    row = await connection().fetchrow(sql, tenant_id, invoice_id)
    if row is None:
        raise NotFound
    return row


async def find_to_mail(invoice_id: str) -> Any:
    """An invoice that nobody was mailed yet, with its account; None where there is nothing to do."""
    return await connection().fetchrow(
        """SELECT i.*, a.slug, a.email, a.accountant_email, a.language, a.timezone, a.legal_name
        FROM billing_invoice i JOIN billing_account a USING (tenant_id)
        WHERE i.id = $1 AND i.mailed_at IS NULL AND i.status IN ('open', 'paid') AND i.number IS NOT NULL
            AND (i.provider = 'transfer' OR a.accountant_email IS NOT NULL)""",
        invoice_id,
    )


async def mark_mailed(invoice_id: str) -> None:
    """Note that those who are to have an invoice have it."""
    sql = "UPDATE billing_invoice SET mailed_at = $2 WHERE id = $1 AND mailed_at IS NULL"
    await connection().execute(sql, invoice_id, clock.now())


async def take_unmailed() -> list[str]:
    """Ids of young invoices that are to be mailed and were not; each is given out once in some hours."""
    now = clock.now()
    rows = await connection().fetch(
        """UPDATE billing_invoice i SET mail_wanted_at = $1 FROM billing_account a
        WHERE a.tenant_id = i.tenant_id AND i.mailed_at IS NULL AND i.status IN ('open', 'paid')
            AND i.number IS NOT NULL AND i.total_minor > 0 AND i.issued_at > $2
            AND (i.mail_wanted_at IS NULL OR i.mail_wanted_at < $3)
            AND (i.provider = 'transfer' OR a.accountant_email IS NOT NULL)
        RETURNING i.id""",
        now, now - MAILED_WITHIN, now - TRIED_AGAIN_AFTER,
    )  # fmt: skip
    return [row["id"] for row in rows]
