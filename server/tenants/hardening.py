"""What SQL text inside one SELECT could abuse is taken from PUBLIC, where the server lets us.

Revoking a right on PostgreSQL's own functions needs a superuser; a managed server may not give us one. The
tenants' binding does not rest on this: it is the second wall, for the day when some SQL is injected.
"""

from contextlib import suppress
from typing import Final

import asyncpg

SWITCHES_ROLE: Final = "pg_catalog.set_config(text, text, boolean)"
"""asyncpg needs it to look up array types, before it has taken a tenant's role: so the app's log-in keeps it."""

DANGEROUS_FUNCTIONS: Final = (
    SWITCHES_ROLE,
    # These run text as SQL.
    "pg_catalog.query_to_xml(text, boolean, boolean, text)",
    "pg_catalog.query_to_xmlschema(text, boolean, boolean, text)",
    "pg_catalog.query_to_xml_and_xmlschema(text, boolean, boolean, text)",
    "pg_catalog.cursor_to_xml(refcursor, integer, boolean, boolean, text)",
    "pg_catalog.table_to_xml(regclass, boolean, boolean, text)",
    "pg_catalog.schema_to_xml(name, boolean, boolean, text)",
    "pg_catalog.database_to_xml(boolean, boolean, text)",
    # These make objects outside every schema, which outlive the tenant.
    "pg_catalog.lo_creat(integer)",
    "pg_catalog.lo_create(oid)",
    "pg_catalog.lo_from_bytea(oid, bytea)",
)


TELLS_MEMORY: Final = "pg_catalog.pg_get_backend_memory_contexts()"
"""What a session's own backend holds, by name and size. A server keeps it from everybody but its monitors."""


async def find_unhardened(owner: asyncpg.Connection) -> list[str]:
    """The dangerous functions that anyone in this database may still execute."""
    rows = await owner.fetch(
        "SELECT f FROM unnest($1::text[]) AS f WHERE has_function_privilege('public', f::regprocedure, 'EXECUTE')",
        DANGEROUS_FUNCTIONS,
    )
    return [row["f"] for row in rows]


async def harden(owner: asyncpg.Connection, login: str) -> list[str]:
    """Revoke what can be revoked, within the owner's transaction; returns what stays open to anyone.

    The log-in keeps, or gets, what the app itself needs.
    """
    for function in await find_unhardened(owner):
        # Without the right to, a server refuses, or only warns and changes nothing: so we look again at the end.
        try:
            async with owner.transaction():
                await owner.execute(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC")
        except asyncpg.InsufficientPrivilegeError:
            continue
    remaining = await find_unhardened(owner)
    if SWITCHES_ROLE not in remaining:
        await _allow(owner, login, SWITCHES_ROLE)
    with suppress(asyncpg.InsufficientPrivilegeError):  # without it, connections are replaced by a rule of thumb
        async with owner.transaction():
            await _allow(owner, login, TELLS_MEMORY)
    return remaining


async def _allow(owner: asyncpg.Connection, login: str, function: str) -> None:
    if not await owner.fetchval("SELECT has_function_privilege($1, $2::regprocedure, 'EXECUTE')", login, function):
        await owner.execute(f'GRANT EXECUTE ON FUNCTION {function} TO "{login}"')
