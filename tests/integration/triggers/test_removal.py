"""A trigger is removed with all that it did, however much, and nobody waits for it."""

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from app.audit import Actor
from app.db import Database
from app.db.models import audit, execution_attempts, triggers
from app.errors import DatabaseUnavailable, NotFound
from app.intake.trigger_cache import FRESH_SECONDS
from app.triggers import lookup, removal
from tests.support import factories

ALICE = Actor("alice")


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removal, "STEP_ROWS", 2)
    monkeypatch.setattr(removal, "FOLLOW_SECONDS", 0.0)


@pytest.fixture
def trigger_id(database: Database) -> int:
    """A trigger with seven executions, beside another with one."""
    made = factories.trigger(database)
    for _ in range(7):
        factories.execution(database, made, "running")
    factories.execution(database, factories.trigger(database))
    return made


def enabled(database: Database) -> dict[int, bool]:
    with database.reading() as connection:
        rows = connection.execute(sa.select(triggers.c.id, triggers.c.enabled))
        return {row.id: row.enabled for row in rows}


def test_all_that_it_did_goes_and_nothing_of_another(database: Database, trigger_id: int) -> None:
    before = removal.remove_trigger(database, trigger_id, ALICE)

    assert (before.id, before.enabled) == (trigger_id, True)
    (left,) = factories.executions(database)
    assert left.trigger_id != trigger_id
    with database.reading() as connection:
        assert connection.execute(sa.select(execution_attempts)).all() == []
        (record,) = connection.execute(sa.select(audit)).all()
    assert (record.actor, record.action) == ("alice", "trigger.remove")


def test_many_go_in_small_steps(
    database: Database, trigger_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []
    some = removal._removed_some

    def noted(database: Database, trigger_id: int) -> bool:
        sizes.append(len(factories.executions(database)))
        return some(database, trigger_id)

    monkeypatch.setattr(removal, "_removed_some", noted)

    removal.remove_trigger(database, trigger_id)

    assert sizes == [8, 6, 4, 2, 1]


def test_it_receives_nothing_while_they_go_and_can_be_removed_again_if_they_are_interrupted(
    database: Database, trigger_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_database: Database, _trigger_id: int) -> bool:
        raise DatabaseUnavailable("away")

    with monkeypatch.context() as interrupted:
        interrupted.setattr(removal, "_removed_some", away)
        with pytest.raises(DatabaseUnavailable):
            removal.remove_trigger(database, trigger_id)
    half_way = enabled(database)
    removal.remove_trigger(database, trigger_id)

    assert half_way[trigger_id] is False
    assert trigger_id not in enabled(database)


def test_few_go_at_once_with_the_trigger(database: Database) -> None:
    trigger_id = factories.trigger(database)
    for _ in range(2):
        factories.execution(database, trigger_id)

    commits: list[sa.Connection] = []
    event.listen(database.engine, "commit", commits.append)

    removal.remove_trigger(database, trigger_id)

    assert len(commits) == 1
    with pytest.raises(NotFound), database.reading() as connection:
        lookup.find_trigger(connection, trigger_id)


def test_receivers_have_forgotten_the_trigger_before_the_first_key_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()

    assert removal.FOLLOW_SECONDS >= FRESH_SECONDS
