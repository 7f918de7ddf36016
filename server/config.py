"""The settings of one installation, read once from the environment; nothing else reads it."""

import contextlib
import json
import os
import re
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from types import MappingProxyType
from typing import Final
from urllib.parse import SplitResult, urlsplit

MAIN_DATABASE: Final = "main"
DATABASES_MAX: Final = 100
SECRET_KEY_BYTES_MIN: Final = 32
PORT_MAX: Final = 65_535
DEFAULT_HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 8420
DEFAULT_STATE_DIR: Final = ".outrider"

_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+")
_PORT: Final = re.compile(r"[0-9]{1,5}")
_DATABASE_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_EVERY_ADDRESS: Final = {"0.0.0.0", "::"}  # noqa: S104 - compared with, never listened on


class ConfigError(Exception):
    """A setting is missing or wrong; the message names the variable and what to set."""


@dataclass(frozen=True, slots=True)
class Config:
    """What an operator chose, checked.

    Secrets and the URLs that may hold passwords are left out of its repr.
    """

    database_url: str | None = field(repr=False)
    """Any PostgreSQL 15+, as an owner that may create roles and schemas; `None` asks for the embedded one."""
    databases: Mapping[str, str] = field(repr=False)
    """Further tenant databases, name to URL; `main` is not among them."""
    secret_key: bytes = field(repr=False)
    """At least `SECRET_KEY_BYTES_MIN` bytes, the same in every process of the installation."""
    state_dir: Path
    """Absolute. What this machine keeps: the secret, the embedded database, mail in development."""
    host: str
    port: int
    mail_url: str = field(repr=False)
    """`folder:<path>`, `smtp://user:password@host:port` or `smtps://…`."""
    base_url: str
    """Scheme, host and port under which people reach the server; no slash at its end."""
    storage_url: str = field(default="", repr=False)
    """Where shared files are: `folder:<path>` or `s3://bucket/prefix`; empty: in the state folder."""
    webhook_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """Private networks into which webhooks may go, also over plain http."""
    stripe_key: str | None = field(default=None, repr=False)
    """The secret key of the Stripe account; `None`: no cards are taken."""
    stripe_webhook_secret: str | None = field(default=None, repr=False)
    """With which Stripe signs what it tells us; `None`: nothing is believed."""
    stripe_url: str | None = None
    """Another address than Stripe's own, for a simulator."""

    operator_email: str | None = None
    """Who is mailed what an operator must look at; `None`: it stands in the log."""
    invoice_seller: Mapping[str, object] | None = None
    """Who writes invoices that are paid by transfer (`server.billing.transfer.seller`); `None`: nobody does."""

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> "Config":
        """Read `OUTRIDER_…`; an empty variable counts as unset.

        Makes the state folder and a random secret key when no key is set.

        Raises:
            ConfigError: a value is wrong, or the state folder cannot be written.
        """
        state_dir = Path(_get(env, "OUTRIDER_STATE_DIR") or DEFAULT_STATE_DIR).expanduser().absolute()
        host = _get(env, "OUTRIDER_HOST") or DEFAULT_HOST
        port = _read_port(env)
        return cls(
            database_url=_read_database_url(env),
            databases=_read_databases(env),
            secret_key=_read_secret_key(env, state_dir),
            state_dir=state_dir,
            host=host,
            port=port,
            mail_url=_read_mail_url(env, state_dir),
            base_url=_read_base_url(env, host, port),
            storage_url=_read_storage_url(env, state_dir),
            webhook_networks=_read_webhook_networks(env),
            stripe_key=_get(env, "OUTRIDER_STRIPE_KEY"),
            stripe_webhook_secret=_get(env, "OUTRIDER_STRIPE_WEBHOOK_SECRET"),
            stripe_url=_read_stripe_url(env),
            operator_email=_read_operator_email(env),
            invoice_seller=_read_object(env, "OUTRIDER_INVOICE_SELLER"),
        )


def _get(env: Mapping[str, str], name: str) -> str | None:
    return env.get(name, "").strip() or None


def _read_port(env: Mapping[str, str]) -> int:
    text = _get(env, "OUTRIDER_PORT")
    if text is None:
        return DEFAULT_PORT
    if not (_PORT.fullmatch(text) and 1 <= int(text) <= PORT_MAX):
        raise ConfigError(f"OUTRIDER_PORT is {text!r}, not a port: set a number from 1 to {PORT_MAX}.")
    return int(text)


def _read_database_url(env: Mapping[str, str]) -> str | None:
    url = _get(env, "OUTRIDER_DATABASE_URL")
    if url is not None:
        _check_database_url("OUTRIDER_DATABASE_URL", url)
    return url


def _check_database_url(where: str, url: str) -> None:
    # The value itself is never shown: it holds a password.
    if _split_url(where, url).scheme not in {"postgresql", "postgres"}:
        raise ConfigError(
            f"{where} is not a PostgreSQL URL: set postgresql://user:password@host:5432/name, "
            "with an owner login that may create roles and schemas."
        )


def _read_databases(env: Mapping[str, str]) -> Mapping[str, str]:
    text = _get(env, "OUTRIDER_DATABASES")
    if text is None:
        return MappingProxyType({})
    wanted = 'set a JSON object such as {"east": "postgresql://user:password@host:5432/name"}.'
    try:
        databases = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"OUTRIDER_DATABASES is not JSON: {wanted}") from error
    if not isinstance(databases, dict) or not all(isinstance(url, str) for url in databases.values()):
        raise ConfigError(f"OUTRIDER_DATABASES does not map names to URLs: {wanted}")
    if len(databases) > DATABASES_MAX:
        raise ConfigError(f"OUTRIDER_DATABASES names {len(databases)} databases: name {DATABASES_MAX} at most.")
    for name, url in databases.items():
        if name == MAIN_DATABASE:
            raise ConfigError(
                f"OUTRIDER_DATABASES may not name {MAIN_DATABASE!r}: that is the database of "
                "OUTRIDER_DATABASE_URL; choose another name."
            )
        if not _DATABASE_NAME.fullmatch(name):
            raise ConfigError(
                f"OUTRIDER_DATABASES names {name!r}: use a lower-case letter, then up to 39 lower-case "
                "letters, digits, hyphens or underscores."
            )
        _check_database_url(f"OUTRIDER_DATABASES[{name!r}]", url)
    return MappingProxyType(databases)


def _read_secret_key(env: Mapping[str, str], state_dir: Path) -> bytes:
    text = _get(env, "OUTRIDER_SECRET_KEY")
    where, remedy = "OUTRIDER_SECRET_KEY", "set a longer random text"
    if text is None:
        text, where = _load_or_make_secret(state_dir), str(state_dir / "secret")
        remedy = "delete the file for a new one (every session ends), or set OUTRIDER_SECRET_KEY"
    key = text.encode()
    if len(key) < SECRET_KEY_BYTES_MIN:
        raise ConfigError(f"{where} has {len(key)} bytes, fewer than {SECRET_KEY_BYTES_MIN}: {remedy}.")
    return key


def _load_or_make_secret(state_dir: Path) -> str:
    path = state_dir / "secret"
    try:
        if not path.exists():
            state_dir.mkdir(parents=True, exist_ok=True)
            _make_secret(path)
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"OUTRIDER_STATE_DIR is {str(state_dir)!r}, where the secret key can be neither read nor "
            f"written ({error}): set a folder that this user may write, or set OUTRIDER_SECRET_KEY."
        ) from error


def _make_secret(path: Path) -> None:
    """Write a new key whole or not at all, so that processes starting at once agree on one."""
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix="secret-")  # mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(SECRET_KEY_BYTES_MIN) + "\n")
        with contextlib.suppress(FileExistsError):  # another process was first: its key counts
            os.link(draft, path)
    finally:
        Path(draft).unlink()


def _read_mail_url(env: Mapping[str, str], state_dir: Path) -> str:
    url = _get(env, "OUTRIDER_MAIL_URL") or f"folder:{state_dir / 'mail'}"
    if url.startswith("folder:"):
        complete = bool(url.removeprefix("folder:"))
    else:
        parts = _split_url("OUTRIDER_MAIL_URL", url)
        complete = parts.scheme in {"smtp", "smtps"} and bool(parts.hostname)
    if not complete:
        raise ConfigError(
            "OUTRIDER_MAIL_URL names no mail server: set smtp://user:password@host:587, "
            "smtps://user:password@host:465 or folder:/path/to/a/folder."
        )
    return url


def _read_storage_url(env: Mapping[str, str], state_dir: Path) -> str:
    url = _get(env, "OUTRIDER_STORAGE_URL") or f"folder:{state_dir / 'files'}"
    if url.startswith("folder:"):
        complete = bool(url.removeprefix("folder:"))
    else:
        parts = _split_url("OUTRIDER_STORAGE_URL", url)
        complete = parts.scheme == "s3" and bool(parts.netloc) and "@" not in parts.netloc
    if not complete:
        raise ConfigError(
            "OUTRIDER_STORAGE_URL names no place for files: set folder:/path/to/a/folder, or "
            "s3://bucket/prefix?region=eu-central-1, with the credentials in AWS_ACCESS_KEY_ID and …SECRET_ACCESS_KEY."
        )
    return url


def _read_base_url(env: Mapping[str, str], host: str, port: int) -> str:
    url = _get(env, "OUTRIDER_BASE_URL")
    if url is None:
        reachable = DEFAULT_HOST if host in _EVERY_ADDRESS else host
        return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"
    parts = _split_url("OUTRIDER_BASE_URL", url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ConfigError(
            f"OUTRIDER_BASE_URL is {url!r}: set scheme, host and port only, such as https://crm.example.com."
        )
    return url.rstrip("/")


def _read_webhook_networks(env: Mapping[str, str]) -> tuple[IPv4Network | IPv6Network, ...]:
    text = _get(env, "OUTRIDER_WEBHOOK_NETWORKS") or ""
    try:
        return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise ConfigError(
            f"OUTRIDER_WEBHOOK_NETWORKS is {text!r} ({error}): set networks such as 10.1.2.0/24,fd00:1::/64."
        ) from error


def _read_operator_email(env: Mapping[str, str]) -> str | None:
    email = _get(env, "OUTRIDER_OPERATOR_EMAIL")
    if email is not None and not _EMAIL.fullmatch(email):
        raise ConfigError(f"OUTRIDER_OPERATOR_EMAIL is {email!r}: set an address such as ops@example.com.")
    return email


def _read_object(env: Mapping[str, str], name: str) -> Mapping[str, object] | None:
    text = _get(env, name)
    if text is None:
        return None
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"{name} is not JSON: set an object.") from error
    if not isinstance(found, dict):
        raise ConfigError(f"{name} is no JSON object.")
    return MappingProxyType(found)


def _read_stripe_url(env: Mapping[str, str]) -> str | None:
    """The secret key goes there: over the network, never in the clear."""
    url = _get(env, "OUTRIDER_STRIPE_URL")
    if url is None:
        return None
    parts = _split_url("OUTRIDER_STRIPE_URL", url)
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname))):
        raise ConfigError(
            f"OUTRIDER_STRIPE_URL is {url!r}: set an https address, or http on this machine (127.0.0.1); "
            "leave it out for Stripe's own."
        )
    return url.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _split_url(where: str, url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # parsed, and so checked, only when asked for
    except ValueError as error:
        raise ConfigError(f"{where} is not a URL: check its host and port, and %-encode the password.") from error
    return parts
