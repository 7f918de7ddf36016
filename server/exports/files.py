"""Writes an export to a file, whole or not at all."""

import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final, Literal

from server.crm.rights import Viewer
from server.db import TenantRef, tenant_transaction
from server.exports.csv_zip import write_zip
from server.exports.rows import Readable, readable
from server.exports.sqlite_file import write_sqlite

Format = Literal["csv", "sqlite"]
FORMATS: Final[dict[Format, tuple[str, Callable[[Path, Sequence[Readable]], Awaitable[dict[str, int]]]]]] = {
    "csv": ("zip", write_zip),
    "sqlite": ("db", write_sqlite),
}
"""Format → the ending of its file, and what writes it."""


async def export_tenant(tenant: TenantRef, viewer: Viewer, path: Path, form: Format) -> dict[str, int]:
    """Write all that the viewer may read, as of one moment; how many rows of each entity.

    The file is there when it is complete; whoever else is on the machine cannot read it.
    """
    part = path.with_name(f".{path.name}.part")
    _make_private(part)
    try:
        async with tenant_transaction(tenant, snapshot=True):
            counts = await FORMATS[form][1](part, readable(viewer))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return counts


def _make_private(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
