"""`hookonce dead` and `hookonce replay`: output, questions and exit statuses."""

import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from app import cli
from app.audit import Actor
from app.cli import tables
from app.db import Database, utc_now
from app.db.models import trigger_executions
from app.executions import dead_letters, replay
from app.executions.origins import EditedPayload
from app.settings import Settings
from app.worker.loop import Worker
from tests.integration.conftest import WriteScript
from tests.integration.executions.test_replay import dead_letter, row
from tests.support import factories
from tests.support.databases import migrate

Hookonce = Callable[..., Result]
EVERY = ("dead", "replay", "--yes", "--no-wait", "--pace", "1000")


@pytest.fixture
def hookonce(database_url: str) -> Iterator[Hookonce]:
    """Return a function that runs the command on this test's database; its logging ends here."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def run(*arguments: object, answer: str | None = None) -> Result:
        words = [str(each) for each in arguments]
        environ = {"DATABASE_URL": database_url}
        return CliRunner().invoke(cli.main, words, answer, environ, color=True)  # as a terminal

    yield run
    root.handlers[:] = handlers
    root.setLevel(level)


def counted(result: Result) -> Any:
    return json.loads(result.stdout)


def statuses(database: Database) -> list[str]:
    return [each.status for each in factories.executions(database)]


def test_one_is_replayed(hookonce: Hookonce, database: Database) -> None:
    old = dead_letter(database)

    result = hookonce("replay", old)

    new = factories.executions(database)[-1].id
    assert result.exit_code == 0
    assert result.stdout == f"Execution {old} replayed as execution {new}.\n"


def test_one_is_replayed_for_a_program(hookonce: Hookonce, database: Database) -> None:
    result = hookonce("replay", dead_letter(database), "--json")

    new = factories.executions(database)[-1].id
    assert counted(result) == {"status": "ok", "new_execution_id": new}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"status": "completed"}, "Error: execution {id} is completed, not a dead letter\n"),
        (
            {"last_replay_at": utc_now()},
            "Error: it was replayed a moment ago; try again in 60 s\n",
        ),
    ],
)
def test_what_cannot_be_replayed_gets_one_sentence(
    hookonce: Hookonce, database: Database, given: dict[str, Any], sentence: str
) -> None:
    old = dead_letter(database, **given)

    result = hookonce("replay", old)

    assert (result.exit_code, result.stderr) == (1, sentence.format(id=old))


def test_what_is_not_there_gets_one_sentence(hookonce: Hookonce) -> None:
    result = hookonce("replay", 4711)

    assert (result.exit_code, result.stderr) == (1, "Error: there is no execution 4711\n")


def test_below_the_revision_that_knows_replays_one_is_told_what_to_do(
    hookonce: Hookonce, database: Database, database_url: str
) -> None:
    old = dead_letter(database)
    migrate(database_url, to="0007", down=True)

    result = hookonce("replay", old)

    assert result.exit_code == 1
    assert "a replay needs revision 0008" in result.stderr
    assert "run `alembic upgrade head`" in result.stderr


def test_dead_letters_are_listed_newest_first(hookonce: Hookonce, database: Database) -> None:
    trigger_id = factories.trigger(database, slug="orders")
    one = dead_letter(database, trigger_id, error="HTTP 500", error_reason="target_error")
    two = dead_letter(database, trigger_id, error="two\nlines", idempotency_key=None)

    heading, *lines = hookonce("dead", "list").stdout.splitlines()

    assert heading.split()[:3] == ["id", "trigger", "status"]
    assert [line.split()[0] for line in lines] == [str(two), str(one)]
    assert lines[0].endswith("two lines")
    assert "target_error" in lines[1]


def test_dead_letters_are_listed_for_a_program(hookonce: Hookonce, database: Database) -> None:
    trigger_id = factories.trigger(database, slug="orders")
    ids = [dead_letter(database, trigger_id, idempotency_key=None) for _ in range(3)]

    rows = counted(hookonce("dead", "list", "--json"))

    assert [each["id"] for each in rows] == ids[::-1]
    assert rows[0]["trigger"] == "orders"
    assert rows[0]["completed_at"] == "2020-01-01T00:00:00.000000Z"
    assert "event_data" not in rows[0]
    assert counted(hookonce("dead", "list", "--json", "--limit", 2)) == rows[:2]
    assert counted(hookonce("dead", "list", "--json", "--key", "none")) == []


ORDERS = "\x1b]0;owned\x07\x1b[2J\u202e"
"""Control sequences of a terminal: a new title, a clear screen, text from right to left."""


@pytest.mark.parametrize("command", ["dead list", "execution show 1"])
def test_a_terminal_obeys_neither_a_senders_key_nor_a_targets_answer(
    hookonce: Hookonce, database: Database, command: str
) -> None:
    dead_letter(database, error=f"HTTP 503 {ORDERS}", idempotency_key=f"k{ORDERS}")

    printed = hookonce(*command.split()).stdout

    assert set(ORDERS) & set(printed) <= set("]0;owned[2J")
    assert "HTTP 503 \\x1b]0;owned\\x07\\x1b[2J\\u202e" in printed
    assert "k\\x1b]0;owned" in printed


def test_no_line_of_an_error_poses_as_another_value(hookonce: Hookonce, database: Database) -> None:
    dead_letter(database, error="Traceback\nstatus  completed")

    lines = hookonce("execution", "show", 1).stdout.splitlines()

    assert [line.split() for line in lines if line.startswith("status")] == [["status", "failed"]]
    assert any(line.startswith("    ") and "status  completed" in line for line in lines)


def test_a_long_list_is_printed_page_by_page(
    hookonce: Hookonce, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "PAGE_ROWS", 2)
    monkeypatch.setattr(tables, "MEASURED_ROWS", 2)
    trigger_id = factories.trigger(database)
    ids = [dead_letter(database, trigger_id, idempotency_key=None) for _ in range(5)]

    heading, *lines = hookonce("dead", "list").stdout.splitlines()

    assert heading.startswith("id")
    assert [int(line.split()[0]) for line in lines] == ids[::-1]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--reason", "timeout"), 1),
        (("--reason", "unknown"), 1),
        (("--category", "permanent"), 1),
        (("--key", "order-1"), 1),
        (("--trigger", "orders"), 2),
        (("--since", "2h"), 1),
        (("--since", "2020-01-01"), 2),
        (("--until", "2020-01-01T00:00:00Z"), 0),
        (("--until", "1w"), 1),
    ],
)
def test_each_option_narrows(
    hookonce: Hookonce, database: Database, options: tuple[str, ...], expected: int
) -> None:
    trigger_id = factories.trigger(database, slug="orders")
    now = {"completed_at": utc_now(), "error_category": "permanent"}
    dead_letter(database, trigger_id, error_reason="timeout", **now)
    dead_letter(database, trigger_id, idempotency_key="order-2")

    assert len(counted(hookonce("dead", "list", "--json", *options))) == expected


@pytest.mark.parametrize("wrong", ["yesterday", "2", "h", "999999w", "2026-13-01", ""])
def test_a_time_that_is_none_is_refused(hookonce: Hookonce, wrong: str) -> None:
    result = hookonce("dead", "list", "--since", wrong)

    assert result.exit_code == 2
    assert "is not a time: give 2h, 3d, 14:00 or ISO 8601" in " ".join(result.stderr.split())


def test_a_trigger_that_is_not_there_gets_one_sentence(hookonce: Hookonce) -> None:
    result = hookonce("dead", "list", "--trigger", "nobody")

    assert result.exit_code == 1
    assert "there is no trigger 'nobody'" in result.stderr


def test_many_are_shown_by_trigger_and_reason_before_a_person_says_yes(
    hookonce: Hookonce, database: Database
) -> None:
    trigger_id = factories.trigger(database, slug="orders")
    for reason in ("timeout", "timeout", "auth"):
        dead_letter(database, trigger_id, error_reason=reason, idempotency_key=None)

    result = hookonce("dead", "replay", "--reason", "timeout", "--no-wait", answer="y\n")

    assert result.exit_code == 0
    shown = result.stderr.splitlines()
    assert shown[:3] == [
        "2 dead letter(s)",
        "trigger  reason   executions",
        "orders   timeout  2",
    ]
    assert "Replay 2 dead letter(s), 10 per second? [y/N]" in result.stderr
    assert statuses(database) == ["replayed", "replayed", "failed", "pending", "pending"]
    assert result.stdout.split()[-10:-6] == ["selected", "2", "replayed", "2"]


@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
def test_without_a_yes_nothing_is_replayed(
    hookonce: Hookonce, database: Database, answer: str
) -> None:
    dead_letter(database)

    result = hookonce("dead", "replay", answer=answer)

    assert result.exit_code == 1
    assert statuses(database) == ["failed"]


def test_where_nothing_is_dead_nothing_is_asked(hookonce: Hookonce) -> None:
    result = hookonce("dead", "replay", "--json")

    assert result.exit_code == 0
    assert counted(result) == {
        "selected": 0,
        "replayed": 0,
        "not_replayable": 0,
        "rate_limited": 0,
        "not_found": 0,
    }


def test_what_was_refused_is_counted_and_told_by_the_exit_status(
    hookonce: Hookonce, database: Database
) -> None:
    dead_letter(database)
    dead_letter(database, last_replay_at=utc_now())

    result = hookonce(*EVERY, "--json")

    assert result.exit_code == 1
    assert counted(result) | {"selected": 2, "replayed": 1, "rate_limited": 1} == counted(result)


def test_named_executions_are_replayed_once_each(hookonce: Hookonce, database: Database) -> None:
    one, other, completed = (
        dead_letter(database),
        dead_letter(database),
        dead_letter(database, status="completed"),
    )

    result = hookonce(*EVERY, "--json", one, one, completed, 4711)

    assert "2 of the given id(s) are not dead letters" in result.stderr
    assert counted(result) == {
        "selected": 3,
        "replayed": 1,
        "not_replayable": 1,
        "rate_limited": 0,
        "not_found": 1,
    }
    assert row(database, other).status == "failed"


def test_no_line_for_each_replay_tears_the_bar_apart(
    hookonce: Hookonce, database: Database
) -> None:
    dead_letter(database)

    assert "evt=replayed" not in hookonce(*EVERY).stderr
    assert "evt=replayed" in hookonce("replay", dead_letter(database)).stderr


def test_ids_and_options_together_are_refused(hookonce: Hookonce) -> None:
    result = hookonce("dead", "replay", 1, "--reason", "timeout")

    assert result.exit_code == 2
    assert "not both" in result.stderr


def test_when_the_first_ones_fail_again_it_says_so_and_stops(
    hookonce: Hookonce, database: Database, settings: Settings, write_script: WriteScript
) -> None:
    script = write_script("printf 'bro\\033[2Jken' >&2; exit 1")
    trigger_id = factories.trigger(database, action_payload=script)
    for _ in range(4):
        dead_letter(database, trigger_id, idempotency_key=None)

    with working(settings):
        result = hookonce("dead", "replay", "--yes", "--stop-after", 2, "--pace", 1000, "--json")

    assert result.exit_code == 1
    assert "Stopped: the first 2 replays failed again" in result.stderr
    assert "`--no-wait` replays the others all the same." in result.stderr
    assert "bro\\x1b[2Jken" in result.stderr
    assert counted(result)["replayed"] == 2
    assert statuses(database).count("replayed") == 2


def test_when_the_first_one_completes_all_follow(
    hookonce: Hookonce, database: Database, settings: Settings, write_script: WriteScript
) -> None:
    trigger_id = factories.trigger(database, action_payload=write_script("exit 0"))
    for _ in range(5):
        dead_letter(database, trigger_id, idempotency_key=None)

    with working(settings):
        result = hookonce("dead", "replay", "--yes", "--pace", 1000, "--json")

    assert (result.exit_code, counted(result)["replayed"]) == (0, 5)


class working:  # noqa: N801, it reads as what happens meanwhile
    """Run a worker until the block ends."""

    def __init__(self, settings: Settings) -> None:
        self._database = Database(settings)
        self._settings = settings

    def __enter__(self) -> None:
        self._stop = threading.Event()
        worker = Worker(self._database, self._settings, 2)
        self._thread = threading.Thread(target=worker.run, args=(self._stop,))
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._database.dispose()


def started(database_url: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "app", *map(str, arguments)],
        env={**os.environ, "DATABASE_URL": database_url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_of_two_processes_that_replay_one_execution_one_wins(
    database: Database, database_url: str
) -> None:
    old = dead_letter(database)

    both = [started(database_url, "replay", old) for _ in range(2)]
    ended = sorted((each.wait(120), *each.communicate()) for each in both)

    assert [status for status, _, _ in ended] == [0, 1]
    assert ended[1][2] == f"Error: execution {old} is replayed, not a dead letter\n"
    assert statuses(database) == ["replayed", "pending"]


def test_ctrl_c_ends_it_between_two(database: Database, database_url: str) -> None:
    trigger_id = factories.trigger(database)
    for _ in range(50):
        dead_letter(database, trigger_id, idempotency_key=None)

    running = started(database_url, "dead", "replay", "--yes", "--no-wait", "--pace", 5, "--json")
    while "pending" not in statuses(database):
        assert running.poll() is None
    running.send_signal(signal.SIGINT)
    said, _ = running.communicate(timeout=120)

    assert running.returncode == 130
    found = statuses(database)
    assert json.loads(said)["replayed"] == found.count("replayed") == found.count("pending")
    assert 0 < found.count("replayed") < 50


def test_a_payload_that_a_person_edited_is_marked_wherever_it_is_listed(
    hookonce: Hookonce, database: Database
) -> None:
    old = dead_letter(database, event_data='{"source": "custom", "data": {"n": 1}}')
    edited = EditedPayload('{"source": "custom", "data": {"n": 2}}', None)

    new = replay.replay(database, old, Actor("Ada"), edited)
    with database.writing() as connection:
        failed = {"status": "failed", "completed_at": utc_now()}
        made = trigger_executions.c.id == new
        connection.execute(sa.update(trigger_executions).where(made).values(failed))

    for command in (("execution", "list"), ("dead", "list")):
        heading, *rows = (line.split() for line in hookonce(*command, "--wide").stdout.splitlines())
        marks = {row[0]: row[heading.index("edited")] for row in rows}
        assert marks[str(new)] == "edited", command
        assert set(marks.values()) <= {"edited", "-"}
    shown = hookonce("execution", "show", new).stdout
    assert re.search(
        rf"^made_by +Ada at .*: replay of execution {old}, payload edited$", shown, re.M
    )
    assert re.search(r'^original_payload +{"source": "custom", "data": {"n": 1}}$', shown, re.M)
    assert re.search(
        rf"^executions_made_from_it +{new}$", hookonce("execution", "show", old).stdout, re.M
    )
    printed = json.loads(hookonce("execution", "show", new, "--json").stdout)
    assert (printed["origin"]["made_by"], printed["origin"]["edited"]) == ("Ada", True)


def test_a_released_key_is_shown_with_its_person(hookonce: Hookonce, database: Database) -> None:
    done = factories.execution(
        database, factories.trigger(database), "completed", idempotency_key="k-1"
    )

    hookonce("execution", "forget-key", done, "--yes")

    shown = hookonce("execution", "show", done).stdout
    assert re.search(r"^key_forgotten +k-1, by cli:\w+ at ", shown, re.M)
