"""An adopted row whose text is not UTF-8 is shown and run, and blocks no other row."""

import pytest

from app.db import Database
from app.executions import dead_letters
from app.executions.dead_letters import DeadLetterFilter
from app.settings import Settings
from app.worker.loop import Worker
from tests.integration.conftest import WriteScript
from tests.support import factories

pytestmark = pytest.mark.parametrize("kind", ["sqlite"])  # PostgreSQL refuses such text


def spoil(database: Database, column: str) -> None:
    """Put a byte that UTF-8 never has into the text of every row."""
    with database.writing() as connection:
        connection.exec_driver_sql(
            f"UPDATE trigger_executions SET {column} = CAST(x'7bff7d' AS TEXT)"
        )


def test_it_is_run_and_keeps_no_other_waiting(
    database: Database, settings: Settings, write_script: WriteScript
) -> None:
    action = {"action_payload": write_script("cat")}
    factories.execution(database, factories.trigger(database, **action))
    spoil(database, "event_data")
    factories.execution(database, factories.trigger(database, **action))

    Worker(database, settings).run_once()

    said = [(row.status, row.result_summary) for row in factories.executions(database)]
    assert said == [("completed", "{\N{REPLACEMENT CHARACTER}}"), ("completed", "{}")]


def test_it_is_listed_among_the_dead_letters(database: Database) -> None:
    factories.execution(database, factories.trigger(database), "failed")
    spoil(database, "error")

    (row,) = dead_letters.each(database, DeadLetterFilter())

    assert row.error == "{\N{REPLACEMENT CHARACTER}}"
