"""A process that ends at a statement of one's choice."""

import os
import sqlite3

STRIDE = int(os.environ.get("OUTRIDER_CRASH_STRIDE", "16"))
"""Every so many statements a crash, to be quick; 1 takes each (two minutes)."""


class Crash(BaseException):
    """The process is gone."""


def crashing_connection(at, *, after):
    """A connection class that crashes before or after its statement number `at`; `seen` counts over all connections."""

    class Crashing(sqlite3.Connection):
        seen = 0

        def _run(self, run, *arguments):
            type(self).seen += 1
            if type(self).seen >= at and not after:
                raise Crash
            done = run(*arguments)
            if type(self).seen >= at:
                raise Crash
            return done

        def execute(self, *arguments):
            return self._run(super().execute, *arguments)

        def executemany(self, *arguments):
            return self._run(super().executemany, *arguments)

    return Crashing
