"""Wiping: everything of a replica goes, and the server is told (protocol §16).

In this order, each step durable before the next: a note of what is to be erased, with the receipt ready in it; the
files, overwritten and removed; the receipt sent; the note removed. Whoever opens the replica after a crash finishes it.
"""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from outrider_sdk.credentials import Credentials
from outrider_sdk.errors import NotEnrolled, Rejected, SyncError
from outrider_sdk.store import sync_folder

_ZEROS = bytes(1024 * 1024)


def note_of(replica: Path) -> Path:
    """Where the note of a wipe is kept until the server has the receipt; there is nothing of the data in it."""
    return replica.with_name(f"{replica.name}.wiped.json")


def begin(replica: Path, held: Credentials | None, facts: dict[str, Any]) -> None:
    """Decide on the wipe, durably: from here on it will be done."""
    receipt: dict[str, Any] = {}
    if held is not None:
        receipt = {"server": held.server, "slug": held.slug, "device_id": held.device_id}
        receipt["proof"] = held.proof(f"wiped/{held.device_id}")
    _write(note_of(replica), {"done": False, "receipt": receipt, "facts": facts})


def finish(replica: Path) -> bool:
    """Erase what a note says is to be erased; whether there was one that was not done. The replica is closed."""
    path = note_of(replica)
    if not path.exists():
        return False
    note = json.loads(path.read_text(encoding="utf-8"))
    if note["done"]:
        return False
    files, size = 0, 0
    for file in _files(replica):
        size += file.stat().st_size
        files += 1
        _erase(file)
    folder = replica.with_name(f"{replica.name}.files")
    with suppress(OSError):
        folder.rmdir()
    note["facts"] |= {"files": files, "size_bytes": size}
    _write(path, note | {"done": True})
    return True


def report(replica: Path) -> bool:
    """Send the receipt, if one waits; whether it was sent, or there is none.

    A server that cannot be reached gets it later; one that does not know the device any more needs none.
    """
    from outrider_sdk.http import Http

    path = note_of(replica)
    if not path.exists():
        return True
    note = json.loads(path.read_text(encoding="utf-8"))
    receipt = note["receipt"]
    if receipt:
        try:
            http = Http(receipt["server"])
        except NotEnrolled:
            return False
        message = {"device_id": receipt["device_id"], "proof": receipt["proof"], **note["facts"]}
        try:
            with suppress(Rejected):
                http.post(f"/t/{receipt['slug']}/devices/wiped", message)
        except SyncError:
            return False
        finally:
            http.close()
    path.unlink(missing_ok=True)
    return True


def _files(replica: Path) -> list[Path]:
    """The replica, and whatever lies beside it under its name: its log, credentials, contents, drafts, copies."""
    found = []
    for path in sorted(replica.parent.glob(f"{_escaped(replica.name)}*")):
        if path.name == replica.name or path.name[len(replica.name)] in ".-":
            found += [each for each in path.rglob("*") if each.is_file()] if path.is_dir() else [path]
    return [path for path in found if path != note_of(replica)]


def _escaped(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def _erase(file: Path) -> None:
    """Overwrite the file, and remove it. On flash the old cells may live on: encryption of the device is for that."""
    with suppress(OSError), file.open("rb+") as opened:
        left = file.stat().st_size
        while left > 0:
            left -= opened.write(_ZEROS[:left])
        opened.flush()
        os.fsync(opened.fileno())
    file.unlink(missing_ok=True)


def _write(path: Path, content: dict[str, Any]) -> None:
    draft = path.with_name(f"{path.name}.new")
    with draft.open("w", encoding="utf-8") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(path.parent)
