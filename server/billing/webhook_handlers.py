"""Where Stripe tells us that something has happened."""

import logging
from typing import Any, Final

import msgspec
from litestar import Request, post
from litestar.datastructures import State
from litestar.exceptions import ClientException

from server.billing.gateway import SIGNATURE_HEADER, verify_signature
from server.billing.inbox import BODY_BYTES_MAX, WebhookRefused, read_event, store_event
from server.billing.provider import PaymentsNotSetUp
from server.db import platform_transaction
from server.errors import TooLarge

PATH: Final = "/billing/webhooks/stripe"

_log = logging.getLogger(__name__)


class WebhookReceipt(msgspec.Struct):
    """An event was taken. `new`: it was not there already."""

    new: bool


@post(
    PATH,
    status_code=200,
    exclude_from_auth=True,
    request_max_body_size=BODY_BYTES_MAX,
    tags=["billing"],
    operation_id="takeStripeEvent",
)
async def take_stripe_event(request: Request[Any, Any, Any], state: State) -> WebhookReceipt:
    """Take an event of Stripe's. It is answered before anything is done about it."""
    secret = getattr(state.config, "stripe_webhook_secret", None)
    if secret is None:
        raise PaymentsNotSetUp
    try:
        body = await request.body()
    except ClientException:
        _log.warning("Billing: a webhook was refused: it is larger than %d bytes.", BODY_BYTES_MAX)
        raise TooLarge(f"An event has at most {BODY_BYTES_MAX} bytes.") from None
    wrong = verify_signature(body, request.headers.get(SIGNATURE_HEADER, ""), secret)
    if wrong is not None:
        _log.warning("Billing: a webhook was refused: %s.", wrong)
        raise WebhookRefused(wrong)
    event = read_event(body)
    async with platform_transaction():
        return WebhookReceipt(await store_event(event, body))
