"""Transactions lose nothing to each other, and none is begun where it would block others."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from app.cooperative import BlocksAnsweringThread
from app.db import Database
from app.db.models import triggers
from tests.support import factories
from tests.support.answering import Answering

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
