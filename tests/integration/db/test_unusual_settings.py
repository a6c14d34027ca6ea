"""A PostgreSQL database may read, write and compare values in other ways: see ALTER DATABASE."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from alembic.util import CommandError

from app.db import Database
from app.health import remarks
from app.settings import Settings
from app.worker.loop import Worker
from tests.support import factories
from tests.support.databases import Databases, migrate
from tests.support.schema_dump import data, execute, schema

UNUSUAL = {
    "array_nulls": "off",
    "bytea_output": "escape",
    "DateStyle": "'SQL, DMY'",
    "default_transaction_isolation": "serializable",
    "extra_float_digits": "-15",
    "IntervalStyle": "iso_8601",
    "quote_all_identifiers": "on",
    "TimeZone": "'Asia/Kathmandu'",
    "transform_null_equals": "on",
}

pytestmark = pytest.mark.parametrize("kind", ["postgresql"])


@pytest.fixture
def database_url(databases: Databases, kind: str) -> Iterator[str]:
    """Yield the URL of a database at head whose new sessions have all these settings."""
    with databases.at_head(kind) as url:
        name = execute(url, "SELECT current_database()")[0][0]
        for setting, value in UNUSUAL.items():
            execute(url, f"ALTER DATABASE {name} SET {setting} = {value}")
        yield url


def test_executions_run_and_migrations_lose_nothing(
    database: Database, database_url: str, settings: Settings
) -> None:
    trigger_id = factories.trigger(database, action_type="noop")
    ids = [factories.execution(database, trigger_id) for _ in range(3)]

    Worker(database, settings, concurrency=2).run_once()

    rows = factories.executions(database)
    assert [(row.id, row.status) for row in rows] == [(each, "completed") for each in ids]
    before = schema(database_url), data(database_url)
    migrate(database_url, to="0003", down=True)
    migrate(database_url)
    assert (schema(database_url), data(database_url)) == before


@pytest.mark.parametrize("pooler", ["no", "yes"])
def test_a_transaction_of_the_service_reads_what_others_have_committed_meanwhile(
    settings: Settings, pooler: str
) -> None:
    database = Database(replace(settings, hookonce_pooler=pooler))
    try:
        with database.writing() as connection:
            isolation = connection.exec_driver_sql("SHOW transaction_isolation").scalar()
    finally:
        database.dispose()

    assert isolation == "read committed"


def test_a_search_path_that_leads_nowhere_is_named_before_any_change(database_url: str) -> None:
    name = execute(database_url, "SELECT current_database()")[0][0]
    before = schema(database_url, whole=True)
    execute(database_url, f"ALTER DATABASE {name} SET search_path = ''")

    for command in ({"to": "0030", "down": True}, {}):
        with pytest.raises(CommandError, match=r"search_path names .* nothing was changed"):
            migrate(database_url, **command)

    execute(database_url, f"ALTER DATABASE {name} RESET search_path")
    assert schema(database_url, whole=True) == before


def test_the_check_names_a_role_for_which_foreign_keys_do_nothing(
    database: Database, database_url: str
) -> None:
    named = [note for note in remarks.notes(database) if "session_replication_role" in note]
    name = execute(database_url, "SELECT current_database()")[0][0]
    execute(database_url, f"ALTER DATABASE {name} SET session_replication_role = replica")
    database.engine.dispose()

    (note,) = [note for note in remarks.notes(database) if "session_replication_role" in note]

    assert named == []
    assert note.startswith("REMOVED ROWS LEAVE OTHERS BEHIND")
