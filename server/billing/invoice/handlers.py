"""Routes of invoices, for owners, admins and the billing role."""

import asyncio
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from litestar import Response, Router, get
from litestar.di import NamedDependency
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, OpenAPIType, Operation, Schema
from litestar.openapi.spec.enums import OpenAPIFormat
from litestar.params import FromPath, FromQuery
from msgspec import Meta, Struct

from server.auth.guards import require_role
from server.auth.session import Session
from server.billing.account.service import BILLERS
from server.billing.invoice import service
from server.db import platform_transaction
from server.errors import NotFound

ID_LENGTH_MAX = 80


class BillingInvoiceView(Struct, frozen=True):
    """An invoice. Amounts are in minor units of its currency."""

    id: str
    provider: str
    number: str
    status: str
    """`open`, `paid`, `void` or `uncollectible`."""
    currency: str
    subtotal_minor: int
    tax_minor: int
    total_minor: int
    paid_minor: int
    refunded_minor: int
    issued_at: datetime | None
    due_at: datetime | None
    paid_at: datetime | None
    period_start: datetime | None
    period_end: datetime | None
    pdf_url: str | None
    """Where its PDF is: with the payment provider, or under /billing/invoices."""
    hosted_url: str | None
    """Where it can be paid, with the payment provider."""

    @classmethod
    def of(cls, row: Any) -> "BillingInvoiceView":
        """The invoice, for those who pay it."""
        ours = row["provider"] == "transfer"
        shown = {name: row[name] for name in cls.__struct_fields__ if name != "pdf_url"}
        return cls(pdf_url=f"/billing/invoices/{row['id']}/pdf" if ours else row["pdf_url"], **shown)


class BillingInvoicePage(Struct, frozen=True):
    """Invoices, newest first; `next` is the `after` of the next page."""

    items: list[BillingInvoiceView]
    next: str | None = None


_After = Annotated[str, Meta(max_length=ID_LENGTH_MAX)]


@get("/", operation_id="listBillingInvoices")
async def list_invoices(
    session: NamedDependency[Session], after: FromQuery[_After | None] = None
) -> BillingInvoicePage:
    """List the tenant's invoices, newest first."""
    require_role(session, *BILLERS)
    async with platform_transaction():
        rows = await service.list_invoices(session.tenant.id, after=after)
    shown = [BillingInvoiceView.of(row) for row in rows[: service.INVOICES_LISTED_MAX]]
    return BillingInvoicePage(shown, shown[-1].id if len(rows) > len(shown) else None)


@get("/{invoice_id:str}", operation_id="getBillingInvoice")
async def get_invoice(invoice_id: FromPath[str], session: NamedDependency[Session]) -> BillingInvoiceView:
    """Get one invoice."""
    require_role(session, *BILLERS)
    async with platform_transaction():
        return BillingInvoiceView.of(await service.get_invoice(session.tenant.id, invoice_id))


@dataclass
class _Pdf(Operation):
    """Says that the reply is a file, or is elsewhere."""

    def __post_init__(self) -> None:
        schema = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
        media = OpenAPIMediaType(schema=schema, example="the bytes of a PDF")
        self.responses = {
            "200": OpenAPIResponse(description="The PDF.", content={"application/pdf": media}),
            "302": OpenAPIResponse(description="It is with the payment provider: see Location."),
        }


@get("/{invoice_id:str}/pdf", operation_id="getBillingInvoicePdf", operation_class=_Pdf, media_type="application/pdf")
async def get_invoice_pdf(invoice_id: FromPath[str], session: NamedDependency[Session]) -> Response[bytes]:
    """Fetch the PDF of an invoice; of one that the payment provider wrote, a redirection to there."""
    from server.billing.transfer.pdf import render_invoice  # loads slowly

    require_role(session, *BILLERS)
    async with platform_transaction():
        row = await service.get_invoice(session.tenant.id, invoice_id)
    if row["provider"] != "transfer":
        if row["pdf_url"] is None:
            raise NotFound
        return Response(b"", status_code=302, headers={"Location": row["pdf_url"]}, media_type="application/pdf")
    document, is_void = json.loads(row["details"]), row["status"] == "void"
    content = await asyncio.to_thread(render_invoice, document, is_void=is_void)
    headers = {"Content-Disposition": f'inline; filename="{row["number"]}.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)


invoice_router = Router(
    "/billing/invoices", tags=["billing"], route_handlers=[list_invoices, get_invoice, get_invoice_pdf]
)
