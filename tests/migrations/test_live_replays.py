"""Replays without a pause survive a downgrade below their revision and the upgrade after it."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
import sqlalchemy as sa

from app.db import Database
from app.db.models import trigger_executions
from app.errors import DatabaseUnavailable, SchemaMoved
from app.executions.replay import replay
from tests.support import factories
from tests.support.databases import migrate
from tests.support.schema_dump import stashes

CYCLES = 3
CHAINS = 3
PAUSE_SECONDS = 0.1
"""Seconds between two replays of a chain: all chains together replay as fast as a command."""
KEY = "order-1"
LONGEST_SECONDS = 30.0
DIES = """UPDATE trigger_executions SET status = 'failed', completed_at = '2024-03-01 00:00:00',
    next_attempt_at = NULL WHERE id = {id}"""
WAITED_LONG_ENOUGH = """UPDATE trigger_executions SET last_replay_at = '2024-03-01 00:00:00'
    WHERE last_replay_at IS NOT NULL AND trigger_id = {trigger_id}"""


@dataclass
class Chain:
    """The executions of one chain, first to last, as returned by each replay."""

    ids: list[int]
    trigger_id: int


def new_chain(database: Database) -> Chain:
    trigger_id = factories.trigger(database)
    return Chain(
        [factories.execution(database, trigger_id, "failed", idempotency_key=KEY)], trigger_id
    )


def goes_on(database: Database, chain: Chain, done: threading.Event) -> None:
    """Let each replay fail at once, date it back, and replay it again."""
    while not done.is_set():
        try:
            successor = replay(database, chain.ids[-1])
        except DatabaseUnavailable:
            continue
        chain.ids.append(successor)
        dies(database, chain)
        done.wait(PAUSE_SECONDS)


def dies(database: Database, chain: Chain) -> None:
    statements = [
        DIES.format(id=chain.ids[-1]),
        WAITED_LONG_ENOUGH.format(trigger_id=chain.trigger_id),
    ]
    deadline = time.monotonic() + LONGEST_SECONDS
    for statement in statements:
        while True:
            try:
                with database.writing() as connection:
                    connection.exec_driver_sql(statement)
                break
            except (DatabaseUnavailable, SchemaMoved):
                if time.monotonic() > deadline:
                    raise


@contextmanager
def replaying(database: Database, chains: list[Chain]) -> Iterator[list[Future[None]]]:
    done = threading.Event()
    with ThreadPoolExecutor(len(chains)) as pool:
        started = [pool.submit(goes_on, database, chain, done) for chain in chains]
        try:
            yield started
        finally:
            done.set()
    for each in started:
        each.result()


def wait_for_more(chains: list[Chain], working: list[Future[None]]) -> None:
    """Wait until every chain has grown: replays work at this revision."""
    before = [len(chain.ids) for chain in chains]
    deadline = time.monotonic() + LONGEST_SECONDS
    while any(len(c.ids) <= number for c, number in zip(chains, before, strict=True)):
        ended, _ = wait(working, 0.01, FIRST_COMPLETED)
        for each in ended:
            each.result()
        assert time.monotonic() < deadline


def test_down_below_the_lineage_and_back_no_replay_is_lost_or_doubled(
    database: Database, database_url: str
) -> None:
    chains = [new_chain(database) for _ in range(CHAINS)]

    with replaying(database, chains) as working:
        for _ in range(CYCLES):
            wait_for_more(chains, working)
            migrate(database_url, to="0007", down=True)
            migrate(database_url)
        wait_for_more(chains, working)

    with database.reading() as connection:
        rows = {row.id: row for row in connection.execute(sa.select(trigger_executions))}
        assert len(rows) == sum(len(chain.ids) for chain in chains)
    for chain in chains:
        lineage = [(rows[each].replay_of_id, rows[each].chain_id) for each in chain.ids]
        first, *others = chain.ids
        assert lineage == [(None, None), *((before, first) for before in chain.ids[:-1])]
        assert {rows[each].idempotency_key for each in chain.ids} == {KEY}
        assert {rows[each].status for each in chain.ids[:-1]} == {"replayed"}
        assert rows[chain.ids[-1]].status == "failed"
        assert len(others) > CYCLES
    assert stashes(database_url) == set()


def test_below_the_lineage_nothing_is_replayed_and_the_dead_letter_stays(
    database: Database, database_url: str
) -> None:
    old = factories.execution(database, factories.trigger(database), "failed")
    migrate(database_url, to="0007", down=True)

    with pytest.raises(DatabaseUnavailable, match="a replay needs revision 0008"):
        replay(database, old)

    migrate(database_url)
    assert [each.status for each in factories.executions(database)] == ["failed"]
