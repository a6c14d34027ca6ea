"""Unfinished executions of an adopted database are held until an operator decides."""

import pytest

from app import health
from app.audit import Actor
from app.db import Database
from app.executions import held
from app.settings import Settings
from app.worker.loop import Worker
from tests.support import factories
from tests.support.schema_dump import execute

FOUND = {"next_attempt_at": None, "lease_owner": None, "lease_expires_at": None}


@pytest.fixture
def found(database: Database) -> Database:
    """A database with one held execution of each unfinished status, and one that is scheduled."""
    trigger_id = factories.trigger(database)
    for status in ("pending", "running", "retrying"):
        factories.execution(database, trigger_id, status, **FOUND, attempt_count=0)
    factories.execution(database, trigger_id, "pending")
    return database


def _statuses(database: Database) -> list[str]:
    return [row.status for row in factories.executions(database)]


def test_they_are_counted_by_trigger_and_status(found: Database) -> None:
    with found.reading() as connection:
        rows = held.by_trigger(connection)

    assert [(row.status, row.executions) for row in rows] == [
        ("pending", 1),
        ("retrying", 1),
        ("running", 1),
    ]


def test_the_check_up_mentions_them(found: Database) -> None:
    notes = health.notes(found)

    assert notes == ["3 unfinished execution(s) are held: see `hookonce held list`"]


def test_released_they_are_run_by_the_next_worker(found: Database, settings: Settings) -> None:
    released = held.release(found)

    attempts = Worker(found, settings).run_once()

    assert (released, attempts) == (3, 4)


def test_given_up_they_are_dead_letters_and_our_own_is_not(found: Database) -> None:
    given_up = held.give_up(found)

    assert given_up == 3
    assert _statuses(found) == ["failed", "failed", "failed", "pending"]


def test_who_gave_them_up_is_named(found: Database) -> None:
    held.give_up(found, Actor("m" * 200))

    named = [row.finished_by for row in factories.executions(found)]
    assert named == ["m" * 100] * 3 + [None]


def test_a_second_decision_finds_nothing_left_to_decide(found: Database) -> None:
    held.release(found)

    given_up = held.give_up(found)

    assert given_up == 0


@pytest.mark.parametrize("kind", ["sqlite"])  # PostgreSQL refuses an execution without a trigger
def test_what_lost_its_trigger_before_we_came_is_counted_too(
    database: Database, database_url: str
) -> None:
    orphan = "INSERT INTO trigger_executions (trigger_id, status, next_attempt_at) "
    execute(database_url, f"{orphan} VALUES (99, 'pending', NULL)")

    with database.reading() as connection:
        rows = held.by_trigger(connection)

    assert [(row.slug, row.executions) for row in rows] == [(None, 1)]
    assert held.give_up(database) == 1
