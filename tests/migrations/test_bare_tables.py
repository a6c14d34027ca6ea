"""An empty table of ours goes with an adopted database only if it has nothing of somebody else."""

import pytest

from app.db import Database
from app.db.migration_ops.bare_tables import is_bare
from app.db.models import metadata
from tests.support import found_databases as found
from tests.support.databases import migrate
from tests.support.schema_dump import execute, schema

LEVEL = "0004"
TABLE = "execution_attempts"
STASH = f"_stash_{LEVEL}_{TABLE}"
ON_BOTH = {
    "an index": [f"CREATE INDEX theirs ON {TABLE} (worker)"],
    "a view": [f"CREATE VIEW theirs AS SELECT worker FROM {TABLE}"],
    "a column": [f"ALTER TABLE {TABLE} ADD COLUMN theirs TEXT"],
}
ON_SQLITE = {
    "a trigger": [f"CREATE TRIGGER theirs AFTER INSERT ON {TABLE} BEGIN SELECT 1; END"],
    "a trigger that reads it": [
        f"""CREATE TRIGGER theirs AFTER INSERT ON triggers
        BEGIN UPDATE triggers SET name = (SELECT worker FROM {TABLE}); END"""
    ],
}
FUNCTION = "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"
ON_POSTGRESQL = {
    "a trigger": [
        FUNCTION,
        f"CREATE TRIGGER theirs BEFORE INSERT ON {TABLE} FOR EACH ROW EXECUTE FUNCTION f()",
    ],
    "a policy": [f"CREATE POLICY theirs ON {TABLE} USING (true)"],
    "a rule": [f"CREATE RULE theirs AS ON DELETE TO {TABLE} DO INSTEAD NOTHING"],
    "a check": [f"ALTER TABLE {TABLE} ADD CONSTRAINT theirs CHECK (worker <> '')"],
    "a comment": [f"COMMENT ON COLUMN {TABLE}.worker IS 'theirs'"],
    "a grant": [f"GRANT SELECT ON {TABLE} TO pg_monitor"],
    "a publication": [f"CREATE PUBLICATION theirs FOR TABLE {TABLE}"],
    "statistics": [f"CREATE STATISTICS theirs ON worker, number FROM {TABLE}"],
    "a child": [f"CREATE TABLE theirs () INHERITS ({TABLE})"],
}
CASES = [
    *[(kind, name, ON_BOTH[name]) for kind in ("sqlite", "postgresql") for name in ON_BOTH],
    *[("sqlite", name, statements) for name, statements in ON_SQLITE.items()],
    *[("postgresql", name, statements) for name, statements in ON_POSTGRESQL.items()],
]


@pytest.mark.parametrize(
    ("kind", "statements"),
    [pytest.param(kind, statements, id=f"{kind}-{name}") for kind, name, statements in CASES],
)
def test_a_table_with_an_object_of_somebody_else_is_not_bare(
    database: Database, database_url: str, statements: list[str]
) -> None:
    execute(database_url, *statements)

    with database.reading() as connection:
        assert not is_bare(connection, TABLE)


def test_every_table_of_a_new_database_is_bare(database: Database) -> None:
    with database.reading() as connection:
        used = [name for name in metadata.tables if not is_bare(connection, name)]

    assert used == []


@pytest.mark.parametrize("name", ON_BOTH)
def test_an_object_of_somebody_else_stays_with_its_table(empty_url: str, name: str) -> None:
    found.make(empty_url)
    migrate(empty_url, to=LEVEL)
    execute(empty_url, *ON_BOTH[name])
    before = schema(empty_url, whole=True)

    migrate(empty_url, to="base", down=True)
    kept = execute(empty_url, f"SELECT count(*) FROM {STASH}")
    migrate(empty_url, to=LEVEL)

    assert kept == [(0,)]
    assert schema(empty_url, whole=True) == before


def test_a_table_with_nothing_to_keep_goes(empty_url: str) -> None:
    found.make(empty_url)
    before = schema(empty_url, whole=True)
    migrate(empty_url, to=LEVEL)

    migrate(empty_url, to="base", down=True)

    after = schema(empty_url, whole=True)
    assert not [line for line in after if TABLE in str(line)]
    assert [line for line in before if line not in after] == []
