"""An adopted column that cannot store what is written stops the upgrade before any change."""

import re

import pytest
import sqlalchemy as sa
from alembic.util import CommandError

from app.db import Database, fitness
from app.db.schema import SchemaWatch
from app.intake.receive import Intake, receive
from app.intake.trigger_cache import TriggerCache
from app.settings import from_environment
from app.worker.loop import Worker
from tests.support import factories, samples
from tests.support import found_databases as found
from tests.support.databases import migrate
from tests.support.schema_dump import connected, data, execute, schema
from tests.support.thorough import some

ALL = tuple(found.ADDED_COLUMNS)
UNFIT = {
    "postgresql": [
        ("trigger_executions", "event_data", "jsonb", "event_data::jsonb"),
        ("trigger_executions", "event_data", "character varying(1000)", "event_data"),
        ("trigger_executions", "error", "character varying(500)", "error"),
        ("trigger_executions", "idempotency_key", "character varying(100)", "idempotency_key"),
        ("trigger_executions", "idempotency_key", "integer", "NULL::integer"),
        ("trigger_executions", "status", "character varying(10)", "status"),
        ("trigger_executions", "started_at", "bigint", "extract(epoch FROM started_at)::bigint"),
        ("trigger_executions", "completed_at", "text", "completed_at::text"),
        ("triggers", "event_filter", "jsonb", "event_filter::jsonb"),
        ("triggers", "enabled", "integer", "enabled::integer"),
        ("triggers", "secret", "character varying(32)", "left(secret, 32)"),
        ("triggers", "created_at", "date", "created_at::date"),
    ],
    "sqlite": [
        ("trigger_executions", "idempotency_key", "STRING", ""),
        ("trigger_executions", "idempotency_key", "INTEGER", ""),
        ("triggers", "secret", "NUMERIC", ""),
        ("triggers", "enabled", "TEXT", ""),
    ],
}
FIT = {
    "postgresql": [
        ("trigger_executions", "error", "character varying", "error"),
        ("trigger_executions", "error", "character varying(4000)", "error"),
        ("trigger_executions", "idempotency_key", "text", "idempotency_key"),
        ("trigger_executions", "status", "character varying(16)", "status"),
        ("trigger_executions", "started_at", "timestamptz", "started_at AT TIME ZONE 'UTC'"),
        ("trigger_executions", "duration_seconds", "numeric", "duration_seconds"),
        ("triggers", "name", "character varying(50)", "left(name, 50)"),
        ("triggers", "slug", "text", "slug"),
        ("triggers", "from_yaml", "boolean", "from_yaml"),
        ("triggers", "agent", "jsonb", "NULL::jsonb"),
        ("triggers", "created_by", "bigint", "created_by"),
    ],
    "sqlite": [
        ("trigger_executions", "event_data", "JSON", ""),
        ("trigger_executions", "error", "VARCHAR(5)", ""),
        ("trigger_executions", "idempotency_key", "TEXT", ""),
        ("trigger_executions", "idempotency_key", "", ""),
        ("trigger_executions", "started_at", "INTEGER", ""),
        ("triggers", "enabled", "INTEGER", ""),
        ("triggers", "secret", "VARCHAR(10)", ""),
        ("triggers", "created_at", "TEXT", ""),
    ],
}


def make(url: str, table: str, column: str, spelled: str, value: str) -> None:
    """Create a database to adopt, in which this column has this type."""
    found.make(url, ALL)
    if url.startswith("sqlite"):
        _make_anew(url, table, column, spelled)
        return
    execute(url, "UPDATE trigger_executions SET event_data = '{}'")
    alter = f"ALTER TABLE {table} ALTER COLUMN {column}"
    execute(url, f"{alter} TYPE {spelled} USING {value}")


def _make_anew(url: str, table: str, column: str, spelled: str) -> None:
    """Change the type of a column in the CREATE statement that SQLite stores."""
    made = execute(url, f"SELECT sql FROM sqlite_master WHERE name = '{table}'")[0][0]
    told = re.sub(rf"\b{column} [A-Z]+(\(\d+\))?", f"{column} {spelled}".strip(), made)
    assert told != made or spelled in made
    with connected(url) as connection:
        connection.exec_driver_sql("PRAGMA writable_schema = ON")
        statement = "UPDATE sqlite_master SET sql = ? WHERE name = ?"
        connection.exec_driver_sql(statement, (told, table))


def cases(of: dict[str, list[tuple[str, str, str, str]]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("kind", "case"),
        [
            pytest.param(kind, case, id="-".join([kind, *case[:3]]))
            for kind in of
            for case in some(of[kind], one_in=10)
        ],
    )


@cases(UNFIT)
def test_a_type_that_takes_nothing_stops_the_upgrade_before_any_change(
    empty_url: str, case: tuple[str, str, str, str]
) -> None:
    table, column, spelled, _ = case
    make(empty_url, *case)
    before = schema(empty_url, whole=True), data(empty_url, whole=True)

    with pytest.raises(CommandError) as refused:
        migrate(empty_url)

    assert f"{table}.{column} is {spelled}, " in str(refused.value)
    assert " is needed: " in str(refused.value)
    assert str(refused.value).startswith("1 existing column cannot store")
    assert "nothing was changed" in str(refused.value)
    after = schema(empty_url, whole=True), data(empty_url, whole=True)
    assert after == before


@cases(UNFIT)
def test_what_the_refusal_says_to_run_makes_the_column_fit(
    empty_url: str, case: tuple[str, str, str, str]
) -> None:
    make(empty_url, *case)
    with pytest.raises(CommandError) as refused:
        migrate(empty_url)

    for statement in re.findall(r"run `(.*);`", str(refused.value))[0].split("; "):
        execute(empty_url, statement)
    migrate(empty_url)

    assert receives_and_runs(empty_url)


@cases(FIT)
def test_a_type_that_takes_everything_is_left_as_it_is(
    empty_url: str, case: tuple[str, str, str, str]
) -> None:
    make(empty_url, *case)

    migrate(empty_url)

    assert receives_and_runs(empty_url)


def test_all_that_does_not_fit_is_said_at_once(empty_url: str, kind: str) -> None:
    first, *_, last = (case for case in UNFIT[kind] if case[1] != "event_data")
    make(empty_url, *first)
    if kind == "sqlite":
        _make_anew(empty_url, *last[:3])
    else:
        execute(empty_url, f"ALTER TABLE {last[0]} ALTER COLUMN {last[1]} TYPE {last[2]}")

    with pytest.raises(CommandError, match=r"^2 existing columns cannot") as refused:
        migrate(empty_url)

    assert first[1] in str(refused.value)
    assert last[1] in str(refused.value)


def test_our_own_schema_fits(database_url: str) -> None:
    with connected(database_url) as connection:
        assert fitness.misfits(connection) == []


def receives_and_runs(url: str) -> bool:
    """Return True if an event with the longest key and the longest error is stored and run."""
    settings = from_environment({"DATABASE_URL": url})
    database = Database(settings)
    try:
        intake = Intake(
            database, TriggerCache(database), SchemaWatch(database), now=lambda: samples.NOW
        )
        trigger_id = factories.trigger(database, slug="of-this-test", action_type="no-such-action")
        said = samples.json_request("custom", {"messageId": "k" * 255, "text": "t" * 5000})
        answers = [receive(factories.request(said, trigger_id), intake).status for _ in range(2)]
        attempts = Worker(database, settings).run_once()
        with database.reading() as connection:
            last = sa.text("SELECT status FROM trigger_executions ORDER BY id DESC LIMIT 1")
            status = connection.execute(last).scalar()
        return (answers, attempts, status) == ([200, 200], 1, "failed")
    finally:
        database.dispose()
