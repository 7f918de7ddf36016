"""Pushes that failed by a fault of ours: the third time, the queue passes the mutation that they stumble over (S8)."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import asyncpg

from server.db import connection
from server.errors import AppError

FAILURES_MAX: Final = 3
"""So often a push fails whole, in case the fault was of the moment; then its culprit is looked for, and refused."""


def is_fault(error: Exception) -> bool:
    """Whether our code is at fault, as opposed to the database, the machine, or whoever asked."""
    trouble = (AppError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, MemoryError)
    return not isinstance(error, trouble)


async def count_failure(device_id: UUID, mutations: Sequence[dict[str, Any]]) -> None:
    """A push that began with these mutations failed; its own transaction is gone."""
    await connection().execute(
        "UPDATE device SET failures = CASE WHEN failed_number = $2 THEN failures + 1 ELSE 1 END, failed_number = $2"
        " WHERE id = $1",
        device_id,
        mutations[0]["number"] if mutations else 0,
    )


def is_suspect(device: asyncpg.Record, mutations: list[dict[str, Any]]) -> bool:
    """Whether pushes that began with the same mutation have failed so often that its culprit is to be refused."""
    return bool(mutations and device["failed_number"] == mutations[0]["number"] and device["failures"] >= FAILURES_MAX)
