"""The acts: changing, cancelling, resuming. They open transactions themselves, none of them while a provider is asked.

Each begins with a refetch, so that it is decided on what is; while the provider is down it ends there, and nothing was
asked. Then the wish is decided and stored as an intent, then the provider is asked under the intent's id, then the
state is refetched. If the provider breaks off, the intent stays, and whoever comes next finishes it: the same request
again, or the sweeper. First they look whether it has come true.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from server import clock
from server.billing import change_rules, intents, provider
from server.billing.access import State
from server.billing.account.customer import Account, get_account, lock_account
from server.billing.change_rules import Decision, Excess, Mode, Wish
from server.billing.intents import CHANGING, Intent, IntentFailed, Kind
from server.billing.judge import Mirrored, find_present
from server.billing.mirror import load_subscriptions
from server.billing.plans import Interval, get_plan
from server.billing.provider import (
    PaymentServiceDown,
    PaymentServiceUnclear,
    ProviderPreview,
    ProviderSubscription,
    Target,
)
from server.billing.refresh import Refreshed, refresh_now, want_refresh
from server.billing.usage import current_usage
from server.crm.idempotency import KeyReused
from server.db import TenantRef, platform_transaction
from server.errors import AppError, refuse
from server.tenants.entitlements import Entitlement, find_entitlement

FOLLOWED_FOR_S: Final = 30.0
POLL_S: Final = 0.1
UNANSWERED_MAX: Final = 3
"""After so many the provider is down, and the sweeper comes again in half a minute."""
PREVIEW_HOLDS: Final = timedelta(hours=1)
"""So long the amounts of a preview are those of the change."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Standing:
    """What an act is decided on."""

    account: Account
    held: Entitlement
    present: Mirrored | None

    @property
    def state(self) -> State:
        """How the tenant stands."""
        return State(self.held.state)


@dataclass(frozen=True, slots=True)
class Preview:
    """What a change would cost, or when it would come true, and what it would leave no room for."""

    decision: Decision
    cost: ProviderPreview | None
    excess: tuple[Excess, ...]


async def load_standing(tenant_id: UUID, *, lock: bool = False) -> Standing:
    """How a tenant stands (platform transaction); locked, no other act begins until it ends."""
    account = await (lock_account if lock else get_account)(tenant_id)
    held = await find_entitlement(tenant_id)
    return Standing(account, held, find_present(await load_subscriptions(tenant_id)))


async def preview_change(tenant: TenantRef, wish: Wish) -> Preview:
    """What a change would mean; nothing is changed."""
    refreshed = await refresh_now(tenant.id)
    async with platform_transaction():
        standing = await load_standing(tenant.id)
    decision = change_rules.decide_change(standing.present, standing.state, wish)
    excess = change_rules.find_excess(decision.target, await current_usage(tenant))
    if decision.mode is not Mode.NOW or refreshed is None:
        return Preview(decision, None, excess)
    subscription = _subscription(refreshed, standing.present)
    at = clock.now().replace(microsecond=0)
    cost = await provider.get_provider(_provider_name(standing.account)).preview_change(
        refreshed.state.customer_id, subscription, decision.target, at
    )
    return Preview(decision, cost, excess)


async def change(
    tenant_id: UUID, wish: Wish, *, at: datetime | None, key: str | None, member_id: UUID | None
) -> Mapping[str, Any]:
    """Change plan, interval or seats: more at once, less at the period's end.

    Args:
        tenant_id: whose subscription.
        wish: for it.
        at: the moment that a preview named, whose amounts then hold.
        key: the same key is the same change; None: the same wish with nothing in between is.
        member_id: who wants it.

    Returns:
        Mode, plan, interval, seats, and when it comes true.

    Raises:
        PaymentDeclined: nothing has changed.
        PaymentServiceUnclear: it is finished by itself.
        ActUnderWay: another change is not finished.
    """
    now = clock.now()
    if at is not None and not now - PREVIEW_HOLDS <= at <= now + timedelta(minutes=1):
        raise refuse("at", "The preview is too old. Ask for another.")
    asked = {"wish": _write_wish(wish)}

    async def decide(standing: Standing) -> tuple[Kind, dict[str, Any]] | dict[str, Any]:
        decision = change_rules.decide_change(standing.present, standing.state, wish)
        outcome = _write_decision(decision)
        if decision.mode is Mode.NOTHING:
            return outcome
        kind = {Mode.NOW: Kind.CHANGE, Mode.SCHEDULED: Kind.SCHEDULE, Mode.WITHDRAWN: Kind.WITHDRAW}[decision.mode]
        charged = await intents.list_charged(tenant_id)
        return kind, {
            "outcome": outcome,
            "at": (at or now).isoformat(),
            "invoice": change_rules.is_invoiced_now(charged, now),
        }

    return await _act(tenant_id, asked, decide, key, member_id)


async def withdraw(tenant_id: UUID, *, key: str | None, member_id: UUID | None) -> Mapping[str, Any]:
    """Take back a change that waits for the period's end."""

    async def decide(standing: Standing) -> tuple[Kind, dict[str, Any]] | dict[str, Any]:
        present = change_rules.require_running(standing.present)
        outcome = {"mode": Mode.WITHDRAWN.value}
        return (Kind.WITHDRAW, {"outcome": outcome}) if present.scheduled else outcome

    return await _act(tenant_id, {"wish": "withdraw"}, decide, key, member_id)


async def cancel(tenant_id: UUID, *, key: str | None, member_id: UUID | None) -> Mapping[str, Any]:
    """End the subscription with the period that is paid for; a change that waits for it is withdrawn."""

    async def decide(standing: Standing) -> tuple[Kind, dict[str, Any]] | dict[str, Any]:
        present = change_rules.require_running(standing.present)
        return {} if present.cancel_at else (Kind.CANCEL, {"outcome": {}})

    return await _act(tenant_id, {"wish": "cancel"}, decide, key, member_id)


async def resume(tenant_id: UUID, *, key: str | None, member_id: UUID | None) -> Mapping[str, Any]:
    """Take a cancellation back before it comes true."""

    async def decide(standing: Standing) -> tuple[Kind, dict[str, Any]] | dict[str, Any]:
        present = change_rules.require_running(standing.present)
        return (Kind.RESUME, {"outcome": {}}) if present.cancel_at else {}

    return await _act(tenant_id, {"wish": "resume"}, decide, key, member_id)


async def _act(
    tenant_id: UUID, asked: dict[str, Any], decide: Any, key: str | None, member_id: UUID | None
) -> Mapping[str, Any]:
    """Refetch, decide, store, ask, refetch. An act under a key that is known is followed instead."""
    async with platform_transaction():
        await get_account(tenant_id)
        key = key or await intents.make_key(tenant_id, asked)
        known = await intents.find_intent(tenant_id, key)
    if known is not None:
        return await _follow(known, asked)
    refreshed = await refresh_now(tenant_id)
    async with platform_transaction():
        standing = await load_standing(tenant_id, lock=True)
        known = await intents.find_intent(tenant_id, key)
        if known is None:
            await intents.require_nothing_under_way(tenant_id)
            decided: tuple[Kind, dict[str, Any]] | dict[str, Any] = await decide(standing)
            if not isinstance(decided, tuple):
                return decided
            assert standing.present is not None
            parameters = asked | decided[1] | {"subscription": standing.present.id}
            intent = await intents.store_intent(tenant_id, decided[0], key, parameters, member_id)
    if known is not None:
        return await _follow(known, asked)
    return await _run(intent, refreshed)


async def _follow(intent: Intent, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """What becomes of an intent that somebody else has begun, or the same person with the click before."""
    if intent.parameters.get("wish") != asked["wish"]:
        raise KeyReused
    deadline = asyncio.get_running_loop().time() + FOLLOWED_FOR_S
    while intent.state == "pending":
        async with platform_transaction():
            mine = await intents.try_again(intent.id)
        if mine is not None:
            return await finish(mine)
        if asyncio.get_running_loop().time() > deadline:
            raise PaymentServiceUnclear
        await asyncio.sleep(POLL_S)
        async with platform_transaction():
            intent = await intents.get_intent(intent.id)
    if intent.problem is not None:
        raise IntentFailed(intent.problem)
    return intent.result or {}


async def finish(intent: Intent) -> Mapping[str, Any]:
    """Finish an intent that was broken off: perhaps it has come true; else it is asked for again, under its key."""
    try:
        refreshed = await refresh_now(intent.tenant_id)
    except PaymentServiceDown:
        async with platform_transaction():
            await intents.pause_intent(intent.id)
        raise
    if refreshed is not None and _has_come_true(intent, find_present(refreshed.judged.subscriptions)):
        return await _end(intent)
    if clock.now() - intent.created_at > intents.GIVE_UP_AFTER:
        problem = PaymentServiceDown("The payment service did not answer for an hour, and nothing has changed.")
        async with platform_transaction():
            await intents.end_intent(intent.id, problem=problem.problem())
        _log.error("Billing of %s: gave up %s, intent %s.", intent.tenant_id, intent.kind, intent.id)
        raise problem
    return await _run(intent, refreshed)


async def _run(intent: Intent, refreshed: Refreshed | None) -> Mapping[str, Any]:
    try:
        if refreshed is None:
            raise change_rules.NoSubscription
        await _ask(intent, refreshed)
    except PaymentServiceDown as error:
        async with platform_transaction():
            await intents.pause_intent(intent.id)
            await want_refresh(intent.tenant_id)
        raise PaymentServiceUnclear from error
    except AppError as error:
        async with platform_transaction():
            await intents.end_intent(intent.id, problem=error.problem())
            await want_refresh(intent.tenant_id)
        raise
    return await _end(intent)


async def _end(intent: Intent) -> Mapping[str, Any]:
    """It is done; what it has led to is refetched, now or, should the provider be down just then, by a job.

    Refetched first, and ended then: whoever waits for its end sees what it has led to.
    """
    result: Mapping[str, Any] = intent.parameters.get("outcome") or {}
    try:
        await refresh_now(intent.tenant_id)
        seen = True
    except PaymentServiceDown:
        seen = False
        _log.warning("Billing of %s: %s is done, and is seen a little later.", intent.tenant_id, intent.kind)
    async with platform_transaction():
        await intents.end_intent(intent.id, result=result)
        if not seen:
            await want_refresh(intent.tenant_id)
    return result


async def _ask(intent: Intent, refreshed: Refreshed) -> None:
    asked = provider.get_provider(_provider_name(refreshed.account))
    present = next((s for s in refreshed.judged.subscriptions if s.id == intent.parameters["subscription"]), None)
    subscription, key = _subscription(refreshed, present), str(intent.id)
    match intent.kind:
        case Kind.CHANGE:
            at = datetime.fromisoformat(intent.parameters["at"]).astimezone(UTC)
            invoice = bool(intent.parameters["invoice"])
            await asked.change_now(subscription, _read_target(intent, subscription), at, invoice=invoice, key=key)
        case Kind.SCHEDULE:
            await asked.schedule_change(subscription, _read_target(intent, subscription), key)
        case Kind.WITHDRAW:
            await asked.withdraw_change(subscription, key)
        case Kind.CANCEL:
            await asked.cancel(subscription, key)
        case Kind.RESUME:
            await asked.resume(subscription, key)
        case Kind.CHECKOUT:  # nobody waits for its page any longer
            raise PaymentServiceDown


def _has_come_true(intent: Intent, present: Mirrored | None) -> bool:
    if present is None or present.id != intent.parameters.get("subscription"):
        return False
    outcome = intent.parameters.get("outcome") or {}
    wanted = tuple(outcome.get(name) for name in ("plan", "interval", "seats"))
    scheduled = present.scheduled
    match intent.kind:
        case Kind.CHANGE:
            return wanted == (present.plan.key, present.interval.value, present.seats)
        case Kind.SCHEDULE:
            return scheduled is not None and wanted == (scheduled.plan, scheduled.interval, scheduled.seats)
        case Kind.WITHDRAW:
            return scheduled is None
        case Kind.CANCEL:
            return present.cancel_at is not None or not present.is_live
        case Kind.RESUME:
            return present.cancel_at is None and present.is_live
        case Kind.CHECKOUT:
            return True


def _subscription(refreshed: Refreshed, present: Mirrored | None) -> ProviderSubscription:
    found = [each for each in refreshed.state.subscriptions if present is not None and each.id == present.id]
    if not found:
        raise change_rules.NoSubscription
    return found[0]


def _provider_name(account: Account) -> str:
    if account.provider is None:
        raise change_rules.NoSubscription
    return account.provider


def _write_wish(wish: Wish) -> dict[str, Any]:
    return {"plan": wish.plan, "interval": wish.interval and wish.interval.value, "seats": wish.seats}


def _write_decision(decision: Decision) -> dict[str, Any]:
    target = decision.target
    return {
        "mode": decision.mode.value, "plan": target.plan.key, "version": target.plan.version,
        "interval": target.interval.value, "seats": target.seats, "at": decision.at and decision.at.isoformat(),
    }  # fmt: skip


def _read_target(intent: Intent, subscription: ProviderSubscription) -> Target:
    wanted = intent.parameters["outcome"]
    plan = get_plan(wanted["plan"], wanted["version"])
    return Target(plan, Interval(wanted["interval"]), subscription.currency, wanted["seats"])


async def sweep_intents() -> int:
    """Finish what was broken off; answers how many ended."""
    async with platform_transaction():
        waiting = await intents.list_unfinished()
    ended = unanswered = 0
    for intent_id in waiting:
        if unanswered == UNANSWERED_MAX:
            break
        async with platform_transaction():
            intent = await intents.try_again(intent_id)
        if intent is None:
            continue
        try:
            if intent.kind in CHANGING:
                await finish(intent)
            else:
                async with platform_transaction():
                    await intents.end_intent(intent.id, problem=PaymentServiceDown().problem())
            ended += 1
        except AppError as error:
            ended += not isinstance(error, PaymentServiceDown)
            unanswered += isinstance(error, PaymentServiceDown)
            _log.warning("Billing of %s: %s: %s", intent.tenant_id, intent.kind, error.message)
        except Exception:
            _log.exception("Billing of %s: %s could not be finished.", intent.tenant_id, intent.kind)
    return ended
