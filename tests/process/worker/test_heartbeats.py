"""A real worker shows itself, runs what a pause lets through, and takes its row away."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from app.db import Database
from app.db.models import workers
from app.triggers import pausing
from tests.support import factories
from tests.support.service import Service, until


def rows(database: Database) -> list[Any]:
    with database.reading() as connection:
        return list(connection.execute(sa.select(workers)))


def ended(database: Database, execution_id: int) -> Callable[[], bool]:
    """Return a function that says if the execution has finished."""

    def finished() -> bool:
        found = {row.id: row.completed_at for row in factories.executions(database)}
        return found[execution_id] is not None

    return finished


def test_a_worker_shows_itself_obeys_pauses_and_leaves_no_row_behind(
    service: Service, database: Database
) -> None:
    paused, other = factories.trigger(database), factories.trigger(database)
    pausing.pause(database, paused)
    worker = service.worker()
    until(lambda: rows(database), "the worker has a heartbeat")
    (row,) = rows(database)
    assert (row.pid, row.slots, row.busy) == (worker.pid, 16, 0)

    waits = factories.execution(database, paused)
    runs = factories.execution(database, other)
    until(ended(database, runs), "the other trigger's execution runs")
    assert not ended(database, waits)()

    pausing.pause_all(database)
    also_waits = factories.execution(database, other)
    pausing.resume(database, paused, 0)
    pausing.resume_all(database, 0)
    until(ended(database, waits), "the resumed trigger's execution runs")
    until(ended(database, also_waits), "what waited for all to be resumed runs")

    assert worker.stop() == 0
    assert rows(database) == []


def test_the_row_of_a_killed_worker_stays_and_the_worker_loop_survives_without_the_table(
    service: Service, database: Database
) -> None:
    worker = service.worker()
    until(lambda: rows(database), "the worker has a heartbeat")
    worker.kill()
    assert len(rows(database)) == 1

    with database.writing() as connection:
        connection.exec_driver_sql("DROP TABLE hookonce_workers")
    crippled = service.worker()
    execution_id = factories.execution(database, factories.trigger(database))
    until(ended(database, execution_id), "an execution runs although no heartbeat is written")
    assert crippled.stop() == 0
