"""What must survive a restore of the database: which devices were revoked, or are to be wiped, who was erased, which
mail was sent, which tenants were deleted.

Plain files in the state folder, a line an entry, only ever added to. A database that is restored from a backup forgets
what came after it; a thief's phone must not be let in again, nobody who was erased may come back, nor a company that
left, and no customer gets an order's confirmation twice.
Without a state folder (in tests) nothing is kept.
"""

import os
from pathlib import Path
from typing import Literal
from uuid import UUID

from server.storage import private

Kind = Literal["revoked", "erased", "sent", "deleted", "returned", "wipe"]


def note(kind: Kind, tenant_id: UUID, entry: str) -> None:
    """Add an entry, durably; once the transaction that it is about has committed. Twice is as good as once."""
    path = _path(kind, tenant_id, private.state_dir())
    if path is None:
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "a", encoding="utf-8") as file:
        file.write(entry.replace("\n", " ") + "\n")
        file.flush()
        os.fsync(file.fileno())


def entries(kind: Kind, tenant_id: UUID, state_dir: Path | None = None) -> set[str]:
    """All entries of a tenant."""
    path = _path(kind, tenant_id, state_dir or private.state_dir())
    if path is None or not path.exists():
        return set()
    return set(path.read_text(encoding="utf-8").splitlines())


def latest(kind: Kind, tenant_id: UUID, state_dir: Path | None = None) -> dict[str, str]:
    """What was noted last of each subject: entries whose first word names it, as first word → the rest."""
    path = _path(kind, tenant_id, state_dir or private.state_dir())
    if path is None or not path.exists():
        return {}
    parted = (line.partition(" ") for line in path.read_text(encoding="utf-8").splitlines())
    return {subject: rest for subject, _, rest in parted}


def has(kind: Kind, tenant_id: UUID, entry: str) -> bool:
    """Whether there is such an entry; read line by line, as there may be many."""
    path = _path(kind, tenant_id, private.state_dir())
    if path is None or not path.exists():
        return False
    with path.open(encoding="utf-8") as file:
        return any(line.rstrip("\n") == entry for line in file)


def _path(kind: Kind, tenant_id: UUID, state_dir: Path | None) -> Path | None:
    return None if state_dir is None else state_dir / "ledger" / f"{kind}-{tenant_id}.log"
