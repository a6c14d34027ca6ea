"""Settings come from the environment; an invalid value is refused with one sentence."""

from dataclasses import fields
from pathlib import Path
from urllib.parse import unquote

import pytest
from sqlalchemy.engine import make_url

from app import egress, settings
from app.alerting import AlertLimits, MailServer
from app.errors import InvalidSetting

PASSWORD = "hunter2"


def test_nothing_set_gives_the_embedded_defaults() -> None:
    chosen = settings.from_environment({})

    assert chosen == settings.Settings()
    assert chosen.embedded


def test_the_public_address_has_the_port_unless_it_is_given() -> None:
    moved = settings.from_environment({"PORT": "9000"})
    given = settings.from_environment({"PORT": "9000", "HOOKONCE_PUBLIC_URL": "https://a.example"})

    assert moved.hookonce_public_url == "http://127.0.0.1:9000"
    assert given.hookonce_public_url == "https://a.example"


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
        ("PORT", "0", 0),
        ("HOOKONCE_PUBLIC_URL", "https://hooks.acme.example/", "https://hooks.acme.example"),
        ("HOOKONCE_MAX_BODY_BYTES", "10", 10),
        ("HOOKONCE_NAME", " Orders, EU ", "Orders, EU"),
        ("HOOKONCE_REFUSAL_STATUS", "200", 200),
        ("HOOKONCE_REFUSAL_STATUS", "401", 401),
        ("HOOKONCE_PRE_CHECK", "off", False),
        ("HOOKONCE_PRE_CHECK", "ON", True),
        ("HOOKONCE_SCRIPTS_DIR", "/srv/scripts", Path("/srv/scripts")),
        ("HOOKONCE_SCRIPT_INTERPRETER", "python3 -I", ("python3", "-I")),
        ("HOOKONCE_SCRIPT_TIMEOUT_SECONDS", "1", 1.0),
        ("HOOKONCE_HTTP_TIMEOUT_SECONDS", "1", 1.0),
        ("HOOKONCE_PLUGIN_TIMEOUT_SECONDS", "1", 1.0),
        ("HOOKONCE_EGRESS_ALLOW", "10.0.0.0/8, internal:80", egress.read("10.0.0.0/8,internal:80")),
        (
            "HOOKONCE_NOTIFY",
            "oldest=15m, disk_free=2G,again=1d",
            AlertLimits(oldest=900, disk_free=2 << 30, again=86_400),
        ),
        (
            "HOOKONCE_SMTP_URL",
            "smtps://ops%40a:p%2Fw@mail.example.org?from=h@example.org",
            MailServer("mail.example.org", 465, "smtps", "h@example.org", "ops@a", "p/w"),
        ),
        ("HOOKONCE_SKILL_COMMAND", "agent --skill 'a b'", ("agent", "--skill", "a b")),
        ("HOOKONCE_PROMPT_COMMAND", "agent", ("agent",)),
        ("HOOKONCE_LEASE_SECONDS", "5", 5.0),
        ("HOOKONCE_SHUTDOWN_SECONDS", "0", 0.0),
        ("HOOKONCE_LOG_LEVEL", "debug", "DEBUG"),
        ("HOOKONCE_LOG_FORMAT", "JSON", "json"),
        ("HOOKONCE_READ_SECONDS", "3600", 3600.0),
        ("HOOKONCE_COUNTS_SECONDS", "0.05", 0.05),
        ("HOOKONCE_BREAKER_FAILURES", "0", 0),
        ("HOOKONCE_BREAKER_SECONDS", "0.1", 0.1),
        ("HOOKONCE_SECRET_KEY", f"{'new' * 6}, {'old' * 6}", ("new" * 6, "old" * 6)),
        ("HOOKONCE_SESSION_SECONDS", "60", 60.0),
        ("HOOKONCE_SECRET_GRACE_SECONDS", "0", 0.0),
        ("HOOKONCE_PROXY_COUNT", "1", 1),
        ("HOOKONCE_COMMAND_WATERMARK", "0", 0),
        ("HOOKONCE_METRICS", "token", "token"),
        ("HOOKONCE_KEEP_PAYLOAD_DAYS", "0", 0.0),
        ("HOOKONCE_KEEP_ROWS_DAYS", "0.5", 0.5),
        ("HOOKONCE_KEEP_DEAD_DAYS", "7", 7.0),
        ("HOOKONCE_KEEP_COUNTS_DAYS", "36500", 36500.0),
        ("HOOKONCE_KEEP_AUDIT_DAYS", "1", 1.0),
        ("HOOKONCE_KEEP_JOURNAL_DAYS", "7", 7.0),
        ("HOOKONCE_JOURNAL_BYTES", "0", 0),
        ("HOOKONCE_REPLICA_LAG_BYTES", "0", 0),
        ("HOOKONCE_PRUNE", "off", False),
        ("HOOKONCE_READY_NEEDS_WORKER", "on", True),
        ("HOOKONCE_PUBLIC_URL", "http://[::1]:8000/hooks/", "http://[::1]:8000/hooks"),
    ],
)
def test_a_setting_is_read(name: str, text: str, value: object) -> None:
    chosen = settings.from_environment({name: text})

    assert getattr(chosen, name.lower()) == value


BEYOND_ALL_BOUNDS = "1e300"
UNUSABLE = {
    "DATABASE_URL": [
        "nonsense",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite://var/hookonce.db",
        "sqlite://hookonce.db",
        "sqlite+aiosqlite:///var/a.db",
        "sqlite:///var/a.db?timeout=soon",
        "sqlite:///var/a?b.db",
        "mysql://h/d",
        "postgresql://h:port/d",
        "postgresql://h:99999/d",
        "postgresql://h/d?sslmod=require",
        "postgresql://a:port,b/d",
        "postgresql://a:0,b/d",
        "postgresql://a:1,b:99999/d",
        "postgresql://[::1,b/d",
        "postgresql:///d?host=a&host=b:99999",
        "postgresql:///d?host=a:1&host=b&port=2",
        "postgresql:///d?host=a,b&port=1,2,3",
        "postgresql://a:1,b/d?port=2",
        "postgresql:///d?host=a,b&port=port",
    ],
    "HOOKONCE_DIRECT_DATABASE_URL": ["nonsense", "sqlite:///var/a.db", "postgresql://a:x,b/d"],
    "HOOKONCE_POOLER": ["pgbouncer", "transaction"],
    "HOOKONCE_DATABASE_TIMEOUT_SECONDS": ["0", "99999999"],
    "HOOKONCE_POOL_SIZE": ["1.5", "0", "99999999"],
    "PORT": ["http", "-1", "65536", "80.5"],
    "HOOKONCE_PUBLIC_URL": [
        "hooks.acme.example",
        "http://",
        "https:///hooks",
        "ftp://hooks.acme.example",
        "https://hooks acme.example",
        "https://hooks.acme.example:99999",
        "https://hooks.acme.example/?a=b",
        "https://me:secret@hooks.acme.example",
    ],
    "HOOKONCE_NAME": ["a" * 41, "a\x07b"],
    "HOOKONCE_MAX_BODY_BYTES": ["1MiB", "0", "9" * 20],
    "HOOKONCE_MAX_HEAD_BYTES": ["1023", "1048577", "32k"],
    "HOOKONCE_READ_SECONDS": ["0", BEYOND_ALL_BOUNDS],
    "HOOKONCE_REFUSAL_STATUS": ["403"],
    "HOOKONCE_PRE_CHECK": ["maybe"],
    "HOOKONCE_COUNTS_SECONDS": ["0", BEYOND_ALL_BOUNDS],
    "HOOKONCE_SCRIPT_INTERPRETER": ["python3 'open"],
    "HOOKONCE_JOURNAL_BYTES": ["-1", "1.5", "64 MiB"],
    "HOOKONCE_REPLICA_LAG_BYTES": ["-1", "1.5", "64 MiB"],
    "HOOKONCE_KEEP_JOURNAL_DAYS": ["-1", "nan"],
    "HOOKONCE_SCRIPT_TIMEOUT_SECONDS": ["-1", BEYOND_ALL_BOUNDS],
    "HOOKONCE_HTTP_TIMEOUT_SECONDS": ["nan", BEYOND_ALL_BOUNDS],
    "HOOKONCE_PLUGIN_TIMEOUT_SECONDS": ["0", BEYOND_ALL_BOUNDS],
    "HOOKONCE_EGRESS_ALLOW": ["10.0.0.0/33", "http://internal"],
    "HOOKONCE_NOTIFY": [
        "oldest",
        "oldest=5x",
        "oldest=1G",
        "newest=1",
        "again=1s",
        "pause=1,pause=2",
    ],
    "HOOKONCE_SMTP_URL": [
        "mail.example.org",
        "smtp://mail.example.org",
        "smtp://mail.example.org?from=-oops@example.org",
        f"smtp://u:{PASSWORD}@mail.example.org:x?from=a@example.org",
        f"smtp+plain://u:{PASSWORD}@mail.example.org?from=a@example.org",
        "smtp://u@mail.example.org?from=a@example.org",
    ],
    "HOOKONCE_SKILL_COMMAND": ["agent 'open"],
    "HOOKONCE_PROMPT_COMMAND": ["agent 'open"],
    "HOOKONCE_LEASE_SECONDS": ["inf", "sixty", BEYOND_ALL_BOUNDS],
    "HOOKONCE_BREAKER_FAILURES": ["-1", "ten", "9" * 20],
    "HOOKONCE_BREAKER_SECONDS": ["0", BEYOND_ALL_BOUNDS],
    "HOOKONCE_SHUTDOWN_SECONDS": ["-0.1", BEYOND_ALL_BOUNDS],
    "HOOKONCE_SECRET_KEY": ["too short", f"{'k' * 16},"],
    "HOOKONCE_SESSION_SECONDS": ["1", BEYOND_ALL_BOUNDS],
    "HOOKONCE_SECRET_GRACE_SECONDS": ["-1", BEYOND_ALL_BOUNDS],
    "HOOKONCE_PROXY_COUNT": ["-1", "one", "9" * 20],
    "HOOKONCE_COMMAND_WATERMARK": ["-1", "9" * 20],
    "HOOKONCE_METRICS": ["private"],
    "HOOKONCE_KEEP_PAYLOAD_DAYS": ["-1", BEYOND_ALL_BOUNDS],
    "HOOKONCE_KEEP_ROWS_DAYS": ["month", BEYOND_ALL_BOUNDS],
    "HOOKONCE_KEEP_DEAD_DAYS": ["-1", BEYOND_ALL_BOUNDS],
    "HOOKONCE_KEEP_COUNTS_DAYS": ["-1", BEYOND_ALL_BOUNDS],
    "HOOKONCE_KEEP_AUDIT_DAYS": ["-1", BEYOND_ALL_BOUNDS],
    "HOOKONCE_PRUNE": ["yes"],
    "HOOKONCE_READY_NEEDS_WORKER": ["yes"],
    "HOOKONCE_LOG_LEVEL": ["LOUD"],
    "HOOKONCE_LOG_FORMAT": ["xml"],
}
ANYTHING_GOES = {"HOOKONCE_SCRIPTS_DIR"}
"""Settings without invalid values: a missing directory may be mounted later, a worker warns."""


def test_every_setting_is_tried_with_values_that_cannot_be_used() -> None:
    named = {setting.name.upper() for setting in fields(settings.Settings)}

    assert UNUSABLE.keys() == named - ANYTHING_GOES


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name, texts in UNUSABLE.items() for text in texts]
)
def test_a_value_that_cannot_be_used_is_named_in_one_sentence(name: str, text: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        settings.from_environment({name: text})

    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_password_of_the_mail_server_is_in_no_sentence_and_no_description() -> None:
    good = f"smtp://u:{PASSWORD}@mail.example.org?from=a@example.org"
    chosen = settings.from_environment({"HOOKONCE_SMTP_URL": good})
    with pytest.raises(InvalidSetting) as caught:
        settings.from_environment({"HOOKONCE_SMTP_URL": good.replace("smtp:", "imap:")})

    assert PASSWORD not in str(caught.value)
    assert PASSWORD not in f"{chosen!r}{chosen.hookonce_smtp_url!r}"
    assert PASSWORD in chosen.secrets()


def test_a_key_that_cannot_be_used_is_never_in_the_sentence() -> None:
    with pytest.raises(InvalidSetting) as caught:
        settings.from_environment({"HOOKONCE_SECRET_KEY": PASSWORD})

    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://u:{PASSWORD}@h/d?sslmod=require",
        f"postgresql://u:{PASSWORD}@h:99999/d",
        f"mysql://u:{PASSWORD}@h/d",
        f"postgresql://u:{PASSWORD}@h:port/d",
        f"postgresql://u:{PASSWORD}",
        f"u:{PASSWORD}@h",
        f"sqlite://u:{PASSWORD}@",
        f"postgresql://u:{PASSWORD}@a:port,b/d",
        f"postgresql://u:{PASSWORD}@a,b:99999/d",
        f"postgresql://u:{PASSWORD}@a,b/d?sslmod=require",
        f"postgresql://u:{PASSWORD}/@[a,b/d",
        f"postgresql:///d?user=u&password={PASSWORD}&host=a:1&host=b:port",
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


@pytest.mark.parametrize(
    ("url", "hosts", "ports"),
    [
        ("postgresql://a:1,b:2/d", "a,b", "1,2"),
        ("postgres://a,b:2", "a,b", ",2"),
        ("postgresql+psycopg://a,b?sslmode=require", "a,b", ","),
        ("postgresql://[::1]:1,[fe80::2]/d", "::1,fe80::2", "1,"),
        ("postgresql://%2Ftmp%2Fa:1,%2Ftmp%2Fb:2/d", "/tmp/a,/tmp/b", "1,2"),
        ("postgresql:///d?host=a:1&host=b:2", "a,b", "1,2"),
        ("postgresql:///d?host=a&host=b&port=1&port=2", "a,b", "1,2"),
        ("postgresql:///d?host=a,b&port=1,2", "a,b", "1,2"),
        ("postgresql:///d?host=a,b&port=5433", "a,b", "5433,5433"),
        ("postgresql:///d?host=::1,::2", "::1,::2", ","),
        ("postgresql:///d?host=[::1]:1&host=/tmp/b", "::1,/tmp/b", "1,"),
        ("postgresql://a,b/d?port=5433", "a,b", "5433,5433"),
    ],
)
def test_several_hosts_are_read_in_libpqs_form_and_in_sqlalchemys(
    url: str, hosts: str, ports: str
) -> None:
    chosen = settings.from_environment({"DATABASE_URL": url})

    query = make_url(chosen.database_url).query
    assert (query["host"], query["port"]) == (hosts, ports)
    assert query["target_session_attrs"] == "read-write"


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("postgresql://u:p%40w@%2Frun%2Fpostgresql/d", "/run/postgresql", None),
        ("postgresql://u:p%40w@%2Frun%2Fpostgresql:5433/d", "/run/postgresql", "5433"),
        ("postgresql://u:p%40w@%2Frun%2Fpostgresql/d?port=5433", "/run/postgresql", "5433"),
        ("postgresql://u:p%40w@[fe80::1%25lo]:5433/d", "fe80::1%lo", "5433"),
    ],
)
def test_one_host_is_decoded_as_libpq_does(url: str, host: str, port: str | None) -> None:
    chosen = settings.from_environment({"DATABASE_URL": url})

    read = make_url(chosen.database_url)
    _, options = read.get_dialect()().create_connect_args(read)
    assert (options["host"], options.get("port")) == (host, port)
    assert (options["user"], options["password"], options["dbname"]) == ("u", "p@w", "d")


def test_the_kind_of_server_that_a_url_names_is_kept() -> None:
    url = "postgresql://u:p%40w@a,b/d?target_session_attrs=any"

    chosen = settings.from_environment({"DATABASE_URL": url})

    read = make_url(chosen.database_url)
    assert (read.username, read.password, read.database) == ("u", "p@w", "d")
    assert read.query["target_session_attrs"] == "any"


@pytest.mark.parametrize("password", ["a,b", "a,b/c", "a%2Cb"])
def test_a_comma_in_a_password_is_no_list_of_hosts(password: str) -> None:
    chosen = settings.from_environment({"DATABASE_URL": f"postgresql://u:{password}@h:5/d"})

    read = make_url(chosen.database_url)
    assert (read.password, read.host, read.port) == (unquote(password), "h", 5)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://u:{PASSWORD}@a:1,b:2/d",
        f"postgresql://a:1,b:2/d?password={PASSWORD}",
        f"postgresql:///d?host=a&host=b&password={PASSWORD}&sslpassword=other",
        f"postgresql://u:other@a,b/d?sslpassword={PASSWORD}",
    ],
)
@pytest.mark.parametrize("name", ["DATABASE_URL", "HOOKONCE_DIRECT_DATABASE_URL"])
def test_the_password_of_several_hosts_is_a_secret_of_the_settings(name: str, url: str) -> None:
    chosen = settings.from_environment({"DATABASE_URL": "postgresql://h/d", name: url})

    assert PASSWORD in chosen.secrets()
    assert PASSWORD not in repr(chosen)


@pytest.mark.parametrize("host", ["localhost", "a,b", "localhost:5432"])
def test_an_at_sign_in_a_password_is_named_and_none_of_the_password_is(host: str) -> None:
    url = f"postgresql://u:canary@canary@{host}/d"

    with pytest.raises(InvalidSetting, match="must be written as %40") as caught:
        settings.from_environment({"DATABASE_URL": url})

    assert "canary" not in str(caught.value)
    read = make_url(
        settings.from_environment({"DATABASE_URL": "postgresql://u:a%40b@h/d"}).database_url
    )
    assert (read.password, read.host) == ("a@b", "h")


def test_the_direct_url_takes_the_place_of_the_poolers() -> None:
    urls = {"DATABASE_URL": "postgresql://pooler/d"}
    direct = {"HOOKONCE_DIRECT_DATABASE_URL": "postgresql://server/d"}

    assert "//pooler/" in settings.from_environment(urls).direct.database_url
    assert "//server/" in settings.from_environment(urls | direct).direct.database_url


def test_a_direct_url_beside_a_sqlite_file_is_refused() -> None:
    with pytest.raises(InvalidSetting, match="another database"):
        settings.from_environment({"HOOKONCE_DIRECT_DATABASE_URL": "postgresql://h/d"})


def test_a_name_that_no_setting_has_is_pointed_out() -> None:
    environ = {"HOOKONCE_LEASE_SECOND": "5", "HOOKONCE_POOL_SIZE": "5", "PATH": "/bin"}

    assert settings.unknown_names(environ) == ["HOOKONCE_LEASE_SECOND"]


def test_a_setting_that_is_no_variable_is_read_from_the_credentials(tmp_path: Path) -> None:
    (tmp_path / "DATABASE_URL").write_text(f"postgresql://u:{PASSWORD}@h/d\n")
    (tmp_path / "PORT").write_text("9000")
    given = {"CREDENTIALS_DIRECTORY": str(tmp_path), "PORT": "9001"}

    chosen = settings.from_environment(given)

    assert chosen.database_url == f"postgresql+psycopg://u:{PASSWORD}@h/d"
    assert chosen.port == 9001


@pytest.mark.parametrize("content", ["{}", "\ufeff{}", "{}\r\n", " {}\n\n"])
def test_what_an_editor_adds_to_a_credential_is_no_part_of_it(content: str, tmp_path: Path) -> None:
    (tmp_path / "HOOKONCE_SECRET_KEY").write_text(content.format("k" * 32), "utf-8", newline="")

    chosen = settings.from_environment({"CREDENTIALS_DIRECTORY": str(tmp_path)})

    assert chosen.hookonce_secret_key == ("k" * 32,)


@pytest.mark.parametrize(
    ("name", "content"),
    [("DATABASE_URL", ""), ("DATABASE_URL", "\n"), ("HOOKONCE_SECRET_KEY", "")],
)
def test_an_empty_credential_does_not_mean_the_default(
    name: str, content: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(content)

    with pytest.raises(InvalidSetting, match=f"the credential {name} is empty"):
        settings.from_environment({"CREDENTIALS_DIRECTORY": str(tmp_path)})


def test_a_credential_with_a_blank_line_is_not_set(tmp_path: Path) -> None:
    """The units of deploy/ have one where there is no file."""
    (tmp_path / "HOOKONCE_SMTP_URL").write_text("\n")

    assert settings.from_environment(
        {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    ) == settings.from_environment({})


@pytest.mark.parametrize("content", [b"\xff\xfe", b"mysql://me:hunter2@h/d"])
def test_a_credential_that_cannot_be_used_is_refused_without_its_content(
    content: bytes, tmp_path: Path
) -> None:
    (tmp_path / "DATABASE_URL").write_bytes(content)

    with pytest.raises(InvalidSetting) as refused:
        settings.from_environment({"CREDENTIALS_DIRECTORY": str(tmp_path)})

    assert "DATABASE_URL" in str(refused.value)
    assert PASSWORD not in str(refused.value)


def test_bytes_that_are_not_utf8_are_refused() -> None:
    with pytest.raises(InvalidSetting, match=r"HOOKONCE_NAME='caf\\udce9' cannot be used"):
        settings.from_environment({"HOOKONCE_NAME": "caf\udce9"})
