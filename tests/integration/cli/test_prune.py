"""`hookonce prune`, and the retention options of a trigger."""

import json
import logging
from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner, Result

from app import cli
from app.db import Database
from tests.integration.executions.test_prune import KEEP, left, stood
from tests.support import factories

Hookonce = Callable[..., Result]


@pytest.fixture
def hookonce(database_url: str) -> Iterator[Hookonce]:
    """Return a function that runs the command on this test's database; its logging ends here."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def run(*arguments: object) -> Result:
        words = [str(each) for each in arguments]
        return CliRunner().invoke(cli.main, words, env=KEEP | {"DATABASE_URL": database_url})

    yield run
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_dry_run_says_what_would_go_and_the_run_removes_it(
    hookonce: Hookonce, database: Database
) -> None:
    trigger_id = factories.trigger(database)
    young = stood(database, trigger_id, 1)
    emptied = stood(database, trigger_id, 3)
    stood(database, trigger_id, 5)
    numbers = {"payloads": 2, "executions": 1, "counts": 0, "audit": 0, "sessions": 0, "journal": 0}

    tried = hookonce("prune", "--dry-run", "--json")
    assert len(left(database)[0]) == 3
    done = hookonce("prune", "--json")

    assert json.loads(tried.stdout) == {"dry_run": True} | numbers
    assert json.loads(done.stdout) == {"dry_run": False} | numbers
    assert (tried.exit_code, done.exit_code) == (0, 0)
    assert left(database) == ([young, emptied], [young])


def test_it_tells_how_far_it_is(hookonce: Hookonce, database: Database) -> None:
    stood(database, factories.trigger(database), 5)

    result = hookonce("prune")

    assert "Pruning" in result.stderr


def test_a_trigger_says_how_long_in_days_and_is_warned_of_forgetting_too_soon(
    hookonce: Hookonce,
) -> None:
    made = hookonce(
        "trigger", "add", "s", "--source", "stripe", "--payload", "x", "--keep-rows", "0.5"
    )
    assert made.exit_code == 0, made.stderr
    assert "warning: stripe retries for up to 3 day(s)" in made.stderr

    changed = hookonce("trigger", "edit", "s", "--keep-rows", "4", "--keep-payload", "1")
    shown = json.loads(hookonce("trigger", "show", "s", "--json").stdout)
    back = hookonce("trigger", "edit", "s", "--keep-rows", "default")

    assert "warning" not in changed.stderr + back.stderr
    assert (shown["keep_rows_seconds"], shown["keep_payload_seconds"]) == (4 * 86_400, 86_400)
    shown = json.loads(hookonce("trigger", "show", "s", "--json").stdout)
    assert (shown["keep_rows_seconds"], shown["keep_payload_seconds"]) == (None, 86_400)


@pytest.mark.parametrize("days", ["-1", "many", "inf", "nan"])
def test_what_is_no_number_of_days_is_refused(hookonce: Hookonce, days: str) -> None:
    result = hookonce("trigger", "add", "s", "--payload", "x", "--keep-payload", days)

    assert result.exit_code == 2
    assert "is neither a number of days nor `default`" in result.stderr
