"""A key that an adopted database has twice stops the upgrade before any change."""

import os
import re
from unittest import mock

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.util import CommandError
from sqlalchemy.engine import Engine
from sqlalchemy.exc import IntegrityError

from tests.support import found_databases as found
from tests.support.databases import alembic_config, migrate
from tests.support.revisions import NAMES
from tests.support.schema_dump import data, execute, schema, stashes

STANDING = [(), (found.KEY_ALONE,), (found.KEY_ALONE, found.KEY_TWICE)]


def found_with_duplicates(url: str, *, keys: int = 2, indexes: tuple[str, ...] = ()) -> None:
    """Create a database with each key on three executions of trigger 1 and on one of trigger 2."""
    found.make(url, ("idempotency_key",), indexes)
    execute(url, "UPDATE trigger_executions SET idempotency_key = NULL")
    for number in range(keys):
        for trigger in (1, 2, 1, 1):
            execute(
                url,
                "INSERT INTO trigger_executions (trigger_id, status, idempotency_key) "
                f"VALUES ({trigger}, 'completed', 'it''s twice {number} 🪝')",
            )


def keys_of(url: str, trigger: int) -> list[str | None]:
    query = f"SELECT idempotency_key FROM trigger_executions WHERE trigger_id = {trigger} "
    return [row[0] for row in execute(url, f"{query} AND id > 15 ORDER BY id")]


@pytest.mark.parametrize("indexes", STANDING, ids=len)
def test_the_upgrade_is_refused_before_any_change(empty_url: str, indexes: tuple[str, ...]) -> None:
    found_with_duplicates(empty_url, indexes=indexes)
    before = schema(empty_url, whole=True), data(empty_url, whole=True)

    with pytest.raises(CommandError, match="nothing was changed"):
        migrate(empty_url)

    assert (schema(empty_url, whole=True), data(empty_url, whole=True)) == before


def test_the_refusal_names_what_stands_twice_and_the_way_on(empty_url: str) -> None:
    found_with_duplicates(empty_url)

    with pytest.raises(CommandError) as refusal:
        migrate(empty_url)

    message = str(refusal.value)
    assert message.startswith("2 idempotency keys are used more than once")
    assert '  trigger 1, key "it\'s twice 0 🪝": executions 16, 18, 19\n' in message
    assert '  trigger 1, key "it\'s twice 1 🪝": executions 20, 22, 23\n' in message
    assert "trigger 2" not in message
    assert message.endswith("run: alembic -x dedupe=keep-first upgrade head")


def test_the_refusal_of_a_single_key_speaks_of_one(empty_url: str) -> None:
    found_with_duplicates(empty_url, keys=1)

    with pytest.raises(CommandError, match=r"^1 idempotency key is used more than once"):
        migrate(empty_url)


def test_the_refusal_names_the_first_ten_and_the_total(empty_url: str) -> None:
    found_with_duplicates(empty_url, keys=12)

    with pytest.raises(CommandError) as refusal:
        migrate(empty_url)

    message = str(refusal.value)
    assert message.startswith("12 idempotency keys are used more than once")
    assert re.findall(r"twice (\d+)", message) == [str(number) for number in range(10)]


def test_the_refusal_names_ten_executions_of_a_key_and_how_many_more(empty_url: str) -> None:
    found.make(empty_url, ("idempotency_key",))
    execute(empty_url, "UPDATE trigger_executions SET trigger_id = 1, idempotency_key = 'one'")

    with pytest.raises(CommandError) as refusal:
        migrate(empty_url)

    named = ", ".join(map(str, range(1, 11)))
    assert f"trigger 1, key 'one': executions {named} and 5 more\n" in str(refusal.value)


def test_very_many_keys_cost_no_more_questions_than_ten(empty_url: str) -> None:
    found_with_duplicates(empty_url, keys=30)
    asked: list[str] = []

    def ask(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    sa.event.listen(Engine, "before_cursor_execute", ask)
    try:
        with pytest.raises(CommandError):
            migrate(empty_url)
    finally:
        sa.event.remove(Engine, "before_cursor_execute", ask)

    assert sum("idempotency_key = " in statement for statement in asked) == 10


def test_a_key_that_comes_again_before_the_index_stands_is_stashed_by_the_next_try(
    empty_url: str,
) -> None:
    found_with_duplicates(empty_url)
    arrived = "INSERT INTO trigger_executions (trigger_id, status, idempotency_key) VALUES "
    arrived += "(2, 'pending', 'it''s twice 0 🪝')"
    migrate(empty_url, dedupe="keep-first")
    execute(
        empty_url,
        "DROP INDEX uq_trigger_idem",  # as if the build had failed
        f"UPDATE hookonce_alembic_version SET version_num = '{NAMES[0]}'",
        arrived,
    )
    rows = data(empty_url)["trigger_executions"]

    migrate(empty_url, dedupe="keep-first")
    late = max(row["id"] for row in rows)
    kept = keys_of(empty_url, 2)
    migrate(empty_url, to=NAMES[0], down=True)

    assert kept == ["it's twice 0 🪝", "it's twice 1 🪝", None]
    assert execute(
        empty_url, f"SELECT idempotency_key FROM trigger_executions WHERE id = {late}"
    ) == [("it's twice 0 🪝",)]


def test_keeping_the_first_stashes_the_key_of_the_others(empty_url: str) -> None:
    found_with_duplicates(empty_url)

    migrate(empty_url, dedupe="keep-first")

    assert keys_of(empty_url, 1) == ["it's twice 0 🪝", None, None, "it's twice 1 🪝", None, None]
    assert keys_of(empty_url, 2) == ["it's twice 0 🪝", "it's twice 1 🪝"]
    stashed = execute(empty_url, "SELECT id FROM _stash_0002_duplicate_keys ORDER BY id")
    assert [row[0] for row in stashed] == [18, 19, 22, 23]


@pytest.mark.parametrize("indexes", STANDING, ids=len)
def test_the_downgrade_gives_the_keys_back(empty_url: str, indexes: tuple[str, ...]) -> None:
    found_with_duplicates(empty_url, indexes=indexes)
    rows, tables = data(empty_url), schema(empty_url)

    migrate(empty_url, dedupe="keep-first")
    migrate(empty_url, to="base", down=True)

    assert data(empty_url) == rows
    assert schema(empty_url) == tables


def test_keys_given_back_stand_in_the_way_of_the_next_upgrade(empty_url: str) -> None:
    found_with_duplicates(empty_url)
    migrate(empty_url, dedupe="keep-first")
    rows = data(empty_url)
    migrate(empty_url, to=NAMES[0], down=True)
    before = schema(empty_url, whole=True), data(empty_url, whole=True)

    with pytest.raises(CommandError, match="idempotency keys are used more than once"):
        migrate(empty_url)

    assert (schema(empty_url, whole=True), data(empty_url, whole=True)) == before
    migrate(empty_url, dedupe="keep-first")
    assert data(empty_url) == rows


def test_keeping_the_first_where_nothing_stands_twice_changes_nothing(empty_url: str) -> None:
    found.make(empty_url, ("idempotency_key",))
    rows = data(empty_url)

    migrate(empty_url, dedupe="keep-first")
    left = stashes(empty_url)
    migrate(empty_url, to="base", down=True)

    assert left == set()
    assert data(empty_url) == rows


def test_another_way_to_deduplicate_is_not_known(empty_url: str) -> None:
    found_with_duplicates(empty_url)

    with pytest.raises(CommandError, match="dedupe=keep-last is unknown"):
        migrate(empty_url, dedupe="keep-last")


@pytest.mark.parametrize("mistyped", [{"dedup": "keep-first"}, {"discard": "true"}])
def test_a_mistyped_option_is_refused(empty_url: str, mistyped: dict[str, str]) -> None:
    with pytest.raises(CommandError, match="is unknown"):
        migrate(empty_url, **mistyped)


def lose_the_index(url: str, *times: int) -> list[int]:
    """Drop the index and store an execution of trigger 1 for each `replay_of_id`; 0: first ones."""
    execute(url, "DROP INDEX uq_trigger_idem")
    for replay_of in times:
        execute(
            url,
            "INSERT INTO trigger_executions (trigger_id, status, idempotency_key, replay_of_id) "
            f"VALUES (1, 'pending', 'lost', {replay_of or 'NULL'})",
        )
    query = "SELECT id FROM trigger_executions WHERE idempotency_key = 'lost' ORDER BY id"
    return [row[0] for row in execute(url, query)]


def test_at_head_a_lost_index_is_built_again_and_refuses_a_duplicate(empty_url: str) -> None:
    found.make(empty_url, ("idempotency_key",))
    migrate(empty_url)
    lose_the_index(empty_url, 0, 1)  # a replay has the key of its first execution

    migrate(empty_url)

    with pytest.raises(IntegrityError):
        execute(
            empty_url,
            "INSERT INTO trigger_executions (trigger_id, status, idempotency_key) "
            "VALUES (1, 'pending', 'lost')",
        )


def test_at_head_duplicates_refuse_the_index_and_keeping_the_first_builds_it(
    empty_url: str,
) -> None:
    found.make(empty_url, ("idempotency_key",))
    migrate(empty_url)
    first, second, replay = lose_the_index(empty_url, 0, 0, 1)
    before = schema(empty_url, whole=True), data(empty_url, whole=True)

    with pytest.raises(CommandError) as refusal:
        migrate(empty_url)
    unchanged = (schema(empty_url, whole=True), data(empty_url, whole=True)) == before
    migrate(empty_url, dedupe="keep-first")

    assert str(refusal.value).startswith("1 idempotency key is used more than once")
    assert f"  trigger 1, key 'lost': executions {first}, {second}\n" in str(refusal.value)
    assert str(refusal.value).endswith("run: alembic -x dedupe=keep-first upgrade head")
    assert unchanged
    kept = "SELECT id FROM trigger_executions WHERE idempotency_key = 'lost' ORDER BY id"
    assert [row[0] for row in execute(empty_url, kept)] == [first, replay]
    assert stashes(empty_url) == {"_stash_0002_duplicate_keys"}


@pytest.mark.parametrize("revision", [NAMES[1], NAMES[6], NAMES[7]])
def test_an_upgrade_to_the_revision_that_it_has_builds_the_index_of_that_revision(
    empty_url: str, revision: str
) -> None:
    migrate(empty_url, to=revision)
    tables = schema(empty_url, whole=True)
    execute(empty_url, "DROP INDEX uq_trigger_idem")

    migrate(empty_url, to=revision)

    assert schema(empty_url, whole=True) == tables


def test_a_downgrade_and_a_stamp_build_no_index(empty_url: str) -> None:
    migrate(empty_url)
    execute(empty_url, "DROP INDEX uq_trigger_idem")
    tables = schema(empty_url, whole=True)

    migrate(empty_url, to=NAMES[-2], down=True)
    migrate(empty_url, to=NAMES[-2], down=True)
    with mock.patch.dict(os.environ, {"DATABASE_URL": empty_url}):
        command.stamp(alembic_config(), NAMES[-1])

    assert "uq_trigger_idem" not in str(schema(empty_url, whole=True))
    assert "uq_trigger_idem" not in str(tables)
