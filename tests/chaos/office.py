"""What happens at the office meanwhile, by plain SQL: edits, reassignments, long transactions, imports."""

import random
import threading
from collections import Counter
from typing import Any, Final, Self

import psycopg
from psycopg import sql

CHUNK_ROWS: Final = 2_500
BREATH_S: Final = 0.2


class Office:
    """A thread that writes past the application, as a context, until the block ends.

    Args:
        reps: two members, whose customers change hands.
        import_rows: contacts that are imported once, in chunks, for the first of them.
    """

    def __init__(self, owner_url: str, schema: str, reps: tuple[str, str], seed: str, *, import_rows: int) -> None:
        self._place = (owner_url, schema)
        self._reps, self._rows_left = reps, import_rows
        self._chance = random.Random(seed)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="office")
        self.acts: Counter[str] = Counter()
        """What it did, and how often."""
        self.wrong: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._thread.join()

    def _work(self) -> None:
        acts = {
            "contact edited": self._edit, "outlet renamed": self._rename, "customer reassigned": self._reassign,
            "long transaction": self._hold, "chunk imported": self._import, "backend ended": self._end_backend,
        }  # fmt: skip
        while not self._closing.wait(self._chance.uniform(0, 2 * BREATH_S)):
            act = self._chance.choices(list(acts), (8, 4, 3, 1, 4 if self._rows_left else 0, 1))[0]
            try:
                with self._connect() as conn:
                    acts[act](conn)
                self.acts[act] += 1
            except psycopg.OperationalError:
                self.acts["broken off"] += 1  # the server was killed, or this was the backend that was to end
            except psycopg.Error as error:
                self.wrong.append(f"The office could not do “{act}”: {error}")

    def _connect(self) -> psycopg.Connection[Any]:
        url, schema = self._place
        conn = psycopg.connect(url)
        conn.execute(sql.SQL("SET search_path = {}, pg_temp").format(sql.Identifier(schema)))
        return conn

    def _edit(self, conn: psycopg.Connection[Any]) -> None:
        conn.execute(
            "UPDATE contact SET job_title = %s WHERE id = (SELECT id FROM contact WHERE deleted_at IS NULL"
            " ORDER BY md5(id::text || %s) LIMIT 1)",
            (f"title {self._chance.random()}", str(self._chance.random())),
        )

    def _rename(self, conn: psycopg.Connection[Any]) -> None:
        conn.execute(
            "UPDATE outlet SET name = left(name, 20) || %s WHERE id IN (SELECT id FROM outlet"
            " ORDER BY md5(id::text || %s) LIMIT 10)",
            (f" {self._chance.randrange(1_000)}", str(self._chance.random())),
        )

    def _reassign(self, conn: psycopg.Connection[Any]) -> None:
        giving, taking = self._chance.sample(self._reps, 2)
        conn.execute(
            "UPDATE assignment SET member_id = %s WHERE id = (SELECT id FROM assignment WHERE member_id = %s"
            " AND deleted_at IS NULL ORDER BY md5(id::text || %s) LIMIT 1)",
            (taking, giving, str(self._chance.random())),
        )

    def _hold(self, conn: psycopg.Connection[Any]) -> None:
        self._edit(conn)
        self._closing.wait(self._chance.uniform(0.5, 3))  # longer than writers wait for the lock

    def _import(self, conn: psycopg.Connection[Any]) -> None:
        rows = min(self._rows_left, CHUNK_ROWS)
        conn.execute(
            "INSERT INTO contact (id, account_id, name) SELECT gen_random_uuid(), o.account_id, 'Imported ' || n"
            " FROM generate_series(1, %s) n CROSS JOIN LATERAL (SELECT account_id FROM outlet WHERE id IN"
            " (SELECT outlet_id FROM assignment WHERE member_id = %s AND deleted_at IS NULL) LIMIT 1) o",
            (rows, self._reps[0]),
        )
        conn.commit()
        self._rows_left -= rows

    def _end_backend(self, conn: psycopg.Connection[Any]) -> None:
        conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND backend_type = 'client backend' ORDER BY md5(pid::text || %s) LIMIT 1",
            (str(self._chance.random()),),
        )
