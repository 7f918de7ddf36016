"""Statements that PostgreSQL works on while this process goes on computing, within one transaction."""

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self


class Beside:
    """Work of one transaction that is under way beside what its task computes: one at a time, and each in its turn.

    A connection takes one statement at a time, so whoever has begun something here sends no other until it is left.
    When it is left, nothing is under way, whatever has happened.
    """

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin with work, once what was begun before is done.

        Raises:
            whatever went wrong in that; then the work is not begun.
        """
        try:
            await self._finish()
        except BaseException:
            work.close()
            raise
        self._task = asyncio.create_task(work)
        await asyncio.sleep(0)  # lets it send its first statement

    async def _finish(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            try:
                await asyncio.shield(task)
            except asyncio.CancelledError:
                await asyncio.wait({task})  # the statement must be over before the transaction is undone
                raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            await self._finish()
        elif self._task is not None:
            await asyncio.wait({self._task})
            self._task.cancelled() or self._task.exception()  # the first error is the one to tell
