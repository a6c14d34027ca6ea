"""Settings come from the environment, and a value that cannot be used is named in one sentence."""

from pathlib import Path

import pytest

from app import egress, settings
from app.errors import InvalidSetting

PASSWORD = "hunter2"


def test_nothing_set_gives_the_embedded_defaults() -> None:
    chosen = settings.from_environment({})

    assert chosen == settings.Settings()
    assert chosen.embedded


def test_an_empty_value_counts_as_not_set() -> None:
    empty = {"DATABASE_URL": "", "HOOKONCE_LEASE_SECONDS": "  "}

    assert settings.from_environment(empty) == settings.Settings()


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("DATABASE_URL", "sqlite:////srv/a.db", "sqlite:////srv/a.db"),
        ("DATABASE_URL", "postgres://u@h/d", "postgresql+psycopg://u@h/d"),
        ("DATABASE_URL", "postgresql://u@h/d", "postgresql+psycopg://u@h/d"),
        ("DATABASE_URL", "postgresql+psycopg2://u@h/d", "postgresql+psycopg://u@h/d"),
        ("HOOKONCE_DATABASE_TIMEOUT_SECONDS", "0.5", 0.5),
        ("HOOKONCE_POOL_SIZE", "3", 3),
        ("HOOKONCE_PUBLIC_URL", "https://hooks.acme.example/", "https://hooks.acme.example"),
        ("HOOKONCE_MAX_BODY_BYTES", "10", 10),
        ("HOOKONCE_REFUSAL_STATUS", "200", 200),
        ("HOOKONCE_REFUSAL_STATUS", "401", 401),
        ("HOOKONCE_PRE_CHECK", "off", False),
        ("HOOKONCE_PRE_CHECK", "ON", True),
        ("HOOKONCE_SCRIPTS_DIR", "/srv/scripts", Path("/srv/scripts")),
        ("HOOKONCE_SCRIPT_TIMEOUT_SECONDS", "1", 1.0),
        ("HOOKONCE_HTTP_TIMEOUT_SECONDS", "1", 1.0),
        ("HOOKONCE_PLUGIN_TIMEOUT_SECONDS", "1", 1.0),
        ("HOOKONCE_EGRESS_ALLOW", "10.0.0.0/8, internal:80", egress.read("10.0.0.0/8,internal:80")),
        ("HOOKONCE_SKILL_COMMAND", "agent --skill 'a b'", ("agent", "--skill", "a b")),
        ("HOOKONCE_PROMPT_COMMAND", "agent", ("agent",)),
        ("HOOKONCE_LEASE_SECONDS", "5", 5.0),
        ("HOOKONCE_SHUTDOWN_SECONDS", "0", 0.0),
        ("HOOKONCE_LOG_LEVEL", "debug", "DEBUG"),
    ],
)
def test_a_setting_is_read(name: str, text: str, value: object) -> None:
    chosen = settings.from_environment({name: text})

    assert getattr(chosen, name.lower()) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("DATABASE_URL", "nonsense"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "sqlite:///:memory:"),
        ("DATABASE_URL", "mysql://h/d"),
        ("DATABASE_URL", "postgresql://h:port/d"),
        ("HOOKONCE_DATABASE_TIMEOUT_SECONDS", "0"),
        ("HOOKONCE_POOL_SIZE", "1.5"),
        ("HOOKONCE_POOL_SIZE", "0"),
        ("HOOKONCE_PUBLIC_URL", "hooks.acme.example"),
        ("HOOKONCE_MAX_BODY_BYTES", "1MiB"),
        ("HOOKONCE_REFUSAL_STATUS", "403"),
        ("HOOKONCE_PRE_CHECK", "maybe"),
        ("HOOKONCE_SCRIPT_TIMEOUT_SECONDS", "-1"),
        ("HOOKONCE_HTTP_TIMEOUT_SECONDS", "nan"),
        ("HOOKONCE_PLUGIN_TIMEOUT_SECONDS", "0"),
        ("HOOKONCE_EGRESS_ALLOW", "10.0.0.0/33"),
        ("HOOKONCE_EGRESS_ALLOW", "http://internal"),
        ("HOOKONCE_SKILL_COMMAND", "agent 'open"),
        ("HOOKONCE_PROMPT_COMMAND", "agent 'open"),
        ("HOOKONCE_LEASE_SECONDS", "inf"),
        ("HOOKONCE_LEASE_SECONDS", "sixty"),
        ("HOOKONCE_SHUTDOWN_SECONDS", "-0.1"),
        ("HOOKONCE_LOG_LEVEL", "LOUD"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_in_one_sentence(name: str, text: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        settings.from_environment({name: text})

    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://u:{PASSWORD}@h/d",
        f"postgresql://u:{PASSWORD}@h:port/d",
        f"postgresql://u:{PASSWORD}",
        f"u:{PASSWORD}@h",
        f"sqlite://u:{PASSWORD}@",
    ],
)
def test_the_databases_password_is_never_in_the_sentence(url: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        settings.from_environment({"DATABASE_URL": url})

    assert PASSWORD not in str(caught.value)


def test_the_databases_password_is_not_in_the_settings_own_description() -> None:
    chosen = settings.from_environment({"DATABASE_URL": f"postgresql://u:{PASSWORD}@h/d"})

    assert PASSWORD in chosen.database_url
    assert PASSWORD not in repr(chosen)


def test_a_name_that_no_setting_has_is_pointed_out() -> None:
    environ = {"HOOKONCE_LEASE_SECOND": "5", "HOOKONCE_POOL_SIZE": "5", "PATH": "/bin"}

    assert settings.unknown_names(environ) == ["HOOKONCE_LEASE_SECOND"]
