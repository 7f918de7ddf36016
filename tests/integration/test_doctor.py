"""`outrider doctor` sees what is wrong, and is silent about what is not."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from server.cli.doctor import Finding, examine
from server.config import Config
from server.tenants.hardening import SWITCHES_ROLE
from server.tenants.schema import app_login, app_password, prepare_database
from server.tenants.service import create_tenant, owner_connection

SECRET = "a-secret-key-for-tests-of-doctor-alone"


@pytest.fixture(scope="module")
async def config(owner_urls: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Config]:
    """An installation with one tenant, in a database of its own."""
    name = f"outrider_doctor_{secrets.token_hex(4)}"
    async with owner_connection(owner_urls["main"]) as owner:
        await owner.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    url = urlsplit(owner_urls["main"])._replace(path=f"/{name}").geturl()
    await prepare_database(url, app_password=app_password(SECRET.encode()))
    await create_tenant({"main": url}, slug="patient", name="Patient")
    folder: Path = tmp_path_factory.mktemp("state")
    yield Config.from_env(
        {"OUTRIDER_DATABASE_URL": url, "OUTRIDER_SECRET_KEY": SECRET, "OUTRIDER_STATE_DIR": str(folder)}
    )
    async with owner_connection(owner_urls["main"]) as owner:
        await owner.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def owner(config: Config) -> AsyncIterator[asyncpg.Connection]:
    async with owner_connection(str(config.database_url)) as conn:
        yield conn


async def look(config: Config) -> dict[str, Finding]:
    return {finding.subject: finding async for finding in examine(config)}


async def test_a_sound_installation_is_found_sound(config: Config):
    """A warning that is always there is soon read by nobody."""
    findings = await look(config)

    assert {finding.state for finding in findings.values()} == {"ok"}
    assert list(findings) == [
        "server",
        "roles",
        "log-in",
        "hardening",
        "platform",
        "place",
        "tenants",
        "jobs",
        "billing",
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"stripe_key": "sk_test_1"}, "OUTRIDER_STRIPE_WEBHOOK_SECRET"),
        (
            {"stripe_key": "sk_live_1", "stripe_webhook_secret": "whsec_1", "stripe_url": "https://proxy.example"},
            "another address",
        ),
    ],
)
async def test_half_a_payment_service_is_wrong(config: Config, changes: dict[str, str], words: str):
    """Payments would be taken, and noticed a day late, or somewhere else."""
    finding = (await look(replace(config, **changes)))["billing"]  # type: ignore[arg-type]

    assert finding.state == "wrong"
    assert words in finding.text


async def test_an_alert_of_billing_is_a_note(config: Config, owner: asyncpg.Connection):
    """Somebody has to look at it, and nothing is broken."""
    await owner.execute(
        """INSERT INTO platform.billing_account (tenant_id, slug, email, trial_ends_at, alert)
        VALUES (gen_random_uuid(), 'odd', 'pay@example.com', now(), 'a strange price')"""
    )

    finding = (await look(config))["billing"]
    await owner.execute("DELETE FROM platform.billing_account")

    assert finding.state == "note"
    assert "odd" in finding.text


async def break_hardening(owner: asyncpg.Connection, login: str) -> None:
    await owner.execute(f"GRANT EXECUTE ON FUNCTION {SWITCHES_ROLE} TO PUBLIC")


async def break_log_in(owner: asyncpg.Connection, login: str) -> None:
    await owner.execute(f"ALTER ROLE {login} PASSWORD 'another'")


async def break_search_path(owner: asyncpg.Connection, login: str) -> None:
    await owner.execute(f"ALTER ROLE {login} SET search_path = public")


async def break_platform(owner: asyncpg.Connection, login: str) -> None:
    await owner.execute("ALTER TABLE platform.schema_migration RENAME TO elsewhere")


@pytest.mark.parametrize(
    ("break_it", "subject"),
    [
        (break_hardening, "hardening"),
        (break_log_in, "log-in"),
        (break_search_path, "log-in"),
        (break_platform, "platform"),
    ],
)
async def test_what_is_broken_is_named_and_preparing_again_mends_it(
    config: Config, owner: asyncpg.Connection, break_it, subject: str
):
    """The advice it gives, `outrider migrate`, is the cure."""
    url = str(config.database_url)
    await break_it(owner, app_login(url))

    broken = await look(config)
    if break_it is break_platform:
        await owner.execute("ALTER TABLE platform.elsewhere RENAME TO schema_migration")
    await prepare_database(url, app_password=app_password(SECRET.encode()))
    mended = await look(config)

    assert [name for name, finding in broken.items() if finding.state == "wrong"] == [subject]
    assert {finding.state for finding in mended.values()} == {"ok"}


async def test_a_tenant_that_lags_is_named(config: Config, owner: asyncpg.Connection):
    """Of two thousand, the operator must know which one."""
    schema = await owner.fetchval("SELECT schema FROM platform.tenant")
    await owner.execute(f'UPDATE "{schema}".schema_migration SET number = number + 100')

    finding = (await look(config))["tenants"]
    await owner.execute(f'UPDATE "{schema}".schema_migration SET number = number - 100')

    assert (finding.state, "patient" in finding.text) == ("wrong", True)


async def test_jobs_that_nobody_runs_are_noticed(config: Config, owner: asyncpg.Connection):
    """Without a worker all seems well, but for mail that never leaves."""
    await owner.execute(
        "INSERT INTO dramatiq.queue (message_id, state, available_at)"
        " VALUES (gen_random_uuid(), 'queued', now() - interval '1 hour')"
    )

    late = (await look(config))["jobs"]
    await owner.execute("UPDATE dramatiq.queue SET state = 'rejected'")
    given_up = (await look(config))["jobs"]
    await owner.execute("DELETE FROM dramatiq.queue")

    assert (late.state, given_up.state) == ("wrong", "note")


async def test_an_unreachable_database_is_one_finding(config: Config):
    """Ten errors of one cause would hide the cause."""
    unreachable = Config.from_env(
        {
            "OUTRIDER_DATABASE_URL": "postgresql://a:b@127.0.0.1:1/c",
            "OUTRIDER_SECRET_KEY": SECRET,
            "OUTRIDER_STATE_DIR": str(config.state_dir),
        }
    )

    findings = await look(unreachable)

    assert [(f.subject, f.state) for f in findings.values()] == [("database", "wrong")]
