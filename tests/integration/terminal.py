"""`outrider` as people run it: commands in processes of their own, on an installation of the test's own."""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql


class Shell:
    """A terminal on an installation of its own."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        settings = {
            "OUTRIDER_DATABASE_URL": url,
            "OUTRIDER_STATE_DIR": str(folder),
            "OUTRIDER_SECRET_KEY": "import" * 8,
        }
        self.env = os.environ | settings

    def run(self, *arguments: str, status: int = 0) -> str:
        """Run to the end; what was said."""
        done = subprocess.run(
            [sys.executable, "-m", "server.cli", *arguments], env=self.env, capture_output=True, text=True, check=False
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Run beside us."""
        command = [sys.executable, "-m", "server.cli", *arguments]
        return subprocess.Popen(command, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def one(self, query: str) -> int:
        """One number of the tenant `shop`."""
        with psycopg.connect(self.url) as owner:
            schema = owner.execute("SELECT schema FROM platform.tenant WHERE slug = 'shop'").fetchone()
            assert schema is not None
            owner.execute(sql.SQL("SET search_path = {}").format(sql.Identifier(schema[0])))
            found = owner.execute(query.encode()).fetchone()
        assert found is not None
        return int(found[0])


@pytest.fixture
def shell(database_url: str, tmp_path: Path) -> Iterator[Shell]:
    name = f"outrider_import_{secrets.token_hex(4)}"
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'".encode())
    shell = Shell(urlsplit(database_url)._replace(path=f"/{name}").geturl(), tmp_path)
    shell.run("tenant", "create", "shop", "--name", "Shop")
    yield shell
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
