"""Routes of billing, for owners, admins and the billing role: how the tenant stands, buying, changing, cancelling."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Router, delete, get, post, put
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import HeaderParameter, JSONBody

from server import clock
from server.auth.guards import require_role
from server.auth.session import Session
from server.billing import acts, checkout, intents
from server.billing.account.service import BILLERS
from server.billing.banner import write_banner
from server.billing.change_rules import Wish
from server.billing.checkout import Pages
from server.billing.messages import (
    BillingView,
    ChangeRequest,
    CheckoutReply,
    CheckoutRequest,
    PlanView,
    PortalReply,
    PreviewReply,
    SeatsRequest,
    newest_plans,
)
from server.billing.refresh import refresh_now
from server.crm.idempotency import KEY_LENGTH_MAX, read_key
from server.db import platform_transaction
from server.tenants.entitlements import load_entitlements
from server.tenants.seats import count_holders

Key = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        required=False,
        max_length=KEY_LENGTH_MAX,
        description="Names the wish: sent again, it is the same one, and happens once. Without it, the same wish with "
        "nothing done in between is.",
    ),
]


async def _view(tenant_id: UUID) -> BillingView:
    async with platform_transaction():
        standing = await acts.load_standing(tenant_id)
        steps = await load_entitlements(tenant_id)
        assigned = await count_holders(tenant_id)
        under_way = await intents.is_under_way(tenant_id)
    now = clock.now()
    ahead = [step for step in steps if step.ends_at is None or step.ends_at > now]
    banner = write_banner(standing.held, standing.present, now)
    return BillingView.of(standing, ahead, assigned=assigned, under_way=under_way, banner=banner)


@get("/", operation_id="getBilling")
async def get_billing(session: NamedDependency[Session]) -> BillingView:
    """Get how the tenant stands: what it may do now and later, what is paid for, and what waits. Asks no provider."""
    require_role(session, *BILLERS)
    return await _view(session.tenant.id)


@get("/plans", operation_id="listPlans")
async def list_plans(session: NamedDependency[Session]) -> list[PlanView]:
    """List the plans that can be had, with what they hold and cost."""
    return newest_plans()


@post("/checkouts", operation_id="openCheckout")
async def open_checkout(
    data: JSONBody[CheckoutRequest], session: NamedDependency[Session], state: State
) -> CheckoutReply:
    """Open a page on which to subscribe. The same order again is the same page; another closes the one before."""
    require_role(session, *BILLERS)
    page = f"{state.config.base_url}/t/{session.tenant.slug}/billing"
    pages = Pages(f"{page}?checkout=done", f"{page}?checkout=left")
    opened = await checkout.open_checkout(
        session.tenant, data.wish(), data.currency, pages, member_id=session.member_id
    )
    return CheckoutReply.of(opened)


@post("/portal-sessions", operation_id="openBillingPortal")
async def open_portal(session: NamedDependency[Session], state: State) -> PortalReply:
    """Open the payment service's page for cards, tax ids and invoices, and for cancelling."""
    require_role(session, *BILLERS)
    page = f"{state.config.base_url}/t/{session.tenant.slug}/billing"
    return PortalReply.of(await checkout.open_portal(session.tenant.id, page))


@post("/previews", status_code=200, operation_id="previewChange")
async def preview_change(data: JSONBody[ChangeRequest], session: NamedDependency[Session]) -> PreviewReply:
    """Say what a change would cost now, or when it would come true, and what it would leave no room for."""
    require_role(session, *BILLERS)
    return PreviewReply.of(await acts.preview_change(session.tenant, data.wish()))


@post("/changes", status_code=200, operation_id="changeSubscription")
async def change_subscription(
    data: JSONBody[ChangeRequest], session: NamedDependency[Session], key: Key = None
) -> BillingView:
    """Change plan, interval or seats: more at once, less at the period's end. A declined card changes nothing."""
    require_role(session, *BILLERS)
    await acts.change(session.tenant.id, data.wish(), at=data.at, key=read_key(key), member_id=session.member_id)
    return await _view(session.tenant.id)


@delete("/changes/scheduled", status_code=200, operation_id="withdrawChange")
async def withdraw_change(session: NamedDependency[Session], key: Key = None) -> BillingView:
    """Take back a change that waits for the period's end."""
    require_role(session, *BILLERS)
    await acts.withdraw(session.tenant.id, key=read_key(key), member_id=session.member_id)
    return await _view(session.tenant.id)


@put("/seats", operation_id="setSeats")
async def set_seats(data: JSONBody[SeatsRequest], session: NamedDependency[Session], key: Key = None) -> BillingView:
    """Have so many seats: more at once, fewer from the period's end on. Who sits on them is another matter."""
    require_role(session, *BILLERS)
    wish = Wish(seats=data.seats)
    await acts.change(session.tenant.id, wish, at=None, key=read_key(key), member_id=session.member_id)
    return await _view(session.tenant.id)


@put("/cancellation", operation_id="cancelSubscription")
async def cancel_subscription(session: NamedDependency[Session], key: Key = None) -> BillingView:
    """End the subscription with the period that is paid for. A change that waits is withdrawn."""
    require_role(session, *BILLERS)
    await acts.cancel(session.tenant.id, key=read_key(key), member_id=session.member_id)
    return await _view(session.tenant.id)


@delete("/cancellation", status_code=200, operation_id="resumeSubscription")
async def resume_subscription(session: NamedDependency[Session], key: Key = None) -> BillingView:
    """Take the cancellation back before it comes true."""
    require_role(session, *BILLERS)
    await acts.resume(session.tenant.id, key=read_key(key), member_id=session.member_id)
    return await _view(session.tenant.id)


@post("/refreshes", status_code=200, operation_id="refreshBilling")
async def refresh_billing(session: NamedDependency[Session]) -> BillingView:
    """Ask the payment service how things are: on the return from its pages, whether or not it has told us already."""
    require_role(session, *BILLERS)
    await refresh_now(session.tenant.id)
    return await _view(session.tenant.id)


_HANDLERS: Any = [
    get_billing, list_plans, open_checkout, open_portal, preview_change, change_subscription, withdraw_change,
    set_seats, cancel_subscription, resume_subscription, refresh_billing,
]  # fmt: skip
billing_router = Router("/billing", route_handlers=_HANDLERS, tags=["billing"])
"""The app injects `session`."""
