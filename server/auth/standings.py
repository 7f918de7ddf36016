"""What is remembered of whom a token stands for: their tenant, what it may do, and what they may do.

A process that changes any of it forgets at once; others go on with what they know for `STANDING_TTL_S`, of
what the tenant has paid for `TENANT_TTL_S`.
"""

from typing import Final
from uuid import UUID

from server.auth.api_keys import KeyStanding
from server.auth.service import Standing
from server.auth.ttl_cache import TtlCache
from server.tenants.entitlements import EntitledTenant, rewritten

TENANT_TTL_S: Final = 3.0
"""How long a tenant that has paid may be held to what it had before: the worker writes it, and the web servers ask."""
STANDING_TTL_S: Final = 30.0
"""How long a dismissed member or a revoked device may go on with a token, in a process that did not revoke it."""
TENANTS_CACHED_MAX: Final = 10_000
STANDINGS_CACHED_MAX: Final = 50_000

tenants: Final[TtlCache[UUID, EntitledTenant]] = TtlCache(ttl_s=TENANT_TTL_S, size_max=TENANTS_CACHED_MAX)
trusted: Final[TtlCache[str, Standing]] = TtlCache(ttl_s=STANDING_TTL_S, size_max=STANDINGS_CACHED_MAX)
"""By the token's id."""

key_standings: Final[TtlCache[bytes, KeyStanding]] = TtlCache(ttl_s=STANDING_TTL_S, size_max=STANDINGS_CACHED_MAX)
"""By the API key's hash."""


_generation = 0


def generation() -> int:
    """How often standings were forgotten: who keeps a connection open looks again when it is another."""
    return _generation


def forget_standings() -> None:
    """Look everybody up again, at once, in this process: somebody was just revoked, dismissed or given another role."""
    global _generation
    _generation += 1
    tenants.clear()
    trusted.clear()
    key_standings.clear()


rewritten.append(tenants.forget)
