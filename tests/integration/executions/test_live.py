"""Deliveries and attempts are followed as they are committed, each reported once."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from app import cli, clock
from app.db import Database
from app.db.models import delivery_journal, execution_attempts, trigger_executions
from app.executions import live
from app.executions.live import Follower
from tests.support import factories

Look = Callable[[], list[tuple[str, int, str, str]]]


@pytest.fixture
def trigger_id(database: Database) -> int:
    return factories.trigger(database, slug="orders")


def follow(database: Database, trigger_id: int | None = None) -> Look:
    with database.reading() as connection:
        follower = Follower(connection, trigger_id)

    def look() -> list[tuple[str, int, str, str]]:
        with database.reading() as connection:
            events = follower.look(connection)
        return [(each.kind, each.id, each.outcome, each.detail) for each in events]

    return look


def write(database: Database, statement: Any) -> None:
    with database.writing() as connection:
        connection.execute(statement)


def test_an_execution_its_attempt_and_the_end_are_each_reported_once(
    database: Database, trigger_id: int
) -> None:
    factories.execution(database, trigger_id, idempotency_key="before")
    look = follow(database)
    made = factories.execution(database, trigger_id, "running", idempotency_key="k-1")

    began = look()
    ended = {"finished_at": clock.now(), "outcome": "failed", "http_status": 503, "error": "no"}
    write(database, sa.update(execution_attempts).values(ended))

    assert sorted(began) == [
        ("attempt", made, "1 started", ""),
        ("execution", made, "admitted", "k-1"),
    ]
    assert look() == [("attempt", made, "1 failed", "HTTP 503 no")]
    assert look() == []


def test_the_status_of_a_success_is_reported_without_more(
    database: Database, trigger_id: int
) -> None:
    look = follow(database)
    made = factories.execution(database, trigger_id, "running")
    look()
    ended = {"finished_at": clock.now(), "outcome": "succeeded", "http_status": 200}
    write(database, sa.update(execution_attempts).values(ended))

    assert look() == [("attempt", made, "1 succeeded", "HTTP 200")]


def test_a_refused_delivery_is_reported_from_the_journal(
    database: Database, trigger_id: int
) -> None:
    look = follow(database)
    row = {"trigger_id": trigger_id, "at": clock.now(), "outcome": "duplicate", "size": 1}
    row |= {"idempotency_key": "k-1", "stored_bytes": 1, "headers": "{}"}
    write(database, sa.insert(delivery_journal).values(row))

    assert look() == [("delivery", 1, "duplicate", "k-1")]


def test_another_trigger_is_left_out(database: Database, trigger_id: int) -> None:
    look = follow(database, trigger_id)
    factories.execution(database, factories.trigger(database))
    mine = factories.execution(database, trigger_id)

    assert [each[1] for each in look()] == [mine]


def test_a_row_that_appears_below_a_higher_id_is_not_missed(
    database: Database, trigger_id: int
) -> None:
    look = follow(database)
    factories.execution(database, trigger_id, id=20)
    assert [each[1] for each in look()] == [20]

    factories.execution(database, trigger_id, id=10)

    assert [each[1] for each in look()] == [10]
    assert look() == []


def test_many_rows_are_reported_however_few_a_statement_reads(
    database: Database, trigger_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = follow(database)
    monkeypatch.setattr(live, "AT_ONCE", 2)
    made = [factories.execution(database, trigger_id) for _ in range(7)]

    assert sorted(each[1] for each in look()) == made


def test_a_key_writes_no_control_sequence_to_a_terminal(
    database: Database, database_url: str, trigger_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Follower.__init__

    def begin_before(self: Follower, connection: Any, wanted: int | None = None) -> None:
        original(self, connection, wanted)
        factories.execution(database, trigger_id, idempotency_key="\x1b[31mred")

    monkeypatch.setattr(Follower, "__init__", begin_before)
    runner = CliRunner(env={"DATABASE_URL": database_url})

    printed = runner.invoke(cli.main, ["tail", "--seconds", "0", "--trigger", "orders"])

    assert "red" in printed.stdout
    assert "\x1b" not in printed.stdout
    with database.reading() as connection:
        assert connection.execute(sa.select(sa.func.count(trigger_executions.c.id))).scalar() == 1
