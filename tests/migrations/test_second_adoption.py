"""A large database of SQLite that was given back is taken over again beside its writers."""

import itertools
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import pytest
import sqlalchemy as sa
from alembic.util import CommandError

from app.db.migration_ops import gentle, holding
from app.db.migration_ops.sqlite_catalog import plain
from tests.migrations.test_large_removals import INDEX, adopt
from tests.migrations.test_large_tables import (
    REMAINS,
    copied,
    in_each_pause,
    in_place,
    state,
    statements_under_the_lock,
)
from tests.support import found_databases
from tests.support.databases import migrate
from tests.support.killing import killed_at
from tests.support.schema_dump import data, execute
from tests.support.thorough import THOROUGH

pytestmark = pytest.mark.usefixtures("every_table_is_large")
STRIDE = 89 if THOROUGH else 131
OLDER_SYSTEM = (
    "UPDATE trigger_executions SET event_data = '{}' WHERE id = 3",
    "UPDATE trigger_executions SET status = 'pending' WHERE id = 4",
    "DELETE FROM trigger_executions WHERE id IN (7, 15)",
    """INSERT INTO trigger_executions (trigger_id, event_data, status, started_at)
    VALUES (1, 'another', 'completed', '2025-01-01 00:00:00')""",
    "INSERT INTO trigger_executions (trigger_id, event_data, status) VALUES (1, 'n', 'pending')",
)
"""Writes at base; the first new row is given the id of the removed newest one."""
LEVEL = "0003"
ATTEMPTS = (
    """INSERT INTO execution_attempts (execution_id, number, worker, started_at)
    SELECT id, 1, 'w', '2024-03-01 00:00:00' FROM trigger_executions WHERE id <> 9""",
    """INSERT INTO execution_requests (execution_id, headers, body)
    SELECT id, '[]', 'old' FROM trigger_executions WHERE id <> 9""",
)
PARENTS = "_stash_0005_execution_requests_parents"
OF_UNFINISHED = (
    "SELECT max(id)",  # by the primary key
    "UPDATE trigger_executions SET status=?, started_at=?",  # of three rows on trial
    "UPDATE trigger_executions SET attempt_count",
    "UPDATE trigger_executions SET _stash_0003_next_attempt_at = NULL WHERE id IN",
    "SELECT count(*) FROM _stash_0003_trigger_executions",
)
"""Statements of a step whose time grows with the unfinished executions only."""


def given_back(url: str, level: str = LEVEL) -> None:
    """Take a database over, give it back, and let the older system write."""
    adopt(url)
    with in_place():
        if level != LEVEL:
            migrate(url, to=level)
            execute(url, *ATTEMPTS)
        migrate(url, to="base", down=True)
    execute(url, *OLDER_SYSTEM)


def test_it_is_as_if_it_had_been_taken_over_in_place(url: str) -> None:
    given_back(url)
    direct = copied(url, "direct")
    with in_place():
        migrate(direct, to=LEVEL)

    with statements_under_the_lock() as long:
        migrate(url, to=LEVEL)

    assert state(url) == state(direct)
    assert execute(url, "SELECT * FROM _stash_0002_trigger_executions_unmatched") == execute(
        direct, "SELECT * FROM _stash_0002_trigger_executions_unmatched"
    )
    assert execute(url, REMAINS) == []
    ((index,),) = execute(url, "SELECT sql FROM sqlite_master WHERE name = 'owners_index'")
    assert plain(index) == plain(INDEX)
    assert [each for each in long if not each.startswith(OF_UNFINISHED)] == []


def test_children_of_executions_are_kept_to_their_parents_beside_writers(url: str) -> None:
    with in_place():
        found_databases.make(url)
        migrate(url, to="0005")
        execute(url, *ATTEMPTS)
        direct = copied(url, "direct")
        migrate(direct, to="base", down=True)
    columns = "(execution_id, number, worker, started_at)"
    attempt = f"INSERT INTO execution_attempts {columns} VALUES (9, 9, 'w', '2024-03-01 00:00:00')"
    late = iter([attempt])

    def write() -> None:
        execute(url, next(late, "SELECT 1"))

    with statements_under_the_lock() as long, in_each_pause(write):
        migrate(url, to="base", down=True)
    assert next(late, None) is None
    noted = sorted(execute(url, f"SELECT * FROM {PARENTS}"))
    assert noted == sorted(execute(direct, f"SELECT * FROM {PARENTS}"))
    for each in (url, direct):
        execute(each, *OLDER_SYSTEM)
    with in_place():
        migrate(direct, to="0005")
    gone = iter(["DELETE FROM trigger_executions WHERE id = 2"])

    def remove() -> None:
        if execute(url, "SELECT 1 FROM sqlite_master WHERE name GLOB '*noted*_0'"):
            execute(url, next(gone, "SELECT 1"))

    with statements_under_the_lock() as long_up, in_each_pause(remove):
        migrate(url, to="0005")
    execute(direct, "DELETE FROM trigger_executions WHERE id = 2")

    assert next(gone, None) is None
    of_noted = "row_id FROM _hookonce_shadow_noted"
    few = [s for s in long + long_up if of_noted in s or s.startswith(OF_UNFINISHED)]
    assert [each for each in long + long_up if each not in few] == []
    of = "SELECT execution_id FROM execution_attempts ORDER BY number, execution_id"
    expected = [each for each in execute(direct, of) if each != (2,)]
    assert execute(url, of) == [*expected, (9,)]
    assert execute(url, REMAINS) == []


@pytest.mark.parametrize("level", ["0005" if THOROUGH else LEVEL])
def test_killed_anywhere_it_is_completed_by_the_same_command_or_undone_by_another(
    url: str, level: str
) -> None:
    given_back(url, level)
    at_base = data(url)
    expected = copied(url, "expected")
    migrate(expected, to=level)

    for point in itertools.count(2, STRIDE):
        harmed = copied(url, f"harmed{point}")
        if not killed_at(point, harmed, level, down=False):
            break
        undone = copied(harmed, "undone")
        migrate(harmed, to=level)
        migrate(undone, to="base", down=True)
        assert data(undone) == at_base, f"killed at {point}"
        migrate(undone, to=level)
        assert (state(harmed), execute(harmed, REMAINS)) == (state(expected), []), point
        assert (state(undone), execute(undone, REMAINS)) == (state(expected), []), point
    assert point > STRIDE


@pytest.mark.parametrize("way", [in_place, nullcontext] if THOROUGH else [in_place])
def test_what_the_older_system_wrote_is_held_after_an_undone_interruption(
    url: str, way: Callable[[], AbstractContextManager[None]]
) -> None:
    given_back(url)
    expected = copied(url, "expected")
    migrate(expected, to=LEVEL)

    def interrupt(
        _op: object, _table: str, _stash: str, columns: dict[str, str], **_: bool
    ) -> None:
        if holding.NEXT in columns:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(holding, "hold_others", interrupt)
        with pytest.raises(CommandError, match="interrupted"):
            migrate(url, to=LEVEL)
    with way():
        migrate(url, to="base", down=True)
    migrate(url, to=LEVEL)

    held = "SELECT id FROM trigger_executions WHERE status = 'pending' AND next_attempt_at IS NULL"
    assert (16,) in execute(url, held)
    assert state(url) == state(expected)


def test_rows_that_are_removed_and_made_meanwhile_get_no_value_of_others(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gentle, "HOLD_SECONDS", 0)
    given_back(url)
    numbers = iter([5, 14, 1, 11])

    def write() -> None:
        number = next(numbers, None)
        if number is not None:
            execute(
                url,
                f"DELETE FROM trigger_executions WHERE id = {number}",
                "INSERT INTO trigger_executions (id, trigger_id, event_data, status) "
                f"VALUES ({number}, 1, 'meanwhile', 'completed')",
            )

    with in_each_pause(write):
        migrate(url, to=LEVEL)

    assert next(numbers, None) is None
    rows = {row["id"]: row for row in data(url)["trigger_executions"]}
    new = {n for n, row in rows.items() if row["event_data"] in ("meanwhile", "another", "n")}
    assert {n for n, row in rows.items() if row["idempotency_key"] is None} == new
    assert all(row["idempotency_key"] == f"k{n}" for n, row in rows.items() if n not in new)


def test_a_column_that_the_older_system_added_anew_is_filled_beside_writers(url: str) -> None:
    adopt(url)
    with in_place():
        migrate(url, to="0001", down=True)
    kind = found_databases.ADDED_COLUMNS["idempotency_key"]
    execute(
        url,
        f"ALTER TABLE trigger_executions ADD COLUMN idempotency_key {kind}",
        "INSERT INTO trigger_executions (trigger_id, idempotency_key) VALUES (1, 'theirs')",
    )
    direct = copied(url, "direct")
    with in_place():
        migrate(direct, to="0002")

    with statements_under_the_lock() as long:
        migrate(url, to="0002")

    assert long == []
    assert state(url) == state(direct)
    assert execute(url, "SELECT id FROM trigger_executions WHERE idempotency_key IS NULL") == []


def test_a_stashed_key_that_came_again_is_refused_before_a_value_is_restored(url: str) -> None:
    given_back(url)
    kind = found_databases.ADDED_COLUMNS["idempotency_key"]
    execute(
        url,
        f"ALTER TABLE trigger_executions ADD COLUMN idempotency_key {kind}",
        "INSERT INTO trigger_executions (trigger_id, idempotency_key) VALUES (1, 'k1')",
    )
    before = state(url)

    with pytest.raises(CommandError, match="trigger 1, key 'k1'"):
        migrate(url, to="0002")

    assert state(url) == before
    migrate(url, to="0002", dedupe="keep-first")
    twice = "SELECT count(*) FROM trigger_executions WHERE idempotency_key = 'k1'"
    assert execute(url, twice) == [(1,)]


def test_a_duplicate_is_refused_while_stashed_keys_are_restored(url: str) -> None:
    given_back(url)
    kind = found_databases.ADDED_COLUMNS["idempotency_key"]
    execute(
        url,
        f"ALTER TABLE trigger_executions ADD COLUMN idempotency_key {kind}",
        found_databases.UNIQUE,
    )
    insert = "INSERT INTO trigger_executions (trigger_id, idempotency_key) VALUES (1, 'k1')"
    refused: list[str] = []

    def write() -> None:
        if execute(url, "SELECT 1 FROM trigger_executions WHERE idempotency_key = 'k1'"):
            try:
                execute(url, insert)
            except sa.exc.IntegrityError as error:
                refused.append(str(error.orig))

    with in_each_pause(write):
        migrate(url, to=LEVEL)

    columns = "trigger_executions.trigger_id, trigger_executions.idempotency_key"
    assert set(refused) == {f"UNIQUE constraint failed: {columns}"}
