"""A PostgreSQL database that cannot hold every text is refused, and fails no other event."""

import os
from collections.abc import Iterator
from unittest import mock

import psycopg
import pytest
from alembic.util import CommandError

from app import health
from app.db import Database, dialects
from app.db.schema import SchemaWatch
from app.errors import DatabaseUnavailable
from app.intake.receive import Intake, receive
from app.intake.trigger_cache import TriggerCache
from app.settings import from_environment
from tests.support import factories, samples
from tests.support.databases import Databases, migrate
from tests.support.schema_dump import execute


@pytest.fixture
def narrow_url(databases: Databases, encoding: str) -> Iterator[str]:
    """Yield the URL of an empty database with this encoding."""
    server, name = databases.server, f"narrow_{encoding.lower()}"
    options = f"TEMPLATE template0 ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'"
    execute(server.uri, f"CREATE DATABASE {name} {options}")
    yield server.uri_of(name)
    server.drop(name)


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_an_upgrade_is_refused_before_any_change(narrow_url: str, encoding: str) -> None:
    with pytest.raises(CommandError, match=f"encoding {encoding}, .* nothing was changed"):
        migrate(narrow_url)

    with psycopg.connect(narrow_url, client_encoding="utf8") as connection:
        tables = connection.execute(
            "SELECT 1 FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
    assert tables == []


@pytest.mark.parametrize("encoding", ["LATIN1"])
def test_an_event_that_the_database_cannot_hold_is_our_trouble_and_fails_no_other(
    narrow_url: str, encoding: str
) -> None:
    with mock.patch.object(dialects, "narrow_encoding", return_value=None):  # as earlier code did
        migrate(narrow_url)
    database = Database(from_environment({"DATABASE_URL": narrow_url}))
    intake = Intake(
        database, TriggerCache(database), SchemaWatch(database), now=lambda: samples.NOW
    )
    trigger_id = factories.trigger(database)

    for key in ("\N{HOOK}", "sender's \N{FISHING POLE AND FISH}"):
        event = samples.json_request("custom", {"messageId": key, "text": key})
        with pytest.raises(DatabaseUnavailable, match="encoding"):
            receive(factories.request(event, trigger_id), intake)
    event = samples.json_request("custom", {"messageId": "plain", "text": "\N{HOOK}"})
    status = receive(factories.request(event, trigger_id), intake).status
    notes = health.notes(database)
    database.dispose()

    assert status == 200
    assert execute(narrow_url, "SELECT idempotency_key FROM trigger_executions") == [("plain",)]
    assert any(encoding in note for note in notes)


def test_the_encoding_of_the_environment_does_not_matter(databases: Databases) -> None:
    with (
        databases.empty("postgresql") as url,
        mock.patch.dict(os.environ, {"PGCLIENTENCODING": "LATIN1"}),
    ):
        database = Database(from_environment({"DATABASE_URL": url}))
        with database.reading() as connection:
            echoed = connection.exec_driver_sql("SELECT %s::text", ("\N{HOOK}",)).scalar()
        database.dispose()

    assert echoed == "\N{HOOK}"
