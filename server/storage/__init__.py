"""Files that this installation keeps for its tenants.

Two kinds. What one machine keeps for itself, while it is worked on: uploads to import, exports to fetch
(`tenant_folder`, `PrivateFile`). And what all processes share for long: the content of attachments, snapshots
(`files()`), in a folder or an S3 bucket, as `OUTRIDER_STORAGE_URL` says.
"""

from pathlib import Path

from server.storage import private
from server.storage.files import Files, FilesFull, FilesUnavailable, Kept, NotKept, clean_key, in_one_piece
from server.storage.folder import FolderFiles
from server.storage.private import PrivateFile, state_dir, tenant_folder

__all__ = [
    "Files",
    "FilesFull",
    "FilesUnavailable",
    "FolderFiles",
    "Kept",
    "NotKept",
    "PrivateFile",
    "clean_key",
    "files",
    "in_one_piece",
    "open_files",
    "state_dir",
    "tenant_folder",
    "use",
]

_files: Files | None = None


def use(folder: Path | None, url: str | None = None) -> None:
    """Make this the state folder and the shared files of the process; at its start."""
    global _files
    private.use(folder)
    _files = None
    if url or folder:
        _files = open_files(url or f"folder:{folder}/files")


def open_files(url: str) -> Files:
    """The files under a URL: `folder:<path>`, or `s3://bucket/prefix`."""
    if url.startswith("folder:"):
        return FolderFiles(Path(url.removeprefix("folder:")))
    from server.storage.s3 import S3Files  # 10 MB of library, for those who use it

    return S3Files(url)


def files() -> Files:
    """The shared files of this process.

    Raises:
        RuntimeError: nobody has said where they are.
    """
    if _files is None:
        raise RuntimeError("No storage: call storage.use() at start-up.")
    return _files
