"""Making a database cluster, and the settings it runs with."""

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from server.embedded.errors import EmbeddedError
from server.embedded.places import Account, program, run_options

LOG_LINES_SHOWN: Final = 15

_SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_UNSAFE_AND_FAST: Final = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def create_cluster(install: Path, data: Path, account: Account | None, *, durable: bool) -> None:
    """Make the cluster and its database beside their final place, and move them there when complete."""
    draft = data.with_name("postgres.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    password_file = data.with_name("postgres.password")
    password_file.unlink(missing_ok=True)
    password_file.touch(mode=0o600, exist_ok=False)
    password_file.write_text(secrets.token_urlsafe(24), encoding="ascii")
    if account is not None:
        os.chown(draft, account.uid, account.gid)
        os.chown(password_file, account.uid, account.gid)
    initdb = [
        program(install, "initdb"),
        "-D",
        str(draft),
        "--username=outrider",
        f"--pwfile={password_file}",
    ]
    initdb += ["--auth=scram-sha-256", "--locale=C", "--encoding=UTF8", "--no-instructions"]
    _run(initdb if durable else [*initdb, "--no-sync"], account)
    password_file.rename(draft / "password")
    single_user = [program(install, "postgres"), "--single", "-D", str(draft), *options(durable)]
    output = _run([*single_user, "postgres"], account, "CREATE DATABASE outrider\n")
    if "ERROR" in output:
        raise EmbeddedError(f"PostgreSQL could not make its database:\n{output}")
    draft.rename(data)


def _run(command: Sequence[str], account: Account | None, script: str = "") -> str:
    outcome: subprocess.CompletedProcess[bytes] = subprocess.run(
        command,
        input=script.encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        **run_options(account),
    )
    output = outcome.stdout.decode(errors="replace")
    if outcome.returncode != 0:
        last = "\n".join(output.splitlines()[-LOG_LINES_SHOWN:])
        raise EmbeddedError(
            f"{Path(command[0]).name} failed:\n{last}\n"
            "Put that right, or set OUTRIDER_DATABASE_URL to a PostgreSQL of your own."
        )
    return output


def options(durable: bool, port: int | None = None) -> list[str]:
    settings = dict(_SETTINGS)
    if sys.platform.startswith("linux"):
        settings["recovery_init_sync_method"] = "syncfs"  # else a crash restart opens every file of every tenant
    if not durable:
        settings |= _UNSAFE_AND_FAST
    if port is not None:
        settings["port"] = str(port)
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
