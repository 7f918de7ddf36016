"""The refetch: one customer's present state, fetched under a lease and stored whole.

Who holds the lease of an account alone may store. A lease is a column, so that no transaction is open while the
provider thinks; a holder that dies loses it by time, and what it then still brings is thrown away. So fetches of one
tenant are stored in the order in which they began. Whoever wants a refetch leaves word on the account; the holder sees
it at its end and sends another job, so nothing that happened after a fetch began is missed.
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from server import clock
from server.billing import provider
from server.billing.account.customer import Account, find_account
from server.billing.judge import Judged
from server.billing.mirror import store_state
from server.billing.provider import CustomerState, PaymentServiceDown
from server.broker import enqueue
from server.db import connection, platform_transaction

LEASE: Final = timedelta(seconds=60)
FETCH_TIMEOUT_S: Final = 45.0
"""Below the lease: who holds it knows in time that it has failed."""
WAIT_S: Final = 20.0
"""How long somebody who needs the state now waits for another's fetch."""
POLL_S: Final = 0.05

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a refetch brought."""

    account: Account
    state: CustomerState
    judged: Judged
    changes: tuple[str, ...]
    """What was new to us."""


@dataclass(frozen=True, slots=True)
class _Claim:
    account: Account
    lease: UUID
    at: datetime
    wanted_at: datetime | None


async def refresh_if_wanted(tenant_id: UUID) -> Refreshed | None:
    """Refetch if anybody left word; None where nobody did, or another is at it and will see the word.

    Raises:
        PaymentServiceDown: the word stands; come again later.
    """
    claim = await _claim(tenant_id, forced=False)
    return None if claim is None else await _run(claim)


async def refresh_now(tenant_id: UUID) -> Refreshed | None:
    """Refetch with a fetch that begins after this call; None where there is no customer to ask about.

    Raises:
        PaymentServiceDown: the provider, or the fetch before this one, takes too long.
    """
    deadline = asyncio.get_running_loop().time() + WAIT_S
    while True:
        claim = await _claim(tenant_id, forced=True)
        if claim is not None and (refreshed := await _run(claim)) is not None:
            return refreshed
        async with platform_transaction():
            account = await find_account(tenant_id)
        if account is None or account.customer_id is None:
            return None
        if asyncio.get_running_loop().time() > deadline:
            raise PaymentServiceDown
        await asyncio.sleep(POLL_S)


async def _claim(tenant_id: UUID, *, forced: bool) -> _Claim | None:
    now, lease = clock.now(), uuid4()
    async with platform_transaction() as conn:
        row = await conn.fetchrow(
            """SELECT customer_id, provider, refresh_wanted_at, refresh_leased_until FROM billing_account
            WHERE tenant_id = $1 FOR UPDATE""",
            tenant_id,
        )
        if row is None or row["customer_id"] is None or row["provider"] is None:
            return None
        if row["refresh_leased_until"] is not None and row["refresh_leased_until"] > now:
            return None
        # A lease that ran out is a fetch that never ended.
        wanted = forced or row["refresh_wanted_at"] is not None or row["refresh_leased_until"] is not None
        if not wanted and not await _has_unprocessed(row["customer_id"]):
            return None
        await conn.execute(
            """UPDATE billing_account SET refresh_lease = $2, refresh_leased_until = $3, refresh_wanted_at = NULL
            WHERE tenant_id = $1""",
            tenant_id, lease, now + LEASE,
        )  # fmt: skip
        account = await find_account(tenant_id)
    assert account is not None
    return _Claim(account, lease, now, row["refresh_wanted_at"])


async def _has_unprocessed(customer_id: str) -> bool:
    found: bool = await connection().fetchval(
        "SELECT EXISTS (SELECT FROM stripe_event WHERE customer_id = $1 AND processed_at IS NULL)", customer_id
    )
    return found


async def _run(claim: _Claim) -> Refreshed | None:
    account = claim.account
    assert account.provider is not None
    assert account.customer_id is not None
    try:
        async with asyncio.timeout(FETCH_TIMEOUT_S):
            state = await provider.get_provider(account.provider).fetch_customer_state(account.customer_id)
        return await _store(claim, state)
    except BaseException as error:
        await asyncio.shield(_give_back(claim))
        if isinstance(error, TimeoutError):
            raise PaymentServiceDown from error
        raise


async def _store(claim: _Claim, state: CustomerState) -> Refreshed | None:
    tenant_id = claim.account.tenant_id
    async with platform_transaction():
        row = await connection().fetchrow(
            """UPDATE billing_account SET refresh_lease = NULL, refresh_leased_until = NULL
            WHERE tenant_id = $1 AND refresh_lease = $2 RETURNING refresh_wanted_at""",
            tenant_id,
            claim.lease,
        )
        if row is None:
            _log.warning("Billing: the refetch of %s took longer than its lease; a later one counts.", tenant_id)
            return None
        account = await find_account(tenant_id)
        assert account is not None
        if account.customer_id != state.customer_id:  # another customer of the same tenant, since
            await want_refresh(tenant_id)
            return None
        judged, changes = await store_state(account, state, fetched_at=claim.at)
        await connection().execute(
            """UPDATE stripe_event SET processed_at = $2, outcome = 'refreshed'
            WHERE customer_id = $1 AND processed_at IS NULL AND received_at <= $3""",
            state.customer_id, clock.now(), claim.at,
        )  # fmt: skip
        if row["refresh_wanted_at"] is not None:
            await enqueue_refresh(tenant_id)
    for alert in judged.alerts:
        _log.error("Billing of %s (%s): %s.", account.slug, tenant_id, alert)
    return Refreshed(account, state, judged, tuple(changes))


async def _give_back(claim: _Claim) -> None:
    """The lease, and the word that somebody had left, as of now: whoever left it has a job that comes again."""
    async with platform_transaction():
        await connection().execute(
            """UPDATE billing_account SET refresh_lease = NULL, refresh_leased_until = NULL,
                refresh_wanted_at = coalesce(refresh_wanted_at, $3)
            WHERE tenant_id = $1 AND refresh_lease = $2""",
            claim.account.tenant_id, claim.lease, claim.wanted_at and clock.now(),
        )  # fmt: skip


async def note_refusal(tenant_id: UUID, words: str) -> None:
    """Tell the operator that a customer cannot be fetched, and leave its events at that (platform transaction).

    The next event, or the reconciliation, tries again.
    """
    customer_id = await connection().fetchval(
        "UPDATE billing_account SET alert = $2, refresh_wanted_at = NULL WHERE tenant_id = $1 RETURNING customer_id",
        tenant_id,
        words,
    )
    await connection().execute(
        """UPDATE stripe_event SET processed_at = $2, outcome = 'refused'
        WHERE customer_id = $1 AND processed_at IS NULL""",
        customer_id,
        clock.now(),
    )


async def enqueue_refresh(tenant_id: UUID, *, delay_ms: int = 0) -> None:
    """Have a tenant refetched by a job, once the open transaction has committed; the caller has left word."""
    from server.billing.jobs import refresh_customer  # the job calls this module

    await enqueue(refresh_customer.message(str(tenant_id)), delay_ms=delay_ms)


async def want_refresh(tenant_id: UUID) -> None:
    """Leave word on an account, and send a job unless one is on its way (platform transaction)."""
    first = await connection().fetchval(
        """UPDATE billing_account SET refresh_wanted_at = $2
        WHERE tenant_id = $1 AND refresh_wanted_at IS NULL AND customer_id IS NOT NULL RETURNING true""",
        tenant_id, clock.now(),
    )  # fmt: skip
    if first:
        await enqueue_refresh(tenant_id)
