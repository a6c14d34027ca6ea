"""A move between SQLite and PostgreSQL: all rows arrive, odd ones are named, nothing is lost."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from app import cli
from app.db import Database, moving, partitioning
from app.db.models import trigger_executions
from app.db.moving import state
from app.db.moving.session import DriverSession
from app.errors import CannotMove, DatabaseUnavailable
from tests.support import factories, found_databases, moves, schema_dump
from tests.support.databases import PARTITIONED, Databases, migrate
from tests.support.moves import content, moved
from tests.support.seeding import seed
from tests.support.thorough import THOROUGH

Pair = tuple[str, str]


class Stopped(Exception):
    """The move was interrupted here."""


@pytest.fixture
def pair(databases: Databases, kind: str) -> Iterator[Pair]:
    with moves.pair(databases, kind) as both:
        yield both


@pytest.fixture
def odd_source(databases: Databases) -> Iterator[Pair]:
    """Yield SQLite with an execution and a trigger, and an empty PostgreSQL."""
    with moves.pair(databases, "sqlite") as (source, target):
        with opened(source) as database:
            factories.execution(database, factories.trigger(database))
        yield source, target


class opened:  # noqa: N801, it is used as a function
    """The service's own access to a database."""

    def __init__(self, url: str) -> None:
        self._database = Database(moves.settings_of(url))

    def __enter__(self) -> Database:
        return self._database

    def __exit__(self, *_: object) -> None:
        self._database.dispose()


def hookonce(source: str, *arguments: str) -> Result:
    return CliRunner().invoke(cli.main, [*arguments], env={"DATABASE_URL": source})


def stopping_at(number: int) -> Callable[..., None]:
    """Return a report that raises at its call of this number."""
    calls = iter(range(number))

    def report(*_: object) -> None:
        if next(calls, None) is None:
            raise Stopped

    return report


def test_every_row_of_every_table_arrives(pair: Pair) -> None:
    source, target = pair
    seed(source)
    expected, shape = content(source), schema_dump.schema(target)

    compared = moved(source, target)

    assert content(target) == expected
    assert schema_dump.schema(target) == shape
    rows = {each.table: each.rows for each in compared}
    assert rows == {name: len(rows) for name, rows in expected.items() if "version" not in name}


def test_rows_older_than_their_trigger_column_arrive_with_it(databases: Databases) -> None:
    with moves.pair(databases, "sqlite") as (source, target):
        seed(source)
        expected = content(source)
        schema_dump.execute(
            source,
            "UPDATE execution_attempts SET trigger_id = NULL",
            "UPDATE key_mismatches SET trigger_id = NULL WHERE execution_id > 1",
        )

        moved(source, target)

        assert content(target) == expected


def test_the_way_back_gives_the_same_rows(databases: Databases, pair: Pair, kind: str) -> None:
    source, target = pair
    seed(source)
    expected = content(source)
    moved(source, target)

    with databases.at_head(kind) as back:
        compared = moved(target, back)

        assert content(back) == expected
        assert {each.table for each in compared} >= {"triggers", "trigger_executions"}


@pytest.mark.parametrize("live", [False, True] if THOROUGH else [False])
def test_a_partitioned_database_is_moved_to_sqlite_and_back(
    databases: Databases, live: bool
) -> None:
    with (
        databases.at_head("postgresql") as source,
        databases.at_head("sqlite") as middle,
        databases.at_head(PARTITIONED) as back,
    ):
        seed(source)
        schema_dump.execute(
            source,
            "UPDATE trigger_executions SET status = 'failed', "
            "completed_at = now(), lease_owner = NULL WHERE status = 'running'",
        )
        expected = content(source)
        with opened(source) as database:
            partitioning.partition(database, 3, lambda _table: None)

        moved(source, middle, live=live)
        between = content(middle)
        moved(middle, back, live=live)

        assert content(back) == between == expected
        parts = "SELECT count(*) FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = inhrelid "
        filled = f"{parts} WHERE relname ~ '^trigger_executions_p' AND relkind = 'r'"
        assert schema_dump.execute(back, filled) == [(4,)]


def test_an_id_of_a_removed_row_does_not_come_again(pair: Pair) -> None:
    source, target = pair
    with opened(source) as database:
        trigger_id = factories.trigger(database)
        removed = [factories.execution(database, trigger_id) for _ in range(3)][-1]
        with database.writing() as connection:
            connection.execute(sa.delete(trigger_executions))

    moved(source, target)

    with opened(target) as database:
        assert factories.execution(database, trigger_id) > removed


def test_hidden_columns_and_stashed_tables_are_moved(pair: Pair) -> None:
    source, target = pair
    schema_dump.execute(
        source,
        "ALTER TABLE triggers ADD COLUMN _stash_0099_region VARCHAR(30) DEFAULT 'x'",
        "ALTER TABLE triggers ADD COLUMN _stash_0099_on BOOLEAN DEFAULT true",
        "CREATE TABLE _stash_0099_regions (id INTEGER PRIMARY KEY, trigger_id INTEGER NOT NULL "
        "CONSTRAINT fk_regions REFERENCES triggers (id) ON DELETE CASCADE, "
        "at TIMESTAMP, size REAL)",
        "CREATE INDEX ix_regions ON _stash_0099_regions (trigger_id) WHERE size IS NOT NULL",
        "CREATE TABLE _stash_0098_triggers (id INTEGER, secret VARCHAR(255))",
        "INSERT INTO _stash_0098_triggers VALUES (1, 'a'), (2, 'b')",
    )
    with opened(source) as database:
        trigger_id = factories.trigger(database)
    schema_dump.execute(
        source,
        "UPDATE triggers SET _stash_0099_region = 'north'",
        f"INSERT INTO _stash_0099_regions VALUES (7, {trigger_id}, '2026-01-31 10:00:00', 0.1)",
    )
    expected = content(source)

    moved(source, target)

    assert content(target) == expected
    described = schema_dump.schema(target, whole=True)["_stash_0099_regions"]
    assert "ix_regions" in str(described["indexes"])
    assert "CASCADE" in str(described)


def test_an_interrupted_move_goes_on_where_it_was(pair: Pair) -> None:
    source, target = pair
    seed(source)
    expected = content(source)
    for number in (1, 20, 30, 30, 10):
        with pytest.raises(Stopped):
            moved(source, target, stopping_at(number))

    moved(source, target)

    assert content(target) == expected
    with opened(target) as database:
        factories.trigger(database)


def test_a_move_that_the_release_before_began_is_completed(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That one noted no sum of digests, so the source is read again for the comparison."""
    source, target = pair
    seed(source)
    expected = content(source)
    note = state.note_progress

    def note_without_sum(session: DriverSession, table: str, now: dict[str, Any]) -> None:
        note(session, table, {name: now[name] for name in ("key", "rows", "complete")})

    with monkeypatch.context() as patch:
        patch.setattr(state, "note_progress", note_without_sum)
        with pytest.raises(Stopped):
            moved(source, target, stopping_at(60))

    moved(source, target)

    assert content(target) == expected


def test_a_lost_connection_is_one_sentence_and_the_move_goes_on(
    databases: Databases, pair: Pair
) -> None:
    source, target = pair
    seed(source)
    expected = content(source)
    name = next(url for url in pair if url.startswith("postgresql")).split("/")[3].split("?")[0]
    end_sessions = (
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    )

    def report(step: str, table: str, *_: object) -> None:
        if (step, table) == ("copying", "trigger_executions"):
            databases.server.execute(end_sessions)

    with pytest.raises(CannotMove, match="run the same command again"):
        moved(source, target, report)

    moved(source, target)
    assert content(target) == expected


def test_nobody_else_can_write_either_database_before_the_end(pair: Pair) -> None:
    source, target = pair
    seed(source)
    refusals: set[str] = set()

    def report(step: str, *_: object) -> None:
        for url in (source, target) if step == "comparing" else ():
            with opened(url) as database:
                for write in (factories.trigger, factories.worker):
                    with pytest.raises(DatabaseUnavailable, match="hookonce move: ") as refused:
                        write(database)
                    refusals.add(str(refused.value))

    moved(source, target, report)

    assert len({each.partition(" CONTEXT")[0] for each in refusals}) == 2
    with opened(target) as database:
        factories.trigger(database)
    with opened(source) as database, pytest.raises(DatabaseUnavailable, match="is moved to"):
        factories.trigger(database)


def test_cancel_opens_the_source_again(pair: Pair) -> None:
    source, target = pair
    seed(source)
    with pytest.raises(Stopped):
        moved(source, target, stopping_at(40), live=True)
    shape = schema_dump.schema(source)

    done = hookonce(source, "move", "--cancel")

    assert (done.exit_code, done.output) == (0, "The database is open again.\n")
    with opened(source) as database:
        factories.trigger(database)
    assert not any("_move_" in str(each) for each in schema_dump.schema(source, whole=True))
    assert shape.keys() == schema_dump.schema(source).keys()


def test_a_second_run_after_the_end_changes_nothing(pair: Pair) -> None:
    source, target = pair
    with opened(source) as database:
        factories.trigger(database)
    moved(source, target)
    with opened(target) as database:
        factories.trigger(database)

    again = hookonce(source, "move", "--to", target)

    assert (again.exit_code, again.stdout) == (0, "Everything was moved there already.\n")
    kept = hookonce(source, "move", "--cancel")
    assert "What was received in the new database" in kept.output


def test_a_file_of_the_same_name_elsewhere_is_not_taken_for_the_one_that_has_everything(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with databases.at_head("sqlite") as source:
        for name, expected in (("here", 0), ("elsewhere", 1)):
            (tmp_path / name).mkdir()
            monkeypatch.chdir(tmp_path / name)
            done = hookonce(source, "move", "--to", "sqlite:///hookonce.db")
            assert done.exit_code == expected, done.output

    assert f"everything was moved to sqlite:///{tmp_path}/here/hookonce.db already" in done.output


@pytest.mark.parametrize("content_of_target", ["rows", "other move"])
def test_a_target_with_content_is_refused(pair: Pair, content_of_target: str) -> None:
    source, target = pair
    seed(source)
    if content_of_target == "rows":
        with opened(target) as database:
            factories.trigger(database)
    else:
        with pytest.raises(Stopped):
            moved(source, target, stopping_at(40))
        assert hookonce(source, "move", "--cancel").exit_code == 0
    before = content(target)

    with pytest.raises(CannotMove, match=r"has rows in the table triggers|unfinished move"):
        moved(source, target)

    assert content(target) == before
    with opened(source) as database:
        factories.trigger(database)


def test_running_executions_keep_the_source_open(pair: Pair) -> None:
    source, target = pair
    with opened(source) as database:
        factories.execution(database, factories.trigger(database), "running")

        with pytest.raises(CannotMove, match=r"1 execution\(s\) are running"):
            moved(source, target)

        factories.trigger(database)


def test_tables_and_columns_of_others_are_moved_by_choice_only(pair: Pair) -> None:
    source, target = pair
    schema_dump.execute(
        source,
        "CREATE TABLE users (id INTEGER PRIMARY KEY, email VARCHAR(50))",
        "INSERT INTO users VALUES (1, 'ada@example.com')",
        "ALTER TABLE triggers ADD COLUMN owner VARCHAR(20) DEFAULT 'ada'",
    )
    with opened(source) as database:
        factories.trigger(database)

    undecided = hookonce(source, "move", "--to", target)
    moved(source, target, foreign="take")

    assert undecided.exit_code == 1
    assert "not Hookonce's: users; choose `--foreign take`" in undecided.output
    assert content(target)["users"] == ["{'email': 'ada@example.com', 'id': 1}"]
    assert "'owner': 'ada'" in content(target)["triggers"][0]


def test_tables_and_columns_of_others_are_left_by_choice(pair: Pair) -> None:
    source, target = pair
    schema_dump.execute(
        source,
        "CREATE TABLE users (id INTEGER PRIMARY KEY)",
        "ALTER TABLE triggers ADD COLUMN owner VARCHAR(20) DEFAULT 'ada'",
    )
    with opened(source) as database:
        factories.trigger(database)

    moved(source, target, foreign="leave")

    assert "users" not in content(target)
    assert "owner" not in content(target)["triggers"][0]


def test_a_database_that_was_taken_over_is_moved_with_its_record(
    databases: Databases, kind: str
) -> None:
    with databases.empty(kind) as source, databases.at_head(moves.OTHER[kind]) as target:
        found_databases.make(source, tuple(found_databases.ADDED_COLUMNS), found_databases.INDEXES)
        migrate(source)
        if kind == "postgresql":
            _fulfil_our_checks(source, target)
        expected = content(source)

        moved(source, target, foreign="take")

        assert content(target) == expected
        assert content(target)["_found_0001"]


def _fulfil_our_checks(source: str, target: str) -> None:
    """Change the rows that are named: a table of SQLite cannot do without its conditions."""
    with pytest.raises(CannotMove, match="it does not fulfil"):
        moved(source, target, foreign="take")
    schema_dump.execute(
        source,
        "UPDATE trigger_executions SET status = 'pending' WHERE status IS NULL",
        "UPDATE trigger_executions SET completed_at = started_at "
        "WHERE status IN ('completed', 'failed')",
    )


ODD = {
    "NUL": ("event_data = CAST(x'610062' AS TEXT)", "event_data is text with a NUL"),
    "no UTF-8": ("event_data = CAST(x'ff61' AS TEXT)", "event_data is text that is not UTF-8"),
    "half a character": ("error = CAST(x'eda080' AS TEXT)", "error is text that is not UTF-8"),
    "bytes": ("error = x'6162'", "error is b'ab' in place of text"),
    "text as number": ("attempt_count = 'many'", "'many' in place of a whole number"),
    "fraction": ("attempt_count = 1.5", "1.5 in place of a whole number"),
    "large": ("attempt_count = 2147483648", "more than 32 bits"),
    "no date": ("started_at = 'yesterday'", "'yesterday' in place of a time"),
    "day that is none": ("received_at = '2026-02-31 10:00:00.000000'", "in place of a time"),
    "number as time": ("started_at = 1700000000", "1700000000 in place of a time"),
    "year 0": ("started_at = '0000-01-01 00:00:00.000000'", "in place of a time"),
    "word as number": ("duration_seconds = 'long'", "'long' in place of a number"),
    "too long": (f"idempotency_key = '{'ü' * 256}'", "256 characters"),
}


def test_values_that_do_not_fit_are_named_with_their_remedies(odd_source: Pair) -> None:
    source, target = odd_source
    with opened(source) as database:
        ids = [factories.execution(database, 1) for _ in ODD]
    for id_, (change, _) in zip(ids, ODD.values(), strict=True):
        schema_dump.execute(source, f"UPDATE trigger_executions SET {change} WHERE id = {id_}")

    refused = hookonce(source, "move", "--to", target)

    assert refused.exit_code == 1
    lines = refused.output.splitlines()
    for id_, (_, words) in zip(ids, ODD.values(), strict=True):
        assert any(f'trigger_executions where "id" = {id_}: ' in e and words in e for e in lines)
    assert content(target)["triggers"] == []
    with opened(source) as database:
        factories.worker(database)
    remedies = [line.split("Change it: ")[1] for line in lines if "Change it: " in line]
    schema_dump.execute(source, *remedies)
    replaced = hookonce(source, "move", "--to", target, "--replace-invalid-text")
    assert replaced.exit_code == 0, replaced.output
    assert sum("\ufffd" in row for row in content(target)["trigger_executions"]) == 3


def test_a_switch_that_is_no_switch_and_a_row_without_parent_are_named(odd_source: Pair) -> None:
    source, target = odd_source
    schema_dump.execute(
        source,
        "UPDATE triggers SET enabled = 'true'",
        "PRAGMA foreign_keys = OFF",
        "INSERT INTO execution_requests (execution_id, trigger_id, headers, body) "
        "VALUES (77, 1, '{}', 'text')",
    )

    refused = hookonce(source, "move", "--to", target)

    assert "enabled is 'true' in place of 0 or 1" in refused.output
    assert "body is 'text' in place of bytes" in refused.output
    assert "names no row of trigger_executions" in refused.output
    assert 'DELETE FROM "execution_requests" WHERE "execution_id" = 77;' in refused.output


def test_times_in_other_spellings_stay_the_same_moment(odd_source: Pair) -> None:
    source, target = odd_source
    spelled = "started_at = '2026-01-31T10:00:00+02:00', received_at = '2026-01-31 10:00:00.5'"
    schema_dump.execute(source, f"UPDATE trigger_executions SET {spelled}")

    moved(source, target)

    (row,) = content(target)["trigger_executions"]
    assert "'started_at': '2026-01-31 08:00:00.000000'" in row
    assert "'received_at': '2026-01-31 10:00:00.500000'" in row


@pytest.mark.parametrize("kind", ["postgresql"])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("started_at = 'infinity'", "'infinity' in place of a time"),
        ("started_at = '0044-03-15 BC'", "in place of a time"),
        ("duration_seconds = 'NaN'", "duration_seconds is NaN"),
    ],
)
def test_a_value_that_sqlite_does_not_have_is_named(pair: Pair, change: str, words: str) -> None:
    source, target = pair
    with opened(source) as database:
        factories.execution(database, factories.trigger(database))
    schema_dump.execute(source, f"UPDATE trigger_executions SET {change}")

    with pytest.raises(CannotMove) as refused:
        moved(source, target)

    assert words in str(refused.value)
    schema_dump.execute(source, str(refused.value).split("Change it: ")[1].split(";\n")[0])
    moved(source, target)


def test_a_row_that_differs_is_found_and_the_target_stays_closed(pair: Pair, kind: str) -> None:
    source, target = pair
    with opened(source) as database:
        trigger_id = factories.trigger(database)
        ids = [factories.execution(database, trigger_id) for _ in range(3)]
    closing = (
        "DROP TRIGGER _move_closed ON trigger_executions"
        if kind == "sqlite"
        else "DROP TRIGGER _move_closed_update_trigger_executions"
    )

    def report(step: str, *_: object) -> None:
        if step == "comparing":
            change = f"UPDATE trigger_executions SET error = 'x' WHERE id = {ids[1]}"
            schema_dump.execute(target, closing.replace("TRIGGER ", "TRIGGER IF EXISTS "), change)

    with pytest.raises(CannotMove, match=rf"rows that differ: \({ids[1]},[ 0-9]*\)"):
        moved(source, target, report)

    with opened(target) as database, pytest.raises(DatabaseUnavailable):
        factories.trigger(database)


@pytest.mark.parametrize("kind", ["postgresql"])
def test_writes_without_triggers_are_followed_and_refused_too(pair: Pair) -> None:
    """As those of a subscription, or where the operator set it: no other trigger runs then."""
    execute, source = schema_dump.execute, pair[0]
    name = execute(source, "SELECT current_database()")[0][0]
    execute(source, f"ALTER DATABASE {name} SET session_replication_role = replica")

    test_a_live_move_follows_every_change(pair)


def test_a_live_move_follows_every_change(pair: Pair) -> None:
    source, target = pair
    with opened(source) as database:
        trigger_id = factories.trigger(database)
        ids = [factories.execution(database, trigger_id, idempotency_key=f"k{n}") for n in range(9)]
    steps: list[str] = []

    def report(step: str, table: str, *_: object) -> None:
        steps.append(f"{step} {table}")
        if steps[-1] in ("copying trigger_executions", "comparing trigger_executions"):
            _change(source, trigger_id, ids[steps.count(steps[-1]) :: 4])

    moved(source, target, report, live=True)

    assert content(target) == {
        name: rows for name, rows in content(source).items() if not name.startswith("_move_")
    }
    assert len(content(target)["triggers"]) > 2
    with opened(source) as database, pytest.raises(DatabaseUnavailable, match="is moved to"):
        factories.trigger(database)


def _change(source: str, trigger_id: int, ids: list[int]) -> None:
    """Remove a row, give its key to a new one, and change another."""
    with opened(source) as database:
        with database.writing() as connection:
            table = trigger_executions
            found = sa.select(table.c.id).where(table.c.id.in_(ids)).order_by(table.c.id)
            first, *others = connection.execute(found).scalars()
            key = connection.execute(
                sa.delete(table).where(table.c.id == first).returning(table.c.idempotency_key)
            ).scalar_one()
            connection.execute(
                sa.update(table).where(table.c.id.in_(others)).values(idempotency_key=None)
            )
        made = factories.execution(database, trigger_id, idempotency_key=key)
        factories.request_of(database, made, b"\x00\xff", "text/plain")
        factories.trigger(database)


def test_a_live_move_goes_on_after_it_was_interrupted(pair: Pair) -> None:
    source, target = pair
    seed(source)
    with opened(source) as database:
        trigger_id = factories.trigger(database)
    for number in (30, 20, 10):
        with pytest.raises(Stopped):
            moved(source, target, stopping_at(number), live=True)
        with opened(source) as database:
            factories.execution(database, trigger_id)

    moved(source, target, live=True)

    expected = {n: r for n, r in content(source).items() if not n.startswith("_move_")}
    assert content(target) == expected


def test_the_output_names_no_password_and_every_table(pair: Pair) -> None:
    source, target = pair
    with opened(source) as database:
        factories.trigger(database, secret="s3cret-of-trigger")
    with_password = target.replace("postgres@", "postgres:hunter2@")

    done = hookonce(source, "move", "--to", with_password, "--json")

    assert done.exit_code == 0, done.output
    tables: list[dict[str, Any]] = json.loads(done.stdout)["tables"]
    assert {"triggers", "hookonce_audit"} <= {each["table"] for each in tables}
    assert "hunter2" not in done.output
    assert "s3cret" not in done.output
    assert "hunter2" not in str(content(source)["_move_state"])


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_database_is_not_moved_into_itself_or_from_an_older_revision(
    databases: Databases, database_url: str
) -> None:
    with pytest.raises(CannotMove, match="the same database"):
        moved(database_url, database_url)
    with databases.empty("sqlite") as older, databases.at_head("sqlite") as target:
        migrate(older, to="0020")

        refused = hookonce(older, "move", "--to", target)

    assert "is at revision 0020, this code needs" in refused.output


def test_nothing_is_under_way_without_a_move(database_url: str) -> None:
    assert not moving.is_complete(moves.settings_of(database_url))
    done = hookonce(database_url, "move", "--cancel", "--json")
    assert json.loads(done.stdout) == {"cancelled": False}
    assert hookonce(database_url, "move").exit_code == 2
