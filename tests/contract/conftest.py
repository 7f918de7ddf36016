"""The fixtures of the integration tests, for contracts that need a real server; and a Stripe in May."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.integration.conftest import databases, new_tenant, owner_urls, tenant_pool

if TYPE_CHECKING:
    from tests.stripe import StripeSimulator

__all__ = ["databases", "new_tenant", "owner_urls", "tenant_pool"]


@pytest.fixture
def may() -> "Iterator[StripeSimulator]":
    """A Stripe whose time begins on 1 May, as in the examples of Stripe's documentation."""
    from tests.stripe import StripeSimulator

    with StripeSimulator.running(clock=datetime(2027, 5, 1, tzinfo=UTC)) as simulator:
        yield simulator
