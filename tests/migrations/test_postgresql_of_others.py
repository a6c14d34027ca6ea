"""PostgreSQL as companies set it up: roles, publications, logical replication, search paths."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg
import pytest
from alembic.util import CommandError

from tests.support import found_databases as found
from tests.support import moves
from tests.support.databases import Databases, PostgresServer, migrate
from tests.support.schema_dump import data, execute, schema
from tests.support.seeding import seed
from tests.support.thorough import THOROUGH

LOWEST = "0002" if THOROUGH else "0030"
SET_UP = """
CREATE ROLE receiver LOGIN;
CREATE SCHEMA elsewhere;
GRANT USAGE ON SCHEMA public, elsewhere TO receiver;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO receiver;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO receiver;
GRANT SELECT (payload_digest) ON trigger_executions TO PUBLIC;
CREATE PUBLICATION everything FOR ALL TABLES;
SELECT pg_create_logical_replication_slot('consumer', 'pgoutput')
"""
TRIGGER = """INSERT INTO triggers (name, slug, action_type, previous_secret)
    VALUES ('n', 's', 'noop', 'kept')"""
CHANGES = """SELECT count(*) FROM pg_logical_slot_get_binary_changes(
    'consumer', NULL, NULL, 'proto_version', '1', 'publication_names', 'everything')"""
GRANTS = """SELECT table_name, privilege_type FROM information_schema.role_table_grants
    WHERE grantee = 'receiver' UNION ALL SELECT attname, attacl::text FROM pg_attribute
    WHERE attrelid = 'trigger_executions'::regclass AND attacl IS NOT NULL"""


@pytest.fixture
def replicated_url() -> Iterator[str]:
    """A database of a server of its own, which writes what logical replication needs."""
    server = PostgresServer()
    try:
        execute(server.uri, "ALTER SYSTEM SET wal_level = logical")
        server.restart()
        yield server.create("replicated")
    finally:
        server.remove()


@dataclass
class Writer:
    """The writes of a receiver that is not the tables' owner, and their errors."""

    count: int = 0
    errors: list[str] = field(default_factory=list)


@contextmanager
def writing(url: str) -> Iterator[Writer]:
    """Insert, update and delete executions as `receiver`, in another search path."""
    writer, done = Writer(), threading.Event()
    statements = (
        "INSERT INTO public.trigger_executions (trigger_id, event_data) VALUES (1, 'x')",
        "UPDATE public.trigger_executions SET error = 'e' WHERE id = lastval()",
        "DELETE FROM public.trigger_executions WHERE error = 'e' AND id % 3 = 0",
    )

    def write() -> None:
        options = "-c search_path=elsewhere"
        with psycopg.connect(url, user="receiver", options=options, autocommit=True) as connection:
            while not done.wait(0.005):
                for statement in statements:
                    try:
                        connection.execute(statement)
                        writer.count += 1
                    except psycopg.Error as error:
                        writer.errors.append(str(error))

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield writer
    finally:
        done.set()
        thread.join(240)


def test_no_write_of_another_role_fails_and_replication_goes_on(replicated_url: str) -> None:
    migrate(replicated_url)
    execute(replicated_url, TRIGGER)
    execute(replicated_url, *SET_UP.split(";"))
    rows = data(replicated_url)["triggers"]
    grants = sorted(execute(replicated_url, GRANTS))

    with writing(replicated_url) as writer:
        migrate(replicated_url, to=LOWEST, down=True)
        below = execute(replicated_url, CHANGES)[0][0]
        migrate(replicated_url)
        above = execute(replicated_url, CHANGES)[0][0]

    assert writer.errors == []
    assert writer.count > 0
    assert min(below, above) > 0
    assert data(replicated_url)["triggers"] == rows
    assert sorted(execute(replicated_url, GRANTS)) == grants


@pytest.mark.parametrize("kind", ["postgresql"])
def test_rows_that_a_policy_hides_from_the_owner_are_not_lost(
    databases: Databases, empty_url: str
) -> None:
    databases.server.execute(
        "DO $$ BEGIN CREATE ROLE owner_of_rows LOGIN; "
        "EXCEPTION WHEN duplicate_object THEN NULL; END $$"
    )
    execute(empty_url, "GRANT ALL ON SCHEMA public TO owner_of_rows")
    url = empty_url.replace("postgres@", "owner_of_rows@")
    found.make(url)
    migrate(url, to="0003")
    execute(
        url,
        "UPDATE trigger_executions SET lease_owner = 'w' || id",
        "CREATE POLICY granted ON trigger_executions USING (true)",
        "CREATE POLICY visible ON trigger_executions AS RESTRICTIVE USING (id < 8)",
        "ALTER TABLE trigger_executions ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE trigger_executions FORCE ROW LEVEL SECURITY",
    )
    before = schema(empty_url, whole=True), data(empty_url, whole=True)

    for to, down in (("base", True), ("0004", False)):
        with pytest.raises(CommandError, match="nothing was changed") as refusal:
            migrate(url, to=to, down=down)
        assert (schema(empty_url, whole=True), data(empty_url, whole=True)) == before
    execute(url, *str(refusal.value).split("`")[1].rstrip(";").split("; "))
    migrate(url, to="base", down=True)
    migrate(url, to="0003")

    assert data(empty_url)["trigger_executions"] == before[1]["trigger_executions"]


@pytest.mark.parametrize("kind", ["postgresql"])
@pytest.mark.parametrize("name", ["Events", 'a "name" of 100 %s: odd'])
def test_the_schema_may_have_any_name(databases: Databases, empty_url: str, name: str) -> None:
    in_schema_of_name(empty_url, name)
    migrate(empty_url)
    seed(empty_url)
    rows, tables = data(empty_url), schema(empty_url)

    migrate(empty_url, to="base", down=True)
    migrate(empty_url)

    assert (data(empty_url), schema(empty_url)) == (rows, tables)
    content = moves.content(empty_url)
    with databases.at_head("sqlite") as target:
        moves.moved(empty_url, target)
        assert moves.content(target) == content


@pytest.mark.parametrize("kind", ["postgresql"])
def test_a_database_that_takes_no_writes_is_called_that(empty_url: str) -> None:
    migrate(empty_url, to="0002")
    name = execute(empty_url, "SELECT current_database()")[0][0]
    execute(empty_url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")

    for to, down in (("head", False), ("0001", True)):
        with pytest.raises(CommandError, match=r"^the database takes no writes, as a standby"):
            migrate(empty_url, to=to, down=down)


@pytest.mark.parametrize("kind", ["postgresql"])
def test_a_migration_goes_on_beside_writers_where_transactions_are_serializable(
    empty_url: str,
) -> None:
    found.make(empty_url)
    name = execute(empty_url, "SELECT current_database()")[0][0]
    execute(
        empty_url,
        f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'",
        "CREATE TABLE seen (isolation text)",
        """CREATE FUNCTION seeing() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN INSERT INTO seen SELECT current_setting(''transaction_isolation''); RETURN NULL; END'
        """,
        """CREATE TRIGGER t AFTER UPDATE ON trigger_executions
        FOR EACH STATEMENT EXECUTE FUNCTION seeing()""",
    )

    migrate(empty_url, to="0003")

    assert set(execute(empty_url, "SELECT isolation FROM seen")) == {("read committed",)}


def in_schema_of_name(url: str, name: str) -> None:
    """Let new sessions find their tables in a new schema."""
    schema_name = '"{}"'.format(name.replace('"', '""'))
    database = execute(url, "SELECT current_database()")[0][0]
    execute(
        url,
        f"CREATE SCHEMA {schema_name}",
        f"ALTER DATABASE {database} SET search_path = {schema_name}",
    )
