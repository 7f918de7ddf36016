"""What time brings, looked at every few minutes by the worker of the main database. Each part may fail alone."""

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from server.billing.deletion.jobs import delete_due
from server.billing.invoice.jobs import mail_unmailed
from server.billing.notice.jobs import send_due_notices
from server.billing.provider import PaymentsNotSetUp, get_provider
from server.billing.setup import TRANSFER
from server.billing.sign_up.service import forget_old_sign_ups
from server.billing.transfer.gateway import TransferGateway
from server.billing.transfer.renewals import renew_all
from server.db import platform_transaction

TENDED_EVERY_S: Final = 600.0

_log = logging.getLogger(__name__)


async def tend() -> None:
    """Do all that is due. Idempotent: what was done is not due any more."""
    for part in _PARTS:
        try:
            await part()
        except Exception:
            _log.exception("Billing: %s failed; it is tried again.", part.__name__)


async def renew_transfers() -> None:
    """Write the invoices of subscriptions that are paid by transfer, where somebody is set to write them."""
    try:
        gateway = get_provider(TRANSFER)
    except PaymentsNotSetUp:
        return
    assert isinstance(gateway, TransferGateway)
    await renew_all(gateway)


async def mail_invoices() -> None:
    """Mail what nobody mailed."""
    await mail_unmailed()


async def send_notices() -> None:
    """Tell what is to be told."""
    await send_due_notices()


async def delete_tenants() -> None:
    """Delete whose time has come."""
    await delete_due()


async def forget_sign_ups() -> None:
    """Forget what came to nothing."""
    async with platform_transaction():
        await forget_old_sign_ups()


_PARTS: Final[tuple[Callable[[], Awaitable[None]], ...]] = (
    renew_transfers,
    mail_invoices,
    send_notices,
    delete_tenants,
    forget_sign_ups,
)
