"""A worker runs scripts, and their exit status and output decide the outcome."""

import json
import os
import select
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app import actions
from app.actions import output
from app.actions.work import SUMMARY_CHARACTERS
from app.db import Database
from app.settings import Settings
from app.worker.loop import Worker
from tests.integration.conftest import WriteScript
from tests.support import factories
from tests.support.samples import SECRET

pytestmark = pytest.mark.usefixtures("longest_waits")


def worked(database: Database, settings: Settings, **trigger: Any) -> Any:
    """Return the row of one execution after a worker has run all that was due."""
    given = {"event_data": trigger.pop("event_data", "{}")}
    factories.execution(database, factories.trigger(database, **trigger), **given)
    Worker(database, settings, concurrency=2).run_once()
    (row,) = factories.executions(database)
    return row


def test_a_script_gets_the_event_and_its_words_are_the_result(
    database: Database, settings: Settings, write_script: WriteScript
) -> None:
    name = write_script('printf "%s got %s" "$1" "$(cat)"; echo " (and more)" >&2')

    row = worked(database, settings, action_payload=f"{name} 'the office'", event_data='{"a":"ü"}')

    assert (row.status, row.attempt_count) == ("completed", 1)
    assert row.result_summary == 'the office got {"a":"ü"} (and more)'


def test_a_script_knows_which_attempt_it_is(
    database: Database, settings: Settings, write_script: WriteScript
) -> None:
    name = write_script('echo "$HOOKONCE_EXECUTION_ID $HOOKONCE_ATTEMPT $HOOKONCE_TRIGGER"')

    row = worked(database, settings, action_payload=name, slug="the-slug")

    assert row.result_summary == f"{row.id} 1 the-slug"


@pytest.mark.parametrize(
    ("text", "status", "category"),
    [
        ("exit 1", "failed", "permanent"),
        ("echo 'no such berth' >&2; exit 2", "failed", "permanent"),
        ("exit 75", "retrying", "transient"),
        ("echo 'the crane timed out'; exit 1", "retrying", "transient"),
        ("echo 'urllib3: Connection refused' >&2; exit 1", "retrying", "transient"),
        ("echo 'the crane timed out'; exit 0", "completed", None),
        ("kill -TERM $$", "failed", "permanent"),
        ("seq 20000; echo 'the crane timed out'; exit 1", "retrying", "transient"),
    ],
)
def test_how_a_script_ends_decides_what_follows(
    database: Database,
    settings: Settings,
    write_script: WriteScript,
    text: str,
    status: str,
    category: str | None,
) -> None:
    row = worked(database, settings, action_payload=write_script(text))

    assert (row.status, row.error_category) == (status, category)


@pytest.mark.parametrize(
    ("text", "result", "error"),
    [
        ("echo out; echo why >&2; exit 3", "out", "ended with status 3: why"),
        ("echo why >&2; echo out; exit 75", "out", "ended with status 75, try again later: why"),
        ("echo first; echo last; exit 1", "first\nlast", "ended with status 1: last"),
        ("echo why >&2; exit 1", None, "ended with status 1: why"),
        ("exit 1", None, "ended with status 1"),
        ("echo out; kill -9 $$", "out", "was killed by signal 9: out"),
    ],
)
def test_the_output_of_a_failed_script_is_its_result_and_the_error_its_reason(
    database: Database,
    settings: Settings,
    write_script: WriteScript,
    text: str,
    result: str | None,
    error: str,
) -> None:
    row = worked(database, settings, action_payload=write_script(text))

    assert (row.result_summary, row.error) == (result, error)
    assert factories.attempts(database)[0].error == error


def test_a_success_does_not_keep_the_output_of_the_failure_before(
    database: Database, settings: Settings, write_script: WriteScript
) -> None:
    name = write_script('[ "$HOOKONCE_ATTEMPT" = 2 ] || { echo half done; exit 75; }')
    policy = '{"base_seconds": 0}'

    row = worked(database, settings, action_payload=name, retry_policy=policy)

    assert (row.status, row.attempt_count, row.result_summary) == ("completed", 2, None)


def test_long_output_of_both_streams_keeps_the_end_of_each(
    database: Database, settings: Settings, write_script: WriteScript
) -> None:
    name = write_script("seq 9000; echo the result; seq 9000 >&2; echo the warning >&2")

    row = worked(database, settings, action_payload=name)

    assert "the result" in row.result_summary
    assert row.result_summary.endswith("the warning")
    assert len(row.result_summary) <= SUMMARY_CHARACTERS


@pytest.mark.parametrize(
    ("trigger", "said"),
    [
        ({"action_type": "heartbeat", "action_payload": "x"}, "no action named 'heartbeat'"),
        ({"action_type": "", "action_payload": "x"}, "no action named ''"),
        ({"action_payload": "missing"}, "no script 'missing'"),
        ({"action_payload": "../outside"}, "outside the scripts directory"),
        ({"action_payload": None}, "names no script"),
    ],
    ids=["an action of elsewhere", "no action", "no script", "outside", "nothing"],
)
def test_a_trigger_that_cannot_work_fails_for_good(
    database: Database, settings: Settings, trigger: dict[str, object], said: str
) -> None:
    row = worked(database, settings, **trigger)

    assert (row.status, row.error_category) == ("failed", "permanent")
    assert said in row.error


@pytest.mark.parametrize(
    "raised",
    [SystemExit(3), KeyboardInterrupt(), ValueError("odd"), RecursionError()],
    ids=repr,
)
def test_whatever_an_action_raises_is_recorded(
    database: Database,
    settings: Settings,
    raised: BaseException,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def raises(_work: object) -> str:
        raise raised

    monkeypatch.setitem(actions.ACTIONS, "raises", raises)

    row = worked(database, settings, action_type="raises")

    assert row.status == "failed"
    assert row.error.startswith(type(raised).__name__)


def test_twenty_megabytes_of_output_leave_only_their_end(
    database: Database, settings: Settings, write_script: WriteScript
) -> None:
    name = write_script("head -c 20000000 /dev/zero | tr '\\0' x; echo; echo the end")

    row = worked(database, settings, action_payload=name)

    assert row.result_summary.endswith("\nthe end")
    assert len(row.result_summary) <= SUMMARY_CHARACTERS


def test_output_that_is_no_text_is_recorded(
    database: Database, settings: Settings, write_script: WriteScript
) -> None:
    name = write_script("printf 'a\\000b\\377c'")

    row = worked(database, settings, action_payload=name)

    assert row.result_summary == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c"


def test_a_script_beyond_its_time_is_killed_with_all_that_it_started(
    database: Database, settings: Settings, write_script: WriteScript
) -> None:
    alive = Path(settings.hookonce_scripts_dir) / "alive"
    os.mkfifo(alive)
    reader = os.open(alive, os.O_RDONLY | os.O_NONBLOCK)
    name = write_script("exec 3>alive; echo begun >&3; sleep 300 & sleep 300")
    hurried = replace(settings, hookonce_script_timeout_seconds=0.5)

    row = worked(database, hurried, action_payload=name)

    assert (row.status, row.error) == ("retrying", "timed out after 0.5 s")
    assert os.read(reader, 100) == b"begun\n"
    assert all_writers_gone(reader)


def all_writers_gone(reader: int) -> bool:
    """Close the pipe; return True if all writers close their end in time."""
    readable, _, _ = select.select([reader], [], [], 120)
    ended = bool(readable) and os.read(reader, 100) == b""
    os.close(reader)
    return ended


def test_a_script_that_leaves_a_process_behind_ends_with_it(
    database: Database, settings: Settings, write_script: WriteScript
) -> None:
    alive = Path(settings.hookonce_scripts_dir) / "alive"
    os.mkfifo(alive)
    reader = os.open(alive, os.O_RDONLY | os.O_NONBLOCK)
    name = write_script("exec 3>alive; echo begun >&3; sleep 300 & echo done")

    row = worked(database, settings, action_payload=name)

    assert (row.status, row.result_summary) == ("completed", "done")
    assert os.read(reader, 100) == b"begun\n"
    assert all_writers_gone(reader)


def test_a_worker_works_off_more_than_it_can_hold_at_once(
    database: Database, settings: Settings, write_script: WriteScript
) -> None:
    trigger_id = factories.trigger(database, action_payload=write_script("cat"))
    for _ in range(5):
        factories.execution(database, trigger_id)

    count = Worker(database, settings, concurrency=2).run_once()

    assert count == 5
    assert {row.status for row in factories.executions(database)} == {"completed"}


def test_a_python_script_is_run_too(
    database: Database, settings: Settings, write_script: WriteScript
) -> None:
    name = write_script("")
    text = f"#!{sys.executable}\nimport json, sys\nprint(json.load(sys.stdin)['a'])\n"
    (Path(settings.hookonce_scripts_dir) / name).write_text(text)

    row = worked(database, settings, action_payload=name, event_data='{"a": 7}')

    assert row.result_summary == "7"


def test_a_row_of_the_older_system_brings_its_agent_along(
    database: Database, settings: Settings
) -> None:
    chosen = replace(settings, hookonce_skill_command=("cat",))
    trigger = {"action_type": "skill", "action_payload": "sum up", "agent": "clawdia"}

    row = worked(database, chosen, **trigger)

    handed = json.loads(row.result_summary)
    assert (handed["payload"], handed["agent"], handed["execution_id"]) == (
        "sum up",
        "clawdia",
        row.id,
    )


@pytest.mark.parametrize("status", [0, 1, 75])
def test_no_secret_that_a_script_prints_is_kept(
    database: Database, settings: Settings, write_script: WriteScript, status: int
) -> None:
    url, password = "postgresql://hookonce:db-pass-w0rd@db/x", "db-pass-w0rd"
    keyed = replace(settings, hookonce_secret_key=("canary-key-of-ours",), database_url=url)
    end = f"canary-key-of-ours --token canary-at-the-cut {SECRET} {password}"
    filler = "x" * (output.OUTPUT_CHARACTERS - len(end) - len(" -the-cut"))
    name = write_script(f"echo canary-at-the-cut{filler} {end}; exit {status}")
    payload = f"{name} --token canary-at-the-cut"
    factories.execution(database, factories.trigger(database, action_payload=payload))

    Worker(database, keyed, concurrency=2).run_once()

    (row,) = factories.executions(database)
    kept = f"{row.result_summary}{row.error}"
    assert "***" in kept
    assert "-the-cut" not in kept
    assert [each for each in ("canary-key-of-ours", SECRET, password) if each in kept] == []
