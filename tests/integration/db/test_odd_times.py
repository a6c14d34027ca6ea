"""An adopted row with unreadable times is shown, deduplicated and run like any other."""

import json
import logging
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from app import cli
from app.db import Database, types
from app.db.models import trigger_executions, triggers
from app.intake.receive import Intake, receive
from app.settings import Settings
from app.triggers import manage, queries
from app.worker.loop import Worker
from tests.integration.conftest import WriteScript
from tests.support import factories, samples

UNREADABLE = {
    "sqlite": ["", "garbage", "2024-02-30", 1709208000, b"\xff"],
    "postgresql": ["infinity", "-infinity", "0044-03-15 00:00:00 BC", "12024-01-01 00:00:00"],
}
READABLE = {
    "sqlite": ["2024-02-29T12:00:00Z", "2024-02-29T14:00:00.000+02:00", "2024-02-29 12:00"],
    "postgresql": ["2024-02-29T12:00:00"],
}
NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)
TIMES = {
    "triggers": ("created_at", "updated_at"),
    "trigger_executions": ("started_at", "completed_at", "last_replay_at"),
}


@pytest.fixture(autouse=True)
def _nothing_was_warned_of() -> None:
    types._warn.cache_clear()


def spoil(database: Database, table: str, found: object, *, columns: tuple[str, ...] = ()) -> None:
    """Overwrite the times of every row with this value, as another program may have."""
    mark = "?" if database.engine.dialect.name == "sqlite" else "%s"
    columns = columns or TIMES[table]
    assignments = ", ".join(f"{name} = {mark}" for name in columns)
    with database.writing() as connection:
        connection.exec_driver_sql(f"UPDATE {table} SET {assignments}", (found,) * len(columns))


def invoke(settings: Settings, *arguments: str) -> Result:
    environment = {"DATABASE_URL": settings.database_url, "HOOKONCE_PUBLIC_URL": "http://[::1]:9"}
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        return CliRunner().invoke(cli.main, arguments, env=environment)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


@pytest.mark.parametrize("number", range(5))
def test_unreadable_times_are_shown_as_none(
    database: Database, settings: Settings, kind: str, number: int
) -> None:
    found = UNREADABLE[kind][number % len(UNREADABLE[kind])]
    factories.execution(database, factories.trigger(database, slug="odd"), "completed")
    spoil(database, "triggers", found)
    spoil(database, "trigger_executions", found)

    listed = invoke(settings, "trigger", "list", "--json")
    shown = invoke(settings, "trigger", "show", "odd", "--json")
    said = [invoke(settings, "trigger", *words).exit_code for words in (["list"], ["show", "odd"])]
    fired = invoke(settings, "trigger", "send", "odd")

    assert (listed.exit_code, shown.exit_code, said) == (0, 0, [0, 0]), shown.exception
    assert isinstance(fired.exception, SystemExit)
    assert "no response" in fired.stderr
    assert json.loads(listed.stdout)[0]["created_at"] is None
    assert json.loads(shown.stdout)["executions"][0]["completed_at"] is None


@pytest.mark.parametrize("number", range(3))
def test_what_is_a_time_in_another_form_is_read(database: Database, kind: str, number: int) -> None:
    factories.trigger(database)
    spoil(database, "triggers", READABLE[kind][number % len(READABLE[kind])])

    with database.reading() as connection:
        (row,) = queries.all_triggers(connection)

    assert (row.created_at, row.updated_at) == (NOON, NOON)


def test_each_unreadable_value_is_warned_of_once(
    database: Database, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        factories.trigger(database)
    spoil(database, "triggers", UNREADABLE[kind][1])

    with database.reading() as connection:
        queries.all_triggers(connection)
        queries.all_triggers(connection)

    warned = [record for record in caplog.records if record.message == "unreadable_time"]
    assert [record.levelname for record in warned] == ["WARNING"]


def test_a_trigger_with_unreadable_times_receives_and_its_executions_run(
    database: Database,
    settings: Settings,
    intake: Intake,
    kind: str,
    write_script: WriteScript,
) -> None:
    trigger_id = factories.trigger(database, action_payload=write_script("true"))
    spoil(database, "triggers", UNREADABLE[kind][1])
    received = receive(factories.request(samples.json_request("custom", {}), trigger_id), intake)
    begun = ("started_at", "last_replay_at")
    spoil(database, "trigger_executions", UNREADABLE[kind][1], columns=begun)

    attempts = Worker(database, settings).run_once()

    (row,) = factories.executions(database)
    assert (received.status, attempts, row.status, row.started_at) == (200, 1, "completed", None)
    assert row.completed_at is not None


def test_an_old_secret_without_a_readable_end_is_no_secret(
    database: Database, intake: Intake, kind: str
) -> None:
    trigger_id = factories.trigger(database)
    manage.rotate_secret(database, str(trigger_id), 3600.0)
    column = "previous_secret_expires_at"
    with database.writing() as connection:
        connection.exec_driver_sql(f"UPDATE triggers SET {column} = '{UNREADABLE[kind][0]}'")

    found = intake.triggers.find(str(trigger_id))

    assert found is not None
    assert found.previous_secret_expires_at is None


def test_a_time_is_stored_as_it_always_was(database: Database, kind: str) -> None:
    factories.trigger(database, created_at=NOON, updated_at=NOON.replace(microsecond=5))
    factories.execution(database, 1, "completed", completed_at=NOON)
    texts = [sa.cast(c, sa.Text) for c in (triggers.c.created_at, triggers.c.updated_at)]

    with database.reading() as connection:
        stored = connection.execute(sa.select(*texts)).one()
        same = sa.select(trigger_executions.c.id).where(trigger_executions.c.completed_at == NOON)
        found = connection.execute(same).all()

    whole = "2024-02-29 12:00:00.000000" if kind == "sqlite" else "2024-02-29 12:00:00"
    assert tuple(stored) == (whole, "2024-02-29 12:00:00.000005")
    assert len(found) == 1
