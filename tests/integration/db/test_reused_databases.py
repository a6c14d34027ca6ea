"""A PostgreSQL database in which a test left more than rows is not given to another test."""

import pytest

from tests.support.databases import Databases
from tests.support.schema_dump import execute

TABLE = "execution_attempts"
FUNCTION = "CREATE FUNCTION f() RETURNS {} LANGUAGE plpgsql AS 'BEGIN END'"
OF_THIS_DATABASE = (
    "DO $$ BEGIN EXECUTE '{} DATABASE ' || quote_ident(current_database()) || ' {}'; END $$".format
)
LEFT = {
    "grant on a table": f"GRANT SELECT ON {TABLE} TO pg_monitor",
    "grant on a column": f"GRANT SELECT (worker) ON {TABLE} TO pg_monitor",
    "grant on the schema": "GRANT CREATE ON SCHEMA public TO pg_monitor",
    "grant on the database": OF_THIS_DATABASE("GRANT CREATE ON", "TO pg_monitor"),
    "default privileges": "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO pg_monitor",
    "comment on a table": f"COMMENT ON TABLE {TABLE} IS 'theirs'",
    "comment on a column": f"COMMENT ON COLUMN {TABLE}.worker IS 'theirs'",
    "comment on the database": OF_THIS_DATABASE("COMMENT ON", "IS ''theirs''"),
    "publication of a table": f"CREATE PUBLICATION theirs FOR TABLE {TABLE}",
    "publication of all tables": "CREATE PUBLICATION theirs FOR ALL TABLES",
    "statistics": f"CREATE STATISTICS theirs ON worker, number FROM {TABLE}",
    "target of statistics": f"ALTER TABLE {TABLE} ALTER worker SET STATISTICS 7",
    "function": FUNCTION.format("trigger"),
    "database trigger that is off": f"ALTER TABLE {TABLE} DISABLE TRIGGER ALL",
    "event trigger": f"{FUNCTION.format('event_trigger')};"
    "CREATE EVENT TRIGGER theirs ON ddl_command_start WHEN TAG IN ('CREATE CAST')"
    " EXECUTE FUNCTION f()",
    "policy": f"CREATE POLICY theirs ON {TABLE} USING (true)",
    "row level security": f"ALTER TABLE {TABLE} ENABLE ROW LEVEL SECURITY",
    "rule": f"CREATE RULE theirs AS ON DELETE TO {TABLE} DO INSTEAD NOTHING",
    "view": f"CREATE VIEW theirs AS SELECT worker FROM {TABLE}",
    "table elsewhere": "CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.theirs (id integer)",
    "domain": "CREATE DOMAIN theirs AS text",
    "enumeration": "CREATE TYPE theirs AS ENUM ('a')",
    "default": f"ALTER TABLE {TABLE} ALTER worker SET DEFAULT 'theirs'",
    "option of storage": f"ALTER TABLE {TABLE} SET (autovacuum_enabled = off)",
    "replica identity": f"ALTER TABLE {TABLE} REPLICA IDENTITY FULL",
    "step of a sequence": f"ALTER SEQUENCE {TABLE}_id_seq INCREMENT 2",
    "setting of the database": OF_THIS_DATABASE("ALTER", "SET work_mem = ''3MB''"),
}


@pytest.mark.parametrize("statement", LEFT.values(), ids=LEFT)
def test_a_database_with_an_object_of_a_test_is_used_no_more(
    databases: Databases, statement: str
) -> None:
    with databases.at_head("postgresql") as url:
        execute(url, statement)

    with databases.at_head("postgresql") as another:
        assert another != url


def test_a_database_with_rows_of_a_test_is_used_again(databases: Databases) -> None:
    with databases.at_head("postgresql") as url:
        execute(url, "INSERT INTO triggers (name, slug, action_type) VALUES ('n', 's', 'noop')")

    with databases.at_head("postgresql") as same:
        assert same == url
        assert execute(same, "SELECT count(*) FROM triggers") == [(0,)]
