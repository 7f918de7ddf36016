"""Whether a webhook is Stripe's, and of now."""

import time
from typing import Final

from stripe import SignatureVerificationError, WebhookSignature

SIGNATURE_HEADER: Final = "stripe-signature"
TOLERANCE_S: Final = 300
"""How old a message may be; and how far ahead of our clock, which the SDK does not ask."""


def verify_signature(body: bytes, header: str, secret: str) -> str | None:
    """What is wrong with a message's signature; None: it is Stripe's, and of now."""
    signed_at = _signed_at(header) if header.isascii() else None
    if signed_at is None:
        return "no time is signed"
    if signed_at > time.time() + TOLERANCE_S:
        return "it is signed in the future"
    try:
        WebhookSignature.verify_header(body, header, secret, TOLERANCE_S)
    except (SignatureVerificationError, ValueError, UnicodeError) as error:
        return str(error).partition("\n")[0]
    return None


def _signed_at(header: str) -> int | None:
    for part in header.split(","):
        name, _, value = part.partition("=")
        if name == "t":
            return int(value) if value.isascii() and value.isdigit() and len(value) < 12 else None
    return None
