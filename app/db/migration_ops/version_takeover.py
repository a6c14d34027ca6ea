"""Move our revision from `alembic_version`, where earlier releases kept it, to our own table.

`alembic_version` becomes a view of ours, so that receivers and workers of an earlier release keep
running until they are replaced. It is dropped at base; any other `alembic_version` is not touched.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from sqlalchemy.engine import Connection

from app.db.version_table import EARLIER, NAME, created_column, in_use

_CREATE_VIEW = f"CREATE VIEW {EARLIER} AS SELECT version_num FROM {NAME}"  # noqa: S608, our names
_RENAME = f"""
    DROP TABLE IF EXISTS {NAME};
    ALTER TABLE {EARLIER} RENAME TO {NAME};
    ALTER INDEX IF EXISTS {EARLIER}_pkc RENAME TO {NAME}_pkc;
    {_CREATE_VIEW};
    FOR each IN SELECT DISTINCT coalesce(quote_ident(r.rolname), 'PUBLIC') AS reader
        FROM pg_class AS c CROSS JOIN aclexplode(c.relacl) AS a
        LEFT JOIN pg_roles AS r ON r.oid = a.grantee
        WHERE c.oid = '{NAME}'::regclass AND a.privilege_type = 'SELECT'
    LOOP EXECUTE 'GRANT SELECT ON {EARLIER} TO ' || each.reader; END LOOP;"""  # noqa: S608, our names
"""The table keeps its owner and grants; a role that may read it may read the view."""
_ON_POSTGRESQL = f"DO $$ DECLARE each record; BEGIN {_RENAME} END $$"
_ON_SQLITE = (
    f"DROP TABLE IF EXISTS {NAME}",
    f"CREATE TABLE {NAME} (version_num VARCHAR(32) CONSTRAINT {NAME}_pkc PRIMARY KEY NOT NULL)",
    f"INSERT INTO {NAME} SELECT version_num FROM {EARLIER}",  # noqa: S608, our own names
    f"DROP TABLE {EARLIER}",
    _CREATE_VIEW,
)
"""Not ALTER TABLE ... RENAME, which fails if any view in the file is broken."""


def take_over(connection: Connection, history: Sequence[str]) -> None:
    """Give our revision the table of its own, if an earlier release kept it elsewhere."""
    if in_use(connection, history) == EARLIER:
        postgresql = connection.dialect.name == "postgresql"
        for statement in (_ON_POSTGRESQL,) if postgresql else _ON_SQLITE:
            connection.exec_driver_sql(statement)
    connection.commit()


def refuse_other_revision(start: str | None) -> str:
    """Return the refusal of a script that begins at `start` in a database at another revision.

    An earlier release kept the revision in its own table, which is read only beside our tables.
    """
    wanted, shown = ("NULL", "base") if start is None else (f"'{start}'", start)
    return f"""DO $$ DECLARE current text; BEGIN
    IF to_regclass('{NAME}') IS NOT NULL THEN
        SELECT string_agg(version_num, ' and ') INTO current FROM {NAME}; END IF;
    IF current IS NULL AND {_has_column(EARLIER, "version_num")} AND {_is_earlier(start)} THEN
        SELECT version_num INTO current FROM {EARLIER} WHERE version_num ~ '^[0-9]{{4}}$'; END IF;
    IF current IS DISTINCT FROM {wanted} THEN RAISE EXCEPTION USING MESSAGE =
        'this script begins at {shown}, and the database is at ' || coalesce(current, 'base')
        || ': write the script again from there; nothing was changed'; END IF; END $$"""  # noqa: S608, our own names


def take_over_offline(revision: str) -> str:
    """Return the statement with which a script gives `revision` the table of its own."""
    return f"""DO $$ DECLARE each record; BEGIN
    IF to_regclass('{NAME}') IS NULL AND {_is_earlier(revision)} THEN {_RENAME} END IF; END $$"""


def _is_earlier(revision: str | None) -> str:
    """Return the condition that a database without our version table is at this revision."""
    return "false" if revision is None else _has_column(*created_column(revision))


def _has_column(table: str, column: str) -> str:
    return (
        f"EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('{table}') "
        f"AND attname = '{column}' AND NOT attisdropped)"
    )


DROP_VIEW_AT_BASE_OFFLINE = f"""DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_views WHERE schemaname = current_schema() AND viewname = '{EARLIER}'
        AND strpos(definition, '{NAME}') > 0) AND NOT EXISTS (SELECT FROM {NAME})
    THEN DROP VIEW {EARLIER}; END IF; END $$"""  # noqa: S608, our own names


def drop_view_at_base(migration: MigrationContext) -> None:
    """Drop the view once nothing of ours is left that a process could read."""
    connection = migration.connection
    assert connection is not None  # noqa: S101, for the type checker: not offline
    inspector = sa.inspect(connection)
    if migration.get_current_heads() or EARLIER not in inspector.get_view_names():
        return
    if NAME in str(inspector.get_view_definition(EARLIER)):
        connection.exec_driver_sql(f"DROP VIEW {EARLIER}")
