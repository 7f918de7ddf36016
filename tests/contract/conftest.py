"""The fixtures of the integration tests, for contracts that need a real server."""

from tests.integration.conftest import databases, new_tenant, owner_urls, tenant_pool

__all__ = ["databases", "new_tenant", "owner_urls", "tenant_pool"]
