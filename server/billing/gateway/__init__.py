"""The only door to Stripe: nothing else imports its SDK (ADR 0035)."""

from server.billing.gateway.acts import StripeGateway
from server.billing.gateway.client import StripeSettings
from server.billing.gateway.signature import SIGNATURE_HEADER, verify_signature

__all__ = ["SIGNATURE_HEADER", "StripeGateway", "StripeSettings", "verify_signature"]
