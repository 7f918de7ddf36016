"""When a connection is worn: its backend of PostgreSQL keeps plans, functions and catalogue of each tenant it served.

Measured on PostgreSQL 18: a tenant that is only read leaves 0.2 MB, one whose contacts are written 1.5 MB, one that
gets accounts and outlets 7 MB; most of it are plans of triggers. No command frees them: a worn connection is replaced.
"""

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import asyncpg

BACKEND_BYTES_MAX: Final = 80_000_000
"""What a backend may hold. What it took since the last look comes on top."""
LOOK_AFTER_TENANTS: Final = 4
LOOK_AFTER_TRANSACTIONS: Final = 500
"""A look costs up to 15 ms of the backend: one after so many tenants that are new to it, or so many transactions."""
TENANTS_MAX: Final = 64
"""Of how many tenants one may be, where the server does not say what it holds."""

_HELD: Final = "SELECT sum(total_bytes)::bigint FROM pg_get_backend_memory_contexts()"


@dataclass(slots=True)
class _Backend:
    tenants: set[UUID] = field(default_factory=set)
    new_tenants: int = 0
    transactions: int = 0


@dataclass(slots=True)
class Wear:
    """What the backends of one pool have been through."""

    _is_told: bool = True
    """Whether the server says what a backend holds. Only a superuser may grant that (`server.tenants.hardening`)."""
    _backends: dict[int, _Backend] = field(default_factory=dict)

    def begin(self, connection: asyncpg.Connection) -> None:
        """A connection was opened."""
        pid = connection.get_server_pid()
        self._backends[pid] = _Backend()

        def forget(_: object) -> None:
            self._backends.pop(pid, None)

        connection.add_termination_listener(forget)

    def is_due(self, pid: int, tenant_id: UUID) -> bool:
        """Whether `is_worn` should be asked; called once for each transaction of a tenant's."""
        backend = self._backends.setdefault(pid, _Backend())
        backend.transactions += 1
        if tenant_id not in backend.tenants:
            backend.tenants.add(tenant_id)
            backend.new_tenants += 1
        if not self._is_told:
            return len(backend.tenants) > TENANTS_MAX
        return backend.new_tenants >= LOOK_AFTER_TENANTS or backend.transactions >= LOOK_AFTER_TRANSACTIONS

    async def is_worn(self, connection: "asyncpg.Connection | asyncpg.pool.PoolConnectionProxy") -> bool:
        """Whether to replace the connection. Outside of a transaction."""
        backend = self._backends.setdefault(connection.get_server_pid(), _Backend())
        backend.new_tenants = backend.transactions = 0
        if self._is_told:
            try:
                return bool(await connection.fetchval(_HELD) > BACKEND_BYTES_MAX)
            except asyncpg.InsufficientPrivilegeError:
                self._is_told = False
        return len(backend.tenants) > TENANTS_MAX
