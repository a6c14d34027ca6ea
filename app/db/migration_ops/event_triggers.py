"""Name an event trigger of PostgreSQL that refuses what a migration does, before any change."""
# ruff: noqa: S608, the names in these statements are our own, or the database's and quoted

import re
from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.engine import Connection

from app.db.errors import is_lock_refused
from app.db.migration_ops.plugin import table_names
from app.db.models import metadata

_NAME = "_hookonce_trial"
_TRIAL = f"""
    CREATE TABLE {_NAME} (id bigint PRIMARY KEY, name text);
    CREATE TABLE {_NAME}_copy AS SELECT * FROM {_NAME};
    CREATE UNIQUE INDEX {_NAME}_index ON {_NAME} (name);
    ALTER INDEX {_NAME}_index RENAME TO {_NAME}_renamed;
    ALTER TABLE {_NAME} ADD COLUMN more integer DEFAULT 0 NOT NULL;
    ALTER TABLE {_NAME} ADD CONSTRAINT {_NAME}_check CHECK (more > 0) NOT VALID;
    ALTER TABLE {_NAME} DROP CONSTRAINT {_NAME}_check;
    ALTER TABLE {_NAME} RENAME COLUMN more TO less;
    ALTER TABLE {_NAME} DROP COLUMN less;
    CREATE FUNCTION {_NAME}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER {_NAME} BEFORE INSERT ON {_NAME} FOR EACH ROW EXECUTE FUNCTION {_NAME}();
    DROP TRIGGER {_NAME} ON {_NAME};
    DROP FUNCTION {_NAME}();
    CREATE VIEW {_NAME}_view AS SELECT name FROM {_NAME};
    GRANT SELECT ON {_NAME} TO CURRENT_USER;
    DROP VIEW {_NAME}_view;
    DROP INDEX {_NAME}_renamed;
    ALTER TABLE {_NAME} RENAME TO {_NAME}_table;
    DROP TABLE {_NAME}_table, {_NAME}_copy"""
"""One statement of each kind that revisions have."""
_TRIAL_OF_TABLE = f"""
    ALTER TABLE {{0}} ADD COLUMN {_NAME} integer;
    ALTER TABLE {{0}} RENAME COLUMN {_NAME} TO {_NAME}_renamed;
    ALTER TABLE {{0}} DROP COLUMN {_NAME}_renamed"""
_ENABLED = """
    SELECT quote_ident(evtname) AS name, proname
    FROM pg_event_trigger JOIN pg_proc AS p ON p.oid = evtfoid
    WHERE evtenabled <> 'D' AND evtevent <> 'login' AND NOT EXISTS (
        SELECT FROM pg_depend AS d WHERE d.classid = 'pg_event_trigger'::regclass
        AND d.objid = pg_event_trigger.oid AND d.deptype = 'e')
    ORDER BY evtname"""
"""Event triggers of people; one of an extension, such as Citus, follows what is done."""


def refusing(connection: Connection) -> Iterator[str]:
    """Yield a sentence for each event trigger that refuses a statement of a migration.

    The statements are tried, and taken back, only where there is an event trigger at all: most
    merely log. One may refuse changes of some tables alone, so ours are changed for a moment too.
    """
    if not connection.execute(sa.text(_ENABLED)).first():
        return
    ours = sorted(metadata.tables.keys() & table_names(connection))
    told = set[str]()
    for statements in [_TRIAL, *map(_TRIAL_OF_TABLE.format, ours)]:
        words = _refusal(connection, statements)
        for name in named_in(connection, words):
            if name not in told:
                yield (
                    f"the event trigger {name} refuses statements of a migration "
                    f"({words.partition(chr(10))[0]}): {remedy(name)} the migration"
                )
            told.add(name)


def named_in(connection: Connection, words: str) -> list[str]:
    """Return the event triggers whose function the database names in an error's words."""
    enabled = connection.execute(sa.text(_ENABLED)).all()
    return [each.name for each in enabled if re.search(rf"\b{re.escape(each.proname)}\"?\(", words)]


def remedy(name: str) -> str:
    """Return the sentence that tells how to let statements pass; the caller ends it."""
    return (
        f"run `ALTER EVENT TRIGGER {name} DISABLE;`, and `ALTER EVENT TRIGGER {name} ENABLE;` after"
    )


def _refusal(connection: Connection, statements: str) -> str:
    """Execute the statements and take them back; return what the database said against one."""
    with connection.begin_nested() as savepoint:
        try:
            for statement in statements.split(";\n"):
                connection.exec_driver_sql(statement)
        except exc.DBAPIError as error:
            if is_lock_refused(error):
                raise
            return str(error.orig)
        finally:
            savepoint.rollback()
    return ""
