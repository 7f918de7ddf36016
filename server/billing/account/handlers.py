"""Routes of the billing account, for owners, admins and the billing role."""

from litestar import Router, get, patch
from litestar.di import NamedDependency
from litestar.params import JSONBody

from server.auth.guards import require_role
from server.auth.session import Session
from server.billing.account import service
from server.billing.account.jobs import enqueue_update
from server.billing.account.messages import BillingAccountPatch, BillingAccountView
from server.db import platform_transaction


@get("/", operation_id="getBillingAccount")
async def get_account(session: NamedDependency[Session]) -> BillingAccountView:
    """Get what stands on the tenant's invoices. 404 `not_billed` where nobody bills it."""
    require_role(session, *service.BILLERS)
    async with platform_transaction():
        return BillingAccountView.of(await service.get_party(session.tenant.id))


@patch("/", operation_id="changeBillingAccount")
async def change_account(data: JSONBody[BillingAccountPatch], session: NamedDependency[Session]) -> BillingAccountView:
    """Change what stands on invoices from the next one on; the payment service hears of it by a job."""
    require_role(session, *service.BILLERS)
    async with platform_transaction():
        party, intent_id = await service.change_details(session.tenant.id, data.changes(), by=session.member_id)
        if intent_id is not None:
            await enqueue_update(intent_id)
    return BillingAccountView.of(party)


account_router = Router("/billing/account", tags=["billing"], route_handlers=[get_account, change_account])
