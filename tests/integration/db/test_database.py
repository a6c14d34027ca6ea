"""Transactions lose nothing to each other, and none is begun where it would block others."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import sqlalchemy as sa

from app.cooperative import BlocksAnsweringThread
from app.db import Database, time_limit
from app.db.models import triggers
from app.db.schema import SchemaWatch
from app.errors import DatabaseUnavailable
from app.settings import Settings
from tests.support import factories
from tests.support.answering import Answering

LONG_SECONDS = 240.0
WRITERS = 4
TURNS = 10


def test_counters_that_are_read_and_written_in_one_transaction_add_up(database: Database) -> None:
    trigger_id = factories.trigger(database, agent="0")
    one = triggers.c.id == trigger_id

    def count(_: int) -> None:
        for _turn in range(TURNS):
            with database.writing() as connection:
                locked = sa.select(triggers.c.agent).where(one).with_for_update()
                before = connection.execute(locked).scalar_one()
                connection.execute(
                    sa.update(triggers).where(one).values(agent=str(int(before) + 1))
                )

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(count, range(WRITERS)))

    with database.reading() as connection:
        assert connection.execute(sa.select(triggers.c.agent)).scalar_one() == str(WRITERS * TURNS)


@pytest.mark.parametrize("method", ["reading", "writing", "single_statement"])
def test_the_database_refuses_to_block_an_answering_thread(database: Database, method: str) -> None:
    def request() -> None:
        with getattr(database, method)():
            raise AssertionError("the pool, and SQLAlchemy, would block every other request")

    answering = Answering()
    try:
        with pytest.raises(BlocksAnsweringThread, match=r"Database\.\w+ may block"):
            answering.answer(request)
    finally:
        answering.close()


def test_a_request_waits_for_a_connection_no_longer_than_for_the_database(
    settings: Settings,
) -> None:
    """A pool's own time-out would come on top of what the request has waited before."""
    chosen = replace(settings, hookonce_pool_size=1, hookonce_database_timeout_seconds=LONG_SECONDS)
    database = Database(chosen)
    began = time.monotonic()

    with (
        database.reading(),
        time_limit.until(began + 0.2),
        pytest.raises(DatabaseUnavailable, match="every database connection is busy"),
        database.reading(),
    ):
        raise AssertionError("there was a second connection")

    assert time.monotonic() - began < LONG_SECONDS / 2
    database.dispose()


def test_a_request_waits_for_another_that_reads_the_schema_no_longer_than_it_may(
    database: Database,
) -> None:
    watch, began = SchemaWatch(database), time.monotonic()

    with (
        watch._lock,
        time_limit.until(began + 0.2),
        pytest.raises(DatabaseUnavailable, match="could not be read within the time limit"),
    ):
        watch.current()

    assert time.monotonic() - began < LONG_SECONDS / 2
