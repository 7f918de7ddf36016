"""The settings an operator chooses: their defaults, their limits, and what a wrong one says."""

import stat
from pathlib import Path

import pytest

from server.config import DATABASES_MAX, SECRET_KEY_BYTES_MIN, Config, ConfigError

KEY = "k" * SECRET_KEY_BYTES_MIN


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"OUTRIDER_STATE_DIR": str(tmp_path / "state")}


def test_everything_has_a_default(env: dict[str, str], tmp_path: Path):
    """A fresh clone runs with nothing set."""
    config = Config.from_env(env)

    assert config.database_url is None
    assert config.databases == {}
    assert config.state_dir == tmp_path / "state"
    assert (config.host, config.port, config.base_url) == ("127.0.0.1", 8420, "http://127.0.0.1:8420")
    assert config.mail_url == f"folder:{tmp_path / 'state' / 'mail'}"
    assert config.storage_url == f"folder:{tmp_path / 'state' / 'files'}"


def test_the_state_folder_is_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Two checkouts on one machine keep apart."""
    monkeypatch.chdir(tmp_path)

    config = Config.from_env({"OUTRIDER_SECRET_KEY": KEY})

    assert config.state_dir == tmp_path / ".outrider"


def test_every_setting_is_read(env: dict[str, str]):
    """What the operator sets is what the server gets."""
    config = Config.from_env(
        env
        | {
            "OUTRIDER_DATABASE_URL": "postgresql://owner:pw@db.example:5432/outrider",
            "OUTRIDER_DATABASES": '{"east": "postgres://owner@east.example/outrider"}',
            "OUTRIDER_SECRET_KEY": KEY,
            "OUTRIDER_HOST": "0.0.0.0",
            "OUTRIDER_PORT": "80",
            "OUTRIDER_MAIL_URL": "smtps://user:pw@mail.example:465",
            "OUTRIDER_BASE_URL": "https://crm.example/",
        }
    )

    assert config.database_url == "postgresql://owner:pw@db.example:5432/outrider"
    assert config.databases == {"east": "postgres://owner@east.example/outrider"}
    assert config.secret_key == KEY.encode()
    assert (config.host, config.port, config.base_url) == ("0.0.0.0", 80, "https://crm.example")
    assert config.mail_url == "smtps://user:pw@mail.example:465"


def test_an_empty_variable_counts_as_unset(env: dict[str, str]):
    """Compose files and unit files pass empty variables for what nobody set."""
    config = Config.from_env(env | {"OUTRIDER_DATABASE_URL": "", "OUTRIDER_PORT": " "})

    assert config.database_url is None
    assert config.port == 8420


@pytest.mark.parametrize(
    ("host", "base_url"),
    [
        ("0.0.0.0", "http://127.0.0.1:8420"),
        ("::", "http://127.0.0.1:8420"),
        ("::1", "http://[::1]:8420"),
        ("crm.local", "http://crm.local:8420"),
    ],
)
def test_the_base_url_can_be_opened_whatever_the_host(env: dict[str, str], host: str, base_url: str):
    """Links in mail lead somewhere, even when the server listens on every address."""
    assert Config.from_env(env | {"OUTRIDER_HOST": host}).base_url == base_url


def test_the_secret_key_is_made_once_and_kept(env: dict[str, str], tmp_path: Path):
    """Sessions survive a restart, and only this user can read what signs them."""
    first = Config.from_env(env)
    second = Config.from_env(env)

    path = tmp_path / "state" / "secret"
    assert first.secret_key == second.secret_key
    assert len(first.secret_key) >= SECRET_KEY_BYTES_MIN
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["secret"]


def test_a_set_secret_key_writes_no_file(env: dict[str, str], tmp_path: Path):
    """A read-only installation with its key in the environment starts."""
    Config.from_env(env | {"OUTRIDER_SECRET_KEY": KEY})

    assert not (tmp_path / "state").exists()


def test_secrets_are_not_in_the_repr(env: dict[str, str]):
    """A config in a log line gives nothing away."""
    config = Config.from_env(
        env
        | {
            "OUTRIDER_SECRET_KEY": KEY,
            "OUTRIDER_DATABASE_URL": "postgresql://owner:hunter2@db/outrider",
            "OUTRIDER_DATABASES": '{"east": "postgresql://owner:hunter2@db/outrider"}',
            "OUTRIDER_MAIL_URL": "smtp://user:hunter2@mail:587",
        }
    )

    assert "hunter2" not in repr(config)
    assert KEY not in repr(config)


TOO_MANY = "{" + ",".join(f'"d{n}": "postgresql://h/d"' for n in range(DATABASES_MAX + 1)) + "}"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("OUTRIDER_DATABASE_URL", "mysql://owner:hunter2@db/outrider", "not a PostgreSQL URL"),
        ("OUTRIDER_DATABASE_URL", "db.example", "postgresql://user:password@host:5432/name"),
        ("OUTRIDER_DATABASE_URL", "postgresql://owner:hunter2@db:port/outrider", "host and port"),
        ("OUTRIDER_DATABASE_URL", "postgresql://owner:hunter2@[db/outrider", "host and port"),
        ("OUTRIDER_DATABASES", "east=postgresql://owner:hunter2@db", "not JSON"),
        ("OUTRIDER_DATABASES", '["postgresql://owner:hunter2@db"]', "does not map"),
        ("OUTRIDER_DATABASES", '{"east": 1}', "does not map"),
        ("OUTRIDER_DATABASES", '{"main": "postgresql://db/outrider"}', "choose another name"),
        ("OUTRIDER_DATABASES", '{"East Coast": "postgresql://db/outrider"}', "lower-case"),
        ("OUTRIDER_DATABASES", '{"east": "mysql://owner:hunter2@db"}', "['east'] is not a PostgreSQL URL"),
        ("OUTRIDER_DATABASES", TOO_MANY, f"{DATABASES_MAX} at most"),
        ("OUTRIDER_SECRET_KEY", "short", f"fewer than {SECRET_KEY_BYTES_MIN}"),
        ("OUTRIDER_PORT", "http", "a number from 1 to 65535"),
        ("OUTRIDER_PORT", "0", "a number from 1 to 65535"),
        ("OUTRIDER_PORT", "65536", "a number from 1 to 65535"),
        ("OUTRIDER_MAIL_URL", "mail.example", "smtp://user:password@host:587"),
        ("OUTRIDER_MAIL_URL", "smtp:", "smtp://user:password@host:587"),
        ("OUTRIDER_MAIL_URL", "folder:", "folder:/path"),
        ("OUTRIDER_BASE_URL", "crm.example", "https://crm.example.com"),
        ("OUTRIDER_BASE_URL", "https://crm.example/app", "scheme, host and port only"),
    ],
)
def test_a_wrong_value_names_its_variable_and_what_to_set(env: dict[str, str], name: str, value: str, said: str):
    """The operator mends it from the message alone, which shows no password."""
    with pytest.raises(ConfigError) as caught:
        Config.from_env(env | {name: value})

    assert name in str(caught.value)
    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_state_folder_that_cannot_be_made_is_said(tmp_path: Path):
    """The first start in a read-only place says which variable moves it."""
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(ConfigError, match="OUTRIDER_STATE_DIR"):
        Config.from_env({"OUTRIDER_STATE_DIR": str(tmp_path / "file" / "state")})


@pytest.mark.parametrize("url", ["http://stripe.example.com", "http://10.0.0.1:80", "ftp://127.0.0.1", "https://"])
def test_the_key_of_stripe_never_travels_in_the_clear(env: dict[str, str], url: str):
    """With the key, a listener on the way could take money."""
    with pytest.raises(ConfigError, match="OUTRIDER_STRIPE_URL"):
        Config.from_env(env | {"OUTRIDER_STRIPE_URL": url})


def test_a_simulator_of_stripe_may_stand_on_this_machine(env: dict[str, str]):
    """Tests and demos pay nobody."""
    more = {"OUTRIDER_STRIPE_KEY": "sk_test_1", "OUTRIDER_STRIPE_URL": "http://127.0.0.1:9000/"}

    config = Config.from_env(env | more)

    assert (config.stripe_key, config.stripe_url) == ("sk_test_1", "http://127.0.0.1:9000")
    assert config.stripe_webhook_secret is None
    assert "sk_test_1" not in repr(config)
