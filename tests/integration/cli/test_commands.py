"""The hookonce command prints results, and one sentence for every failure."""

import json
import logging
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from app import cli
from app.db import Database
from app.db.models import metadata, trigger_breakers
from app.settings import Settings
from tests.integration.conftest import WriteScript
from tests.support import factories
from tests.support.databases import migrate
from tests.support.sink import Sink

Hookonce = Callable[..., Result]


@pytest.fixture
def hookonce(settings: Settings, database_url: str) -> Iterator[Hookonce]:
    """Return a function that runs the command on this test's database; its logging ends here."""
    environment = {
        "DATABASE_URL": database_url,
        "HOOKONCE_SCRIPTS_DIR": str(settings.hookonce_scripts_dir),
        "HOOKONCE_PUBLIC_URL": "https://hooks.acme.example",
    }
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def run(*arguments: str, **more: str) -> Result:
        return CliRunner().invoke(cli.main, arguments, env=environment | more)

    yield run
    root.handlers[:] = handlers
    root.setLevel(level)


def printed(result: Result) -> object:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def sentence(result: Result) -> str:
    """Return the one line that explains the failure."""
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    assert result.stderr.count("\n") == 1, result.stderr
    return result.stderr.rstrip("\n")


def add(hookonce: Hookonce, name: str = "Order Paid!", *options: str) -> Result:
    return hookonce("trigger", "add", name, "--payload", "the-script", "--json", *options)


def test_a_new_trigger_is_printed_with_its_secret_and_address(hookonce: Hookonce) -> None:
    made = printed(add(hookonce))

    assert made.pop("idempotency_key_from") == []
    assert made == {
        "id": made["id"],
        "secret": made["secret"],
        "webhook_url": f"https://hooks.acme.example/api/triggers/webhook/{made['id']}",
    }
    assert len(made["secret"]) == 64


def test_two_triggers_have_two_secrets(hookonce: Hookonce) -> None:
    first, second = (printed(add(hookonce, name)) for name in ("one", "two"))

    assert first["secret"] != second["secret"]


def test_a_given_secret_is_kept(hookonce: Hookonce) -> None:
    made = printed(add(hookonce, "one", "--secret", "given"))

    assert made["secret"] == "given"


def test_without_json_a_person_reads_the_same(hookonce: Hookonce) -> None:
    result = hookonce("trigger", "add", "one", "--payload", "x", "--secret", "given")

    assert [line.split() for line in result.stdout.splitlines()][1] == ["secret", "given"]


def test_the_list_is_newest_first_and_tells_no_secret(hookonce: Hookonce) -> None:
    for name in ("one", "two"):
        add(hookonce, name, "--secret", "never-shown")

    result = hookonce("trigger", "list", "--json")

    assert [each["slug"] for each in printed(result)] == ["two", "one"]
    assert "never-shown" not in result.output


@pytest.mark.parametrize("by", ["id", "slug", "name"])
def test_a_trigger_is_shown_by_id_slug_or_name(hookonce: Hookonce, by: str) -> None:
    made = printed(add(hookonce, "Order Paid!", "--secret", "never-shown"))
    names = {"id": str(made["id"]), "slug": "order-paid", "name": "Order Paid!"}

    result = hookonce("trigger", "show", names[by], "--json")

    assert printed(result)["webhook_url"] == made["webhook_url"]
    assert "never-shown" not in result.output


def test_a_shown_trigger_lists_its_executions_newest_first(
    hookonce: Hookonce, database: Database
) -> None:
    trigger_id = factories.trigger(database, slug="busy")
    ids = [factories.execution(database, trigger_id) for _ in range(3)]

    shown = printed(hookonce("trigger", "show", "busy", "--json"))

    assert [each["id"] for each in shown["executions"]] == ids[::-1]
    assert shown["execution_count"] == 3


def test_a_shown_trigger_counts_also_the_executions_that_it_does_not_list(
    hookonce: Hookonce, database: Database
) -> None:
    trigger_id = factories.trigger(database, slug="busy")
    for _ in range(21):
        factories.execution(database, trigger_id)
    factories.execution(database, factories.trigger(database))

    shown = printed(hookonce("trigger", "show", "busy", "--json"))

    assert (len(shown["executions"]), shown["execution_count"]) == (20, 21)


@pytest.mark.parametrize("command", [["list"], ["show", "busy"]])
def test_a_person_reads_a_table(hookonce: Hookonce, database: Database, command: list[str]) -> None:
    factories.execution(database, factories.trigger(database, slug="busy"), "failed", error="a\nb")

    result = hookonce("trigger", *command)

    assert result.exit_code == 0
    assert "busy" in result.stdout


@pytest.mark.parametrize(("command", "enabled"), [("disable", False), ("enable", True)])
def test_a_trigger_is_switched(hookonce: Hookonce, command: str, enabled: bool) -> None:
    add(hookonce, "one")

    result = hookonce("trigger", command, "one")

    assert result.stdout == f"one is {command}d\n"
    assert printed(hookonce("trigger", "show", "one", "--json"))["enabled"] is enabled


def test_a_removed_trigger_is_gone_with_its_executions(
    hookonce: Hookonce, database: Database
) -> None:
    factories.execution(database, factories.trigger(database, slug="busy"))

    hookonce("trigger", "remove", "busy", "--yes")

    assert printed(hookonce("trigger", "list", "--json")) == []
    assert factories.executions(database) == []


def test_a_trigger_is_not_removed_unless_confirmed(hookonce: Hookonce) -> None:
    add(hookonce, "one")

    result = hookonce("trigger", "remove", "one")

    assert result.exit_code == 1
    assert len(printed(hookonce("trigger", "list", "--json"))) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--source", "gitbub"], "there is no source 'gitbub'; there are a"),
        (["--action", "scirpt"], "there is no action 'scirpt'; there are evolution_go, "),
        (["--payload", " "], "a trigger needs a payload"),
        (["--action", "http", "--payload", "acme.example"], "http:// or https:// address"),
        (["--filter", "{"], "the event filter is not JSON"),
        (["--filter", "[]"], "the event filter must be an object"),
        (["--secret", "s" * 256], "a secret has 1 to 255 characters"),
        (["--source", "discord", "--secret", "s"], "'discord' must be the application's public"),
    ],
    ids=["source", "action", "payload", "address", "filter", "list as filter", "secret", "key"],
)
def test_a_trigger_that_could_not_work_is_refused_in_one_sentence(
    hookonce: Hookonce, options: list[str], said: str
) -> None:
    assert said in sentence(add(hookonce, "one", *options))


@pytest.mark.parametrize("name", ["", " ", "n" * 201])
def test_a_name_that_is_none_is_refused_in_one_sentence(hookonce: Hookonce, name: str) -> None:
    assert "a trigger needs a name" in sentence(add(hookonce, name))


def test_a_name_twice_is_refused_in_one_sentence(hookonce: Hookonce) -> None:
    add(hookonce, "order paid")

    assert "there is a trigger named 'Order Paid' already" in sentence(add(hookonce, "Order Paid"))


@pytest.mark.parametrize("command", ["show", "enable", "disable", "send"])
@pytest.mark.parametrize("name", ["nobody", "4711", "9" * 30])
def test_a_wrong_name_gets_one_sentence(hookonce: Hookonce, command: str, name: str) -> None:
    assert f"there is no trigger '{name}'" in sentence(hookonce("trigger", command, name))


def test_a_trigger_says_how_it_is_retried_and_how_many_run_at_once(hookonce: Hookonce) -> None:
    options = ("--retry", '{"max_attempts": 3}', "--max-concurrency", "1")

    printed(add(hookonce, "Order Paid!", *options))

    shown = printed(hookonce("trigger", "show", "order-paid", "--json"))
    assert (shown["retry_policy"], shown["max_concurrency"]) == ('{"max_attempts": 3}', 1)


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--retry", '{"max_attempts": 0}', "max_attempts of the retry policy must be 1 to 1000"),
        ("--retry", "often", "the retry policy is not JSON"),
        ("--max-concurrency", "0", "max_concurrency is a number from 1 to"),
    ],
)
def test_a_policy_that_could_not_work_is_refused_in_one_sentence(
    hookonce: Hookonce, option: str, value: str, says: str
) -> None:
    assert says in sentence(add(hookonce, "Order Paid!", option, value))


def test_a_shown_trigger_says_that_its_target_is_left_in_peace(
    hookonce: Hookonce, database: Database
) -> None:
    trigger_id = factories.trigger(database)
    since = factories.LONG_AGO
    with database.writing() as connection:
        connection.execute(
            sa.insert(trigger_breakers).values(
                trigger_id=trigger_id, failure_count=12, opened_at=since, probe_at=since
            )
        )

    shown = printed(hookonce("trigger", "show", str(trigger_id), "--json"))

    assert shown["failures_in_a_row"] == 12
    assert shown["breaker_open_since"] == "2020-01-01T00:00:00.000000Z"


def test_firing_sends_the_body_signed_and_prints_the_answer(hookonce: Hookonce, sink: Sink) -> None:
    add(hookonce, "one", "--secret", "given")

    result = hookonce("trigger", "send", "one", "--data", "{ }", HOOKONCE_PUBLIC_URL=sink.url)

    (received,) = sink.received
    assert (received.path, received.body) == ("/api/triggers/webhook/1", b"{ }")
    assert result.stdout == "200 thank you\n"


def test_firing_where_nobody_listens_gets_one_sentence(hookonce: Hookonce) -> None:
    add(hookonce, "one")
    with socket.create_server(("127.0.0.1", 0)) as once_there:
        url = f"http://127.0.0.1:{once_there.getsockname()[1]}"

    assert "is `gunicorn` running?" in sentence(
        hookonce("trigger", "send", "one", HOOKONCE_PUBLIC_URL=url)
    )


def test_firing_what_is_not_acknowledged_ends_in_a_status_that_a_script_sees(
    hookonce: Hookonce, sink: Sink
) -> None:
    add(hookonce, "one")
    sink.status = 401

    result = hookonce("trigger", "send", "one", HOOKONCE_PUBLIC_URL=sink.url)

    assert result.exit_code == 1
    assert result.stdout.startswith("401 ")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"source": "discord"}, "only discord itself can sign"),
        ({"secret": None}, "no secret to sign with"),
    ],
    ids=["discord", "no secret"],
)
def test_firing_what_cannot_be_signed_gets_one_sentence(
    hookonce: Hookonce, database: Database, given: dict[str, object], said: str
) -> None:
    factories.trigger(database, slug="mute", **given)

    assert said in sentence(hookonce("trigger", "send", "mute"))


def test_a_worker_works_off_what_is_due(
    hookonce: Hookonce, database: Database, write_script: WriteScript
) -> None:
    trigger_id = factories.trigger(database, action_payload=write_script("cat"))
    factories.execution(database, trigger_id)

    result = hookonce("worker", "--once")

    assert result.stdout == "1 attempt(s) made\n"
    assert [row.status for row in factories.executions(database)] == ["completed"]


def test_check_says_that_the_database_is_fit(hookonce: Hookonce) -> None:
    found = printed(hookonce("check", "--json"))

    assert found["passed"]
    assert list(found["checks"]) == [
        "database",
        "schema",
        "deduplication",
        "writing",
        "secrets",
        "admission",
        "workers",
    ]
    assert "uq_trigger_idem" in found["checks"]["deduplication"]["detail"]


def test_check_says_the_same_to_a_person(hookonce: Hookonce) -> None:
    result = hookonce("check")

    assert [line.split()[:2] for line in result.stdout.splitlines()] == [
        ["ok", "database:"],
        ["ok", "schema:"],
        ["ok", "deduplication:"],
        ["ok", "writing:"],
        ["ok", "secrets:"],
        ["ok", "admission:"],
        ["WARN", "workers:"],
    ]


def test_check_counts_what_is_held_back(hookonce: Hookonce, database: Database) -> None:
    trigger_id = factories.trigger(database)
    factories.execution(database, trigger_id, next_attempt_at=None)
    factories.execution(database, trigger_id, "running", lease_owner=None, lease_expires_at=None)

    (note,) = printed(hookonce("check", "--json"))["notes"]

    assert note.startswith("2 ")
    assert "are held" in note


@pytest.mark.parametrize("revision", ["0001", "0007"])
def test_check_lists_what_a_downgrade_stashed_and_hid(
    hookonce: Hookonce, database: Database, database_url: str, revision: str
) -> None:
    trigger_id = factories.trigger(database)
    first = factories.execution(database, trigger_id, "replayed", idempotency_key="k")
    factories.execution(database, trigger_id, idempotency_key="k", replay_of_id=first)
    migrate(database_url, to=revision, down=True)

    result = hookonce("check", "--json")

    notes = json.loads(result.stdout)["notes"]
    assert result.exit_code == 1
    sizes = {re.sub(r" \(about \d+ bytes\)", "", note) for note in notes}
    assert "_stash_0008_replay_keys holds 1 row(s) that a downgrade stashed" in sizes
    hidden = "trigger_executions._stash_0008_replay_of_id is a column that a downgrade hid"
    assert f"{hidden}: an upgrade shows it" in sizes


def test_check_lists_no_stash_where_there_is_none(hookonce: Hookonce) -> None:
    assert printed(hookonce("check", "--json"))["notes"] == []


def test_check_fails_without_the_unique_index(hookonce: Hookonce, database: Database) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql("DROP INDEX uq_trigger_idem")

    result = hookonce("check")

    assert result.exit_code == 1
    assert "FAILED deduplication: the unique index uq_trigger_idem is missing" in result.stdout


@pytest.mark.parametrize("table", ["triggers", "trigger_executions"])
def test_check_names_what_keeps_events_out(
    hookonce: Hookonce, database: Database, table: str
) -> None:
    with database.writing() as connection:
        change = "ADD COLUMN tenant INTEGER CONSTRAINT whose CHECK (tenant IS NOT NULL)"
        connection.exec_driver_sql(f"ALTER TABLE {table} {change}")

    result = hookonce("check")

    assert result.exit_code == 1
    assert re.search(r"(?m)^FAILED admission: .*\bwhose\b", result.stdout)


def test_check_names_a_column_of_a_type_that_takes_nothing(
    hookonce: Hookonce, database: Database, kind: str
) -> None:
    if kind == "sqlite":
        changes = [
            "ALTER TABLE triggers DROP COLUMN enabled",
            "ALTER TABLE triggers ADD COLUMN enabled TEXT",
        ]
    else:
        changes = ["ALTER TABLE trigger_executions ALTER COLUMN error TYPE VARCHAR(500)"]
    with database.writing() as connection:
        for change in changes:
            connection.exec_driver_sql(change)

    result = hookonce("check")

    column = "triggers.enabled is TEXT" if kind == "sqlite" else "error is character varying(500)"
    assert result.exit_code == 1
    assert "is needed: " in result.stdout
    assert f"{column}, " in result.stdout
    assert "run `ALTER TABLE" in result.stdout


def test_check_leaves_nothing_behind(hookonce: Hookonce, database: Database) -> None:
    hookonce("check")

    with database.reading() as connection:
        rows = [connection.execute(sa.select(t)).all() for t in metadata.tables.values()]
    assert not any(rows)


def test_what_is_too_long_for_a_found_column_is_one_sentence(
    hookonce: Hookonce, database: Database, kind: str
) -> None:
    if kind == "postgresql":  # SQLite takes any length
        with database.writing() as connection:
            connection.exec_driver_sql("ALTER TABLE triggers ALTER COLUMN slug TYPE VARCHAR(5)")

    result = add(hookonce, "six or more")

    if kind == "postgresql":
        assert "value too long" in sentence(result)
    else:
        assert printed(result)


@pytest.mark.parametrize("command", [["worker", "--once"], ["check"]])
def test_a_wrong_revision_is_refused_with_both_and_the_command(
    hookonce: Hookonce, database_url: str, command: list[str]
) -> None:
    migrate(database_url, to="0001", down=True)

    result = hookonce(*command)

    assert result.exit_code == 1
    assert "is at revision 0001, this code needs" in result.output
    assert "run `alembic upgrade head`" in result.output


@pytest.mark.parametrize("command", [["trigger", "list"], ["trigger", "show", "one"]])
def test_a_database_that_was_never_migrated_gets_one_sentence(
    hookonce: Hookonce, database_url: str, command: list[str]
) -> None:
    migrate(database_url, to="base", down=True)

    assert "`hookonce check` says what to do" in sentence(hookonce(*command))


def test_a_server_that_is_not_there_gets_one_sentence(hookonce: Hookonce) -> None:
    result = hookonce("trigger", "list", DATABASE_URL="postgresql://me@127.0.0.1:1/hookonce")

    assert "Connection refused" in sentence(result)


def test_a_database_in_a_place_that_cannot_be_gets_one_sentence(
    hookonce: Hookonce, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()

    result = hookonce("trigger", "list", DATABASE_URL=f"sqlite:///{tmp_path}/file/hookonce.db")

    assert "there is no database" in sentence(result)


@pytest.mark.parametrize("content", [None, "This is a letter, and no database of SQLite."])
def test_a_url_that_names_no_database_gets_one_sentence_with_the_setting(
    hookonce: Hookonce, tmp_path: Path, content: str | None
) -> None:
    place = tmp_path / "place"
    place.mkdir() if content is None else place.write_text(content * 99)

    result = sentence(hookonce("trigger", "list", DATABASE_URL=f"sqlite:///{place}"))

    assert "DATABASE_URL names a" in result


def test_a_missing_file_is_named_by_its_whole_path_with_a_command_that_works_here(
    hookonce: Hookonce, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    relative = sentence(hookonce("trigger", "list", DATABASE_URL="sqlite:///var/none.db"))
    absolute = sentence(hookonce("trigger", "list", DATABASE_URL=f"sqlite:///{tmp_path}/none.db"))

    assert f"there is no database {tmp_path}/var/none.db: DATABASE_URL is relative" in relative
    assert f"there is no database {tmp_path}/none.db: run `hookonce migrate`" in absolute


def test_a_mistyped_setting_gets_one_sentence(hookonce: Hookonce) -> None:
    result = hookonce("check", HOOKONCE_LEASE_SECONDS="sixty")

    assert "HOOKONCE_LEASE_SECONDS='sixty' cannot be used" in sentence(result)


def test_a_worker_warns_of_a_scripts_directory_that_was_named_and_does_not_stand(
    hookonce: Hookonce, tmp_path: Path
) -> None:
    right = hookonce("worker", "--once")
    wrong = hookonce("worker", "--once", HOOKONCE_SCRIPTS_DIR=str(tmp_path / "srcipts"))

    assert "evt=no_scripts_dir" not in right.stderr
    assert f"evt=no_scripts_dir directory={tmp_path}/srcipts" in wrong.stderr


def test_a_setting_that_does_not_exist_is_pointed_out(hookonce: Hookonce) -> None:
    result = hookonce("check", HOOKONCE_LEASE="60")

    assert result.exit_code == 0
    assert "HOOKONCE_LEASE is set, but Hookonce has no such setting" in result.stderr
