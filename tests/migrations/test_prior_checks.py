"""Objects at which a later step on PostgreSQL would stop are named before the first one."""

import threading

import pytest
from alembic.util import CommandError

from app.db import Database, stash_removal, stashes
from app.errors import DatabaseUnavailable, StashInUse
from app.settings import from_environment
from tests.support import found_databases as found
from tests.support.databases import migrate
from tests.support.schema_dump import data, execute, schema

pytestmark = pytest.mark.parametrize("kind", ["postgresql"])
LEVEL = "0004"
"""Lowest revision with a default and a table of ours: each step costs time."""
REFUSING = """CREATE FUNCTION refusing() RETURNS event_trigger LANGUAGE plpgsql AS
    'BEGIN RAISE EXCEPTION ''frozen''; END'"""
PROTECTING = """CREATE FUNCTION refusing() RETURNS event_trigger LANGUAGE plpgsql AS
    'BEGIN IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands()
        WHERE object_identity LIKE ''public.trigger_executions%%'') THEN
        RAISE EXCEPTION ''trigger_executions is frozen''; END IF; END'"""
LOGGING = """CREATE FUNCTION logging() RETURNS event_trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO audit_log (what) VALUES (tg_tag); END'"""
BY = "EXECUTE FUNCTION refusing()"
EVENT_TRIGGERS = {
    "a start": [REFUSING, f'CREATE EVENT TRIGGER "a b" ON ddl_command_start {BY}'],
    "an alteration": [
        REFUSING,
        f"CREATE EVENT TRIGGER e ON ddl_command_start WHEN TAG IN ('ALTER TABLE') {BY}",
    ],
    "a drop": [REFUSING, f"CREATE EVENT TRIGGER e ON sql_drop {BY}"],
    "a quoted function": [
        REFUSING.replace("refusing", '"re-fusing (all)"'),
        'CREATE EVENT TRIGGER e ON sql_drop EXECUTE FUNCTION "re-fusing (all)"()',
    ],
    "one table": [PROTECTING, f"CREATE EVENT TRIGGER e ON ddl_command_end {BY}"],
}
STORED = [
    "CREATE DOMAIN kept AS trigger_executions",
    "CREATE TYPE pair AS (first trigger_executions, second kept)",
    "CREATE TABLE theirs (one trigger_executions, many trigger_executions[], kept kept, two pair)",
    "CREATE TABLE of_theirs (whole theirs)",
    "CREATE VIEW first_of_theirs AS SELECT (one).status FROM theirs",
    "CREATE MATERIALIZED VIEW whole AS SELECT e FROM trigger_executions AS e",
]
DEPENDENT = [
    "CREATE TABLE child () INHERITS (execution_attempts)",
    "CREATE TABLE theirs (id integer REFERENCES execution_attempts, a execution_attempts)",
    "CREATE FUNCTION f(execution_attempts) RETURNS text LANGUAGE sql AS 'SELECT $1.error'",
    "CREATE CAST (execution_attempts AS text) WITH FUNCTION f(execution_attempts)",
    "CREATE VIEW errors AS SELECT error FROM execution_attempts",
    "CREATE VIEW errors_again AS SELECT * FROM errors",
    """CREATE POLICY p ON audit_log
    USING (EXISTS (SELECT FROM execution_attempts AS a WHERE a.id = user_id))""",
]


OF_COLUMNS = [
    "CREATE VIEW theirs AS SELECT id, idempotency_key FROM trigger_executions",
    """ALTER TABLE trigger_executions
    ADD twice integer GENERATED ALWAYS AS (attempt_count * 2) STORED""",
    "ALTER TABLE trigger_executions ADD CONSTRAINT few CHECK (attempt_count < 100)",
]


def run_remedies(url: str, refusal: pytest.ExceptionInfo[CommandError]) -> None:
    """Execute every statement that the refusal names, but for those that come after."""
    for text in str(refusal.value).split("run `")[1:]:
        execute(url, *filter(str.strip, text.partition("`")[0].split(";")))


def require_refused_until_mended(url: str, *, to: str, down: bool = False, **x: str) -> None:
    """Check that a refused migration changes nothing, and passes after its own remedies."""
    before = schema(url, whole=True), data(url, whole=True)
    with pytest.raises(CommandError, match="nothing was changed") as refusal:
        migrate(url, to=to, down=down, **x)
    assert (schema(url, whole=True), data(url, whole=True)) == before
    run_remedies(url, refusal)
    migrate(url, to=to, down=down, **x)


@pytest.mark.parametrize("name", EVENT_TRIGGERS)
def test_an_event_trigger_that_refuses_is_named_before_any_change(
    empty_url: str, name: str
) -> None:
    found.make(empty_url)
    execute(empty_url, *EVENT_TRIGGERS[name])

    require_refused_until_mended(empty_url, to=LEVEL)


def test_an_event_trigger_that_refuses_is_named_before_the_downgrade(empty_url: str) -> None:
    found.make(empty_url)
    migrate(empty_url, to=LEVEL)
    execute(empty_url, *EVENT_TRIGGERS["a drop"])

    require_refused_until_mended(empty_url, to="0003", down=True)


def test_an_event_trigger_that_merely_logs_stops_nothing(empty_url: str) -> None:
    found.make(empty_url)
    event_trigger = "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION logging()"
    execute(empty_url, LOGGING, event_trigger)

    migrate(empty_url, to="0001")

    logged = execute(empty_url, "SELECT count(*) FROM audit_log WHERE what = 'CREATE TABLE'")
    assert logged[0][0] > 0


def test_a_table_that_stores_rows_of_ours_is_named_before_the_upgrade(empty_url: str) -> None:
    found.make(empty_url)
    execute(empty_url, *STORED)

    require_refused_until_mended(empty_url, to=LEVEL)


def test_what_uses_a_table_that_is_dropped_is_named_before_the_downgrade(empty_url: str) -> None:
    found.make(empty_url)
    migrate(empty_url, to=LEVEL)
    execute(empty_url, *DEPENDENT)

    require_refused_until_mended(empty_url, to="0002", down=True, discard="yes")


@pytest.mark.parametrize("x", [{}, {"discard": "yes"}], ids=["kept", "discarded"])
@pytest.mark.parametrize("hidden_at", [LEVEL, "0002"])
def test_what_uses_a_column_that_no_owner_gets_back_is_named_before_the_downgrade(
    empty_url: str, hidden_at: str, x: dict[str, str]
) -> None:
    found.make(empty_url)
    migrate(empty_url, to=LEVEL)
    execute(empty_url, *OF_COLUMNS)
    migrate(empty_url, to=hidden_at, down=True)

    require_refused_until_mended(empty_url, to="base", down=True, **x)


def test_what_uses_a_column_that_is_discarded_is_named_before_the_downgrade(empty_url: str) -> None:
    migrate(empty_url, to=LEVEL)
    execute(empty_url, *OF_COLUMNS)

    require_refused_until_mended(empty_url, to="0001", down=True, discard="yes")


NEEDS_A_COLUMN = {
    "a function": [
        """CREATE FUNCTION checking() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN IF NEW.lease_owner = ''x'' THEN RETURN NULL; END IF; RETURN NEW; END'""",
        """CREATE TRIGGER t BEFORE INSERT ON trigger_executions
        FOR EACH ROW EXECUTE FUNCTION checking()""",
    ],
    "not null": [
        "UPDATE trigger_executions SET lease_owner = ''",
        "ALTER TABLE trigger_executions ALTER COLUMN lease_owner SET NOT NULL",
    ],
}
WRITTEN = """INSERT INTO trigger_executions (trigger_id, status, completed_at)
    VALUES (1, 'completed', now())"""


@pytest.mark.parametrize("name", NEEDS_A_COLUMN)
def test_what_refuses_rows_without_a_column_is_named_before_the_downgrade(
    empty_url: str, name: str
) -> None:
    found.make(empty_url)
    migrate(empty_url, to="0003")
    execute(empty_url, *NEEDS_A_COLUMN[name])

    require_refused_until_mended(empty_url, to="0002", down=True)

    execute(empty_url, WRITTEN)


COPIES_ROWS = [
    "CREATE TABLE history AS SELECT * FROM trigger_executions",
    """CREATE FUNCTION copying() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO history SELECT NEW.*; RETURN NULL; END'""",
    """CREATE TRIGGER t AFTER INSERT ON trigger_executions
    FOR EACH ROW EXECUTE FUNCTION copying()""",
]


def test_what_refuses_rows_with_more_columns_is_named_before_the_upgrade(empty_url: str) -> None:
    found.make(empty_url)
    migrate(empty_url, to="0002")
    execute(empty_url, *COPIES_ROWS)

    require_refused_until_mended(empty_url, to="0003")

    execute(empty_url, WRITTEN)


def test_a_trigger_that_takes_rows_of_any_columns_stops_nothing(empty_url: str) -> None:
    migrate(empty_url, to="0003")
    execute(
        empty_url,
        "CREATE TABLE history (row jsonb)",
        COPIES_ROWS[1].replace("SELECT NEW.*", "VALUES (to_jsonb(NEW))"),
        COPIES_ROWS[2],
    )

    migrate(empty_url, to="0002", down=True)
    migrate(empty_url, to="0003")


@pytest.mark.parametrize("to", ["0002", "base"])
def test_what_uses_a_table_that_is_renamed_stays(empty_url: str, to: str) -> None:
    found.make(empty_url)
    migrate(empty_url, to=LEVEL)
    execute(empty_url, *DEPENDENT)

    migrate(empty_url, to=to, down=True)
    migrate(empty_url, to=LEVEL)

    assert execute(empty_url, "SELECT count(*) FROM errors_again") == [(0,)]


def test_what_uses_a_stashed_table_is_named_before_a_stash_is_dropped(empty_url: str) -> None:
    migrate(empty_url, to=LEVEL)
    migrate(empty_url, to="0002", down=True)
    execute(empty_url, "CREATE VIEW theirs AS SELECT id FROM _stash_0004_execution_attempts")
    before = schema(empty_url, whole=True)
    database = Database(from_environment({"DATABASE_URL": empty_url}))
    with database.reading() as connection:
        names = [each.name for each in stashes.listed(connection)]

    with pytest.raises(StashInUse, match=r"nothing was removed\. Run `DROP VIEW theirs;`"):
        list(stash_removal.drop(database, names, threading.Event()))
    refused = schema(empty_url, whole=True)
    execute(empty_url, "DROP VIEW theirs")
    dropped = list(stash_removal.drop(database, names, threading.Event()))
    database.dispose()

    assert refused == before
    assert [each.name for each in dropped] == names


def test_a_stash_whose_drop_is_refused_is_not_tried_again_and_the_reason_is_named(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stash_removal, "LOCK_SECONDS", 30)
    migrate(empty_url, to=LEVEL)
    migrate(empty_url, to="0003", down=True)
    execute(empty_url, *EVENT_TRIGGERS["a drop"])
    before = schema(empty_url, whole=True)
    database = Database(from_environment({"DATABASE_URL": empty_url}))
    with database.reading() as connection:
        names = [each.name for each in stashes.listed(connection)]

    with pytest.raises(DatabaseUnavailable, match=r"frozen.*run `ALTER EVENT TRIGGER e DISABLE;`"):
        list(stash_removal.drop(database, names, threading.Event()))
    database.dispose()

    assert schema(empty_url, whole=True) == before
