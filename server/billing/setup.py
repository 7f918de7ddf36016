"""Which providers an installation has, by its settings."""

from typing import Final

from server.billing import provider
from server.billing.gateway import StripeGateway, StripeSettings
from server.billing.transfer.gateway import TransferGateway
from server.billing.transfer.seller import Seller
from server.config import Config

STRIPE: Final = "stripe"
TRANSFER: Final = "transfer"


def use(config: Config) -> None:
    """Make the providers of these settings the process's (at start-up)."""
    gateway = StripeGateway(StripeSettings(config.stripe_key, config.stripe_url)) if config.stripe_key else None
    provider.use(STRIPE, gateway)
    seller = Seller.of(config.invoice_seller) if config.invoice_seller else None
    provider.use(TRANSFER, TransferGateway(seller) if seller else None)


async def close() -> None:
    """Close what the providers opened on the running loop (at shutdown)."""
    gateway = provider.find_provider(STRIPE)
    if isinstance(gateway, StripeGateway):
        await gateway.close()
