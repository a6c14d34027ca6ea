"""A migration killed at any statement is completed by the same command without loss.

One in twenty statements of every twentieth revision, from another one on in each; one in 13 of
every tenth revision if TESTS_THOROUGH is set, and every single one if TESTS_EVERY_KILL is set too.
"""

import itertools
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from alembic.util import CommandError

from app import health
from app.db import Database
from app.settings import from_environment
from tests.support import found_databases as found
from tests.support.databases import Databases, migrate
from tests.support.killing import killed_at
from tests.support.revisions import NAMES, before
from tests.support.schema_dump import Schema, data, execute, in_any_order, schema, stashes
from tests.support.seeding import seed
from tests.support.thorough import EVERY_KILL, THOROUGH, some

Copy = Callable[[str], str]
Record = Callable[[str, object], None]
every_revision = pytest.mark.parametrize("revision", some(NAMES, one_in=20))
State = tuple[Schema, object, set[str]]
STRIDE = 1 if EVERY_KILL else 17 if THOROUGH else 20
FEWEST = 4 if EVERY_KILL else 1
"""Kills that even the shortest migration gets."""
SHORTEST = 4
"""Statements of the shortest migration."""


@pytest.fixture
def copy(databases: Databases) -> Iterator[Copy]:
    """Return a function that copies a database; the copies are removed after the test."""
    with copies(databases) as copied:
        yield copied


@contextmanager
def copies(databases: Databases) -> Iterator[Copy]:
    """Yield a function that copies a database; the copies are removed afterwards."""
    made: list[str] = []

    def copied(url: str) -> str:
        name = f"k{uuid.uuid4().hex[:12]}"
        if url.startswith("sqlite"):
            path = url.removeprefix("sqlite:///")
            shutil.copy(path, f"{path}.{name}")
            return f"sqlite:///{path}.{name}"
        made.append(name)
        return databases.server.create(name, url.rpartition("?")[0].rpartition("/")[2])

    yield copied
    for name in made:
        databases.server.drop(name)


def state(url: str) -> State:
    return schema(url), data(url), stashes(url)


def survive_every_kill(
    url: str, copy: Copy, to: str, *, down: bool, then: str | None = None
) -> int:
    """Kill the migration of `url` at one statement after another; return the number of kills.

    After a kill the same command is run again, or `then` an upgrade to another revision.
    """
    unharmed = copy(url)
    again = {"to": then} if then else {"to": to, "down": down}
    migrate(unharmed, **again)
    expected = state(unharmed)
    first = sum(map(ord, to)) % STRIDE % SHORTEST
    for survived, point in enumerate(itertools.count(first, STRIDE)):
        harmed = copy(url)
        died = killed_at(point, harmed, to, down=down)
        if not died:
            return survived
        migrate(harmed, **again)
        assert state(harmed) == expected, f"killed at point {point}"
    raise AssertionError("unreachable")


@every_revision
def test_an_upgrade_killed_anywhere_arrives_when_run_again(
    empty_url: str, copy: Copy, revision: str, record_property: Record
) -> None:
    migrate(empty_url, to=revision)
    seed(empty_url)
    migrate(empty_url, to=before(revision), down=True)

    survived = survive_every_kill(empty_url, copy, revision, down=False)

    record_property("kills_survived", survived)
    assert survived >= FEWEST


@every_revision
def test_a_downgrade_killed_anywhere_arrives_when_run_again(
    empty_url: str, copy: Copy, revision: str, record_property: Record
) -> None:
    migrate(empty_url, to=revision)
    seed(empty_url)

    survived = survive_every_kill(empty_url, copy, before(revision), down=True)

    record_property("kills_survived", survived)
    assert survived >= FEWEST


@pytest.mark.parametrize("kind", ["postgresql"])  # on SQLite a step is one transaction
@every_revision
def test_a_downgrade_killed_anywhere_is_undone_by_an_upgrade(
    empty_url: str, copy: Copy, revision: str, record_property: Record
) -> None:
    migrate(empty_url, to=revision)
    seed(empty_url)

    survived = survive_every_kill(empty_url, copy, before(revision), down=True, then=revision)

    record_property("kills_survived", survived)
    assert survived >= FEWEST


@pytest.mark.parametrize("kind", ["postgresql"])
@pytest.mark.parametrize("revision", some(NAMES[1:], one_in=20))
def test_an_upgrade_killed_and_followed_by_a_downgrade_loses_nothing(
    empty_url: str, copy: Copy, revision: str
) -> None:
    migrate(empty_url, to=revision)
    seed(empty_url)
    expected = but_for_the_order_of_columns(empty_url)
    migrate(empty_url, to=before(revision), down=True)
    lower = before(before(revision))

    for point in itertools.count(int(revision) % STRIDE % SHORTEST, 2 * STRIDE):
        harmed = copy(empty_url)
        if not killed_at(point, harmed, revision, down=False):
            break
        migrate(harmed, to=lower, down=True)
        migrate(harmed, to=revision)
        assert but_for_the_order_of_columns(harmed) == expected, f"killed at point {point}"


def but_for_the_order_of_columns(url: str) -> State:
    tables, rows, stashed = state(url)
    return in_any_order(tables), rows, stashed


@pytest.mark.parametrize("kind", ["postgresql"])
def test_giving_a_found_database_back_survives_every_kill(empty_url: str, copy: Copy) -> None:
    """The same command, or an upgrade instead, loses nothing that is half copied."""
    found.make(empty_url)
    execute(empty_url, "ALTER TABLE trigger_executions DROP COLUMN result_summary")
    migrate(empty_url, to="0003")
    execute(
        empty_url,
        "UPDATE trigger_executions SET idempotency_key = 'k' || id, result_summary = 's', "
        "attempt_count = 2 WHERE id > 9",
    )
    expected = but_for_the_order_of_columns(empty_url)
    migrate(empty_url, to=NAMES[0], down=True)

    for point in itertools.count(1, 3 * STRIDE):
        harmed = copy(empty_url)
        if not killed_at(point, harmed, "base", down=True):
            break
        other = copy(harmed)
        migrate(harmed, to="base", down=True)
        for url in (harmed, other):
            migrate(url, to="0003")
            assert but_for_the_order_of_columns(url) == expected, f"killed at point {point}"
    assert point > 1


def noted(url: str) -> list[str]:
    """Return the remarks of `hookonce check`."""
    database = Database(from_environment({"DATABASE_URL": url}))
    try:
        return health.notes(database)
    finally:
        database.dispose()


@pytest.mark.parametrize("kind", ["postgresql"])
@pytest.mark.parametrize("point", some([15, 20, 30], one_in=3))
def test_a_found_database_is_not_given_back_in_the_midst_of_an_upgrade(
    empty_url: str, point: int
) -> None:
    found.make(empty_url)
    migrate(empty_url, to="0002")
    execute(empty_url, "UPDATE trigger_executions SET idempotency_key = 'k' || id")
    as_found = schema(empty_url)["trigger_executions"]["columns"]
    assert killed_at(point, empty_url, "0003", down=False)
    notes = noted(empty_url)

    with pytest.raises(CommandError, match=r"0003 was interrupted.* run alembic upgrade 0003,"):
        migrate(empty_url, to="base", down=True)
    migrate(empty_url, to="0003")
    migrate(empty_url, to="base", down=True)

    left = set(schema(empty_url)["trigger_executions"]["columns"])
    assert [note for note in notes if note.startswith("the upgrade to 0003 has begun")]
    assert left <= set(as_found)
    assert "idempotency_key" not in {name for name, *_ in left}
    assert {"_upgrading_0003", "_found_0001"}.isdisjoint(schema(empty_url, whole=True))


@pytest.mark.parametrize("kind", ["postgresql"])
def test_our_own_tables_are_not_recorded_as_found_after_a_killed_downgrade(empty_url: str) -> None:
    migrate(empty_url, to="0001")
    seed(empty_url)
    expected = state(empty_url)
    assert killed_at(3, empty_url, "base", down=True)
    assert execute(empty_url, "SELECT to_regclass('_undoing_0001') IS NOT NULL") == [(True,)]

    migrate(empty_url, to="0001")
    whole = schema(empty_url, whole=True)
    arrived = state(empty_url)
    migrate(empty_url, to="base", down=True)

    assert {"_found_0001", "_undoing_0001"}.isdisjoint(whole)
    assert arrived == expected
    assert schema(empty_url) == {}


@pytest.mark.parametrize("kind", ["postgresql"])
def test_the_check_reports_a_downgrade_that_was_interrupted(
    database_url: str, database: Database
) -> None:
    died = killed_at(4, database_url, before(NAMES[-1]), down=True)
    told = health.notes(database)
    migrate(database_url)

    assert died
    assert [note for note in told if note.startswith(f"the downgrade of {NAMES[-1]} has begun")]
    assert health.notes(database) == []


@pytest.mark.parametrize("revision", NAMES[:3])
def test_taking_over_a_found_database_survives_every_kill(
    empty_url: str, copy: Copy, revision: str, record_property: Record
) -> None:
    found.make(empty_url, ("idempotency_key",), (found.KEY_TWICE,))
    if before(revision) != "base":
        migrate(empty_url, to=before(revision))

    survived = survive_every_kill(empty_url, copy, revision, down=False)

    record_property("kills_survived", survived)
    assert survived >= FEWEST
