"""`hookonce adopt` names what a database of the older system lacks, and changes nothing."""

import logging
import re
import shlex
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from app import cli
from app.db import read_only
from app.errors import DatabaseUnavailable
from app.settings import from_environment
from tests.support import found_databases
from tests.support.databases import migrate
from tests.support.schema_dump import data, execute

ROWS: list[dict[str, object]] = [
    {"slug": "skill", "source": "custom", "action_type": "skill", "action_payload": "greet"},
    {"slug": "telegram", "source": "telegram", "action_payload": "alone.sh"},
    {"slug": "event", "source": "custom", "type": "event", "action_payload": "old.py"},
    {"slug": "filter", "source": "custom", "action_payload": "alone.sh"}
    | {"event_filter": '{"draft": "True"}'},
    {"slug": "space", "source": "custom", "action_payload": "two words.sh"},
    {"slug": "stripe", "source": "stripe", "action_payload": "alone.sh"},
    {"slug": "absent", "source": "custom", "action_payload": "absent.py"},
    {"slug": "off", "source": "slack", "action_payload": "absent.py", "enabled": False},
    {"slug": "fine", "source": "custom", "action_payload": "alone.sh --daily"},
]
PROBLEMS = [
    ("skill", "no command is set for the action 'skill'", "HOOKONCE_SKILL_COMMAND"),
    ("telegram", "X-Webhook-Signature proves no sender of telegram", "--source custom"),
    ("event", "the script 'old.py' is not executable", "HOOKONCE_SCRIPT_INTERPRETER=python3"),
    ("event", "its type 'event' receives no webhooks", "--type webhook"),
    ("filter", "for the JSON value write true", "--filter"),
    ("space", "the name of its script has a space", "--payload"),
    ("stripe", "each redelivery is a new execution", "--key-from provider"),
    ("absent", "there is no script 'absent.py'", "HOOKONCE_SCRIPTS_DIR"),
]


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    (tmp_path / "old.py").write_text("print('done')\n")
    for name in ("alone.sh", "two words.sh"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o700)
    return tmp_path


@pytest.fixture
def found(empty_url: str, scripts: Path) -> Iterator[Any]:
    """Return a function that runs the command on a database of the older system."""
    found_databases.make_triggers(empty_url, ROWS)
    environment = {"DATABASE_URL": empty_url, "HOOKONCE_SCRIPTS_DIR": str(scripts)}
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def run(*arguments: str, **more: str) -> Result:
        return CliRunner().invoke(cli.main, arguments, env=environment | more)

    yield run
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(result: Result) -> list[str]:
    return result.stdout.splitlines()


def test_each_problem_is_a_line_with_what_mends_it_before_and_after_the_upgrade(
    found: Any, empty_url: str
) -> None:
    rows = data(empty_url)

    before = found("adopt", "--dry-run")

    assert before.exit_code == 1, before.output
    assert len(lines(before)) == len(PROBLEMS)
    for line, (slug, problem, mend) in zip(lines(before), PROBLEMS, strict=True):
        assert line.startswith(f"{slug}: ")
        assert problem in line
        assert mend in line
    assert "rows are not written on trial here" in before.stderr
    assert data(empty_url) == rows
    assert [row["secret"] for row in rows["triggers"] if row["secret"] in before.output] == []

    migrate(empty_url)

    after = found("adopt", "--dry-run")
    assert (lines(after), after.stderr) == (lines(before), "")
    checked = found("check")
    assert checked.exit_code == 0, checked.output
    notes = [each.removeprefix("note   ") for each in lines(checked) if each.startswith("note ")]
    assert notes == lines(before)


def test_the_commands_mend_it(found: Any, empty_url: str, scripts: Path) -> None:
    migrate(empty_url)
    (scripts / "absent.py").write_text("print('done')\n")
    mended = {"HOOKONCE_SKILL_COMMAND": "/bin/true", "HOOKONCE_SCRIPT_INTERPRETER": "python3"}
    rest = lines(found("adopt", "--dry-run", **mended))

    for line in rest:
        command = re.findall(r"`hookonce ([^`]+)`", line)[0].replace(
            "--filter ...", "--filter '{}'"
        )
        ended = found(*shlex.split(command))
        assert ended.exit_code == 0, ended.output

    assert len(rest) == 5
    ended = found("adopt", "--dry-run", **mended)
    assert (ended.exit_code, lines(ended)) == (0, ["nothing to mend"])


def test_it_takes_nothing_over_itself(found: Any, empty_url: str) -> None:
    rows = data(empty_url)

    refused = found("adopt")

    assert refused.exit_code == 2
    assert "upgrade head` takes the database over" in refused.stderr
    assert data(empty_url) == rows


def test_a_database_without_such_triggers_has_nothing_to_mend(
    empty_url: str, tmp_path: Path
) -> None:
    def run() -> tuple[int, str]:
        environment = {"DATABASE_URL": empty_url, "HOOKONCE_SCRIPTS_DIR": str(tmp_path)}
        ended = CliRunner().invoke(cli.main, ["adopt", "--dry-run"], env=environment)
        return ended.exit_code, ended.stdout

    execute(empty_url, "CREATE TABLE of_another_program (id INTEGER)")
    assert run() == (0, "nothing to mend\n")
    migrate(empty_url)
    columns, values = "name, slug, source, action_type, action_payload", "'a', 'telegram', 'skill'"
    execute(empty_url, f"INSERT INTO triggers ({columns}) VALUES ('a', {values}, '')")
    assert run() == (0, "nothing to mend\n")


def test_tables_that_the_upgrade_would_refuse_are_named(empty_url: str, found: Any) -> None:
    execute(
        empty_url,
        "DROP TABLE trigger_executions",
        "CREATE TABLE trigger_executions (id INTEGER, trigger_id INTEGER)",
    )

    named = [line for line in lines(found("adopt", "--dry-run")) if "would refuse" in line]

    assert len(named) > 0
    assert "trigger_executions" in named[0]


def test_a_table_of_somebody_else_with_a_name_of_ours_is_named(empty_url: str, found: Any) -> None:
    execute(empty_url, "CREATE TABLE notification_channels (id INTEGER)")

    named = [line for line in lines(found("adopt", "--dry-run")) if "would refuse" in line]

    assert len(named) == 1
    assert "RENAME TO notification_channels_found" in named[0]


def test_keys_that_the_upgrade_would_refuse_are_counted(empty_url: str, found: Any) -> None:
    columns = "trigger_id, status, idempotency_key"
    values = "(1, 'completed', 'k'), (1, 'failed', 'k'), (2, 'completed', 'k')"
    execute(
        empty_url,
        "ALTER TABLE trigger_executions ADD COLUMN idempotency_key VARCHAR(255)",
        f"INSERT INTO trigger_executions ({columns}) VALUES {values}",
    )

    named = [line for line in lines(found("adopt", "--dry-run")) if "would refuse" in line]

    assert len(named) == 1
    assert ": 1 idempotency key(s) belong to several executions" in named[0]
    assert "-x dedupe=keep-first upgrade head" in named[0]


def test_odd_values_of_a_sqlite_file_are_no_traceback(tmp_path: Path) -> None:
    path = tmp_path / "found.db"
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE TABLE triggers (id INTEGER PRIMARY KEY, name TEXT, slug TEXT, source TEXT, "
            "event_filter, action_type, action_payload, secret, enabled)"
        )
        rows = [
            (None, None, 5, b"\xff", 7, 8, None, 1),
            ("a\x1b[2Jb", "s", "github", '{"event": 5}', "script", b"\xff.py", "", 1),
            ("c", "u", None, "{}", "script", "x" * 10_000, "s", 1),
            ("b", "t", None, "[" * 50_000, "skill", "x" * 10_000, "s", "yes"),
        ]
        names = "name, slug, source, event_filter, action_type, action_payload, secret, enabled"
        marks = ", ".join("?" * 8)
        connection.executemany(f"INSERT INTO triggers ({names}) VALUES ({marks})", rows)
    connection.close()
    environment = {"DATABASE_URL": f"sqlite:///{path}", "HOOKONCE_SCRIPTS_DIR": str(tmp_path)}

    ended = CliRunner().invoke(cli.main, ["adopt", "--dry-run"], env=environment)

    assert ended.exit_code == 1, ended.output
    assert isinstance(ended.exception, SystemExit)
    assert "1: it has no secret" in ended.stdout


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_a_sqlite_file_is_left_as_it_is(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "found.db"
    found_databases.make_triggers(f"sqlite:///{path}", ROWS)
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
    connection.close()
    before = path.read_bytes()

    for file in (path, tmp_path / "none.db"):
        environment = {"DATABASE_URL": f"sqlite:///{file}"}
        CliRunner().invoke(cli.main, ["adopt", "--dry-run"], env=environment)

    assert path.read_bytes() == before
    assert not (tmp_path / "none.db").exists()


def test_the_connection_refuses_every_write(empty_url: str) -> None:
    found_databases.make_triggers(empty_url, ROWS)
    settings = from_environment({"DATABASE_URL": empty_url})

    with (
        pytest.raises(DatabaseUnavailable, match=r"read-?only"),
        read_only.connection(settings) as connection,
    ):
        connection.exec_driver_sql("DELETE FROM triggers")
