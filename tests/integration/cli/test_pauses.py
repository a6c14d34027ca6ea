"""Commands pause and resume, probe and close a breaker, and say if a worker is alive."""

import json
import logging
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from app import cli, clock
from app.db import Database, utc_now
from app.db.models import trigger_breakers, workers
from app.executions import blocks
from app.health.remarks import PAUSED_SHOWN
from app.triggers import pausing
from tests.support import factories

Hookonce = Callable[..., Result]


@pytest.fixture
def hookonce(database_url: str) -> Iterator[Hookonce]:
    """Return a function that runs the command on this test's database; its logging ends here."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def run(*arguments: str, **environment: str) -> Result:
        env = {"DATABASE_URL": database_url, **environment}
        return CliRunner().invoke(cli.main, arguments, env=env)

    yield run
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def orders(database: Database) -> int:
    """Insert a trigger behind which three executions wait."""
    trigger_id = factories.trigger(database, name="orders", slug="orders")
    for _ in range(3):
        factories.execution(database, trigger_id)
    return trigger_id


def is_paused(database: Database, trigger_id: int) -> bool:
    with database.reading() as connection:
        return blocks.of_trigger(connection, trigger_id).pause is not None


def test_pause_and_resume_say_how_many_wait(
    hookonce: Hookonce, database: Database, orders: int
) -> None:
    preview = hookonce("trigger", "pause", "orders", "--dry-run")
    assert preview.output == "orders: would be paused, 3 execution(s) wait\n"
    assert not is_paused(database, orders)

    assert hookonce("trigger", "pause", "orders").output == (
        "orders: paused, 3 execution(s) wait\n"
    )
    assert is_paused(database, orders)
    shown = json.loads(hookonce("trigger", "show", "orders", "--json").output)
    assert shown["paused_by"].startswith("cli:")
    (trigger,) = json.loads(hookonce("trigger", "list", "--json").output)
    assert trigger["state"] == "paused"
    listed = hookonce("execution", "list").output
    assert listed.count("paused") == 3

    preview = hookonce("trigger", "resume", "orders", "--dry-run", "--json")
    assert json.loads(preview.output)["waiting"] == 3
    assert is_paused(database, orders)
    resumed = hookonce("trigger", "resume", "orders", "--per-second", "2")
    assert resumed.output == "orders: resumed, 3 execution(s) begin, 2 a second\n"
    assert not is_paused(database, orders)
    assert hookonce("trigger", "resume", "orders").output == "orders: not paused\n"


@pytest.mark.usefixtures("orders")
def test_all_are_paused_loudly(hookonce: Hookonce) -> None:
    assert hookonce("trigger", "pause", "--all").output == (
        "all triggers: paused, 3 execution(s) wait\n"
    )
    note = [line for line in hookonce("check").output.splitlines() if "PAUSED" in line]
    assert len(note) == 1
    assert "by cli:" in note[0]
    assert "all_paused" in hookonce("execution", "list").output

    assert "3 execution(s) begin, all at once" in (
        hookonce("trigger", "resume", "--all", "--per-second", "0").output
    )
    assert "PAUSED" not in hookonce("check").output


@pytest.mark.usefixtures("orders")
def test_the_end_of_the_pause_of_all_names_the_executions_that_still_wait(
    hookonce: Hookonce,
) -> None:
    hookonce("trigger", "pause", "--all")
    hookonce("trigger", "pause", "orders")

    resumed = hookonce("trigger", "resume", "--all")

    assert resumed.output == (
        "all triggers: resumed, 3 execution(s) begin, 10 a second, "
        "except of triggers paused by themselves\n"
    )


def test_a_pause_keeps_its_reason_wherever_it_is_shown(
    hookonce: Hookonce, database: Database, orders: int
) -> None:
    first = hookonce("trigger", "pause", "orders", "--reason", " the target moves ")
    assert first.output == "orders: paused, 3 execution(s) wait: the target moves\n"

    shown = json.loads(hookonce("trigger", "show", "orders", "--json").output)
    assert shown["pause_reason"] == "the target moves"
    assert "the target moves" in hookonce("trigger", "list").output
    (note,) = [line for line in hookonce("check").output.splitlines() if "is paused" in line]
    assert "orders is paused since" in note
    assert ": the target moves; " in note
    (row, *_) = json.loads(hookonce("execution", "list", "--json").output)["rows"]
    assert row["waiting_because"]["detail"].endswith(": the target moves")

    hookonce("trigger", "pause", "orders", "--reason", "it moved, and fails")
    with database.reading() as connection:
        pause = blocks.of_trigger(connection, orders).pause
    assert pause is not None
    assert (pause.reason, clock.text(pause.since)) == ("it moved, and fails", shown["paused_at"])
    again = hookonce("trigger", "pause", "orders", "--json")
    assert json.loads(again.output)["paused"]["reason"] == "it moved, and fails"


@pytest.mark.usefixtures("orders")
def test_the_reason_of_a_pause_of_all_is_in_the_check(hookonce: Hookonce) -> None:
    paused = hookonce("trigger", "pause", "--all", "--reason", "database upgrade", "--json")

    assert json.loads(paused.output)["paused"]["reason"] == "database upgrade"
    (note,) = [line for line in hookonce("check").output.splitlines() if "PAUSED" in line]
    assert ": database upgrade; " in note
    hookonce("trigger", "pause", "--all", "--reason", "still upgrading")
    assert ": still upgrading; " in hookonce("check").output


@pytest.mark.parametrize("reason", ["a\nb", "a\u202eb", "x" * 201, "\u200b"])
@pytest.mark.parametrize("of", ["orders", "--all"])
def test_a_reason_that_hides_something_or_is_too_long_is_refused(
    hookonce: Hookonce, database: Database, orders: int, of: str, reason: str
) -> None:
    refused = hookonce("trigger", "pause", of, "--reason", reason)

    assert refused.exit_code == 1
    assert "reason must" in refused.output
    assert not is_paused(database, orders)
    assert "PAUSED" not in hookonce("check").output


def test_the_check_names_only_the_first_of_many_paused_triggers(
    hookonce: Hookonce, database: Database
) -> None:
    for _ in range(PAUSED_SHOWN + 1):
        pausing.pause(database, factories.trigger(database))

    notes = [line for line in hookonce("check").output.splitlines() if "paused" in line]

    assert len(notes) == PAUSED_SHOWN + 1
    assert "more triggers are paused" in notes[-1]


@pytest.mark.parametrize("arguments", [(), ("orders", "--all")])
@pytest.mark.usefixtures("orders")
def test_a_trigger_or_all_is_given(hookonce: Hookonce, arguments: tuple[str, ...]) -> None:
    for command in ("pause", "resume"):
        result = hookonce("trigger", command, *arguments)
        assert (result.exit_code, "give a trigger, or --all" in result.output) == (2, True)


def test_a_breaker_is_listed_probed_and_closed(
    hookonce: Hookonce, database: Database, orders: int
) -> None:
    assert hookonce("breaker", "probe", "orders").exit_code == 1
    values = {"trigger_id": orders, "failure_count": 9, "opened_at": utc_now()}
    with database.writing() as connection:
        insert = sa.insert(trigger_breakers).values(values | {"probe_at": utc_now(600)})
        connection.execute(insert)

    (row,) = json.loads(hookonce("breaker", "list", "--json").output)
    assert (row["slug"], row["state"], row["waiting"]) == ("orders", "open", 3)
    assert hookonce("breaker", "probe", "orders").exit_code == 0
    assert hookonce("breaker", "close", "orders").output == "orders: the breaker is closed\n"
    assert "is not open" in hookonce("breaker", "close", "orders").output


def test_the_check_names_the_workers_and_fails_without_one_only_if_told_to(
    hookonce: Hookonce, database: Database
) -> None:
    lenient = hookonce("check")
    strict = hookonce("check", HOOKONCE_READY_NEEDS_WORKER="on")

    assert (lenient.exit_code, strict.exit_code) == (0, 1)
    assert "WARN   workers: no worker is alive" in lenient.output
    assert "FAILED workers: no worker is alive" in strict.output

    values = {"owner": "host:1:aa", "host": "host", "pid": 1, "version": "0", "slots": 4, "busy": 1}
    with database.writing() as connection:
        now = {"started_at": utc_now(), "last_seen_at": utc_now()}
        connection.execute(sa.insert(workers).values(values | now))
    strict = hookonce("check", HOOKONCE_READY_NEEDS_WORKER="on")
    assert (strict.exit_code, "ok     workers: 1 worker, 4 slots, 1 busy" in strict.output) == (
        0,
        True,
    )
    assert hookonce("workers").output.startswith("1 worker, 4 slots, 1 busy\nowner")
    assert json.loads(hookonce("workers", "--json").output)["workers"][0]["alive"] is True
