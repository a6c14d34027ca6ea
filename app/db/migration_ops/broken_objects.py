"""Set broken views and triggers of a SQLite file aside while a revision changes its tables.

SQLite checks every view and trigger of the file when a table or column is renamed or dropped: one
that names a missing table, of whatever program, would stop each migration. So would an index by a
collation that only its own program has. That one could not be made again: it is disregarded.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.engine import Connection

from app.db.migration_ops.sqlite_catalog import quoted
from app.log import event

PROBE = "_hookonce_alter_probe"
"""Name of an empty table that exists inside one savepoint only."""
_STATEMENTS = "hookonce_set_aside"
"""Key of a connection's `info` for the CREATE statements of what is set aside."""
_BROKEN = re.compile(r"^error in (?:view|trigger) (.+?): ", re.DOTALL)
_UNKNOWN_COLLATION = re.compile(r"^error in index .*: no such collation sequence: ", re.DOTALL)
_MADE_BY = sa.text(
    "SELECT type, name, sql FROM sqlite_master WHERE name = :name OR "
    "(type = 'trigger' AND tbl_name = :name) ORDER BY type DESC"
)

log = logging.getLogger("hookonce.migrate")


@contextmanager
def set_aside(connection: Connection) -> Iterator[None]:
    """Drop what is broken already, and create it again after the block, in one transaction."""
    outer, statements = connection.info.get(_STATEMENTS, ()), list[str]()
    connection.info[_STATEMENTS] = statements
    while (name := _broken_object(connection)) is not None:
        objects = connection.execute(_MADE_BY, {"name": name}).all()
        if not objects:
            break
        event(log, logging.WARNING, "broken_object_set_aside", kind=objects[0].type, object=name)
        statements += [each.sql for each in objects]
        connection.exec_driver_sql(f"DROP {objects[0].type} {quoted(name)}")
    try:
        yield
        put_back(connection)
        connection.exec_driver_sql("PRAGMA writable_schema = OFF")
    finally:
        connection.info[_STATEMENTS] = outer


def put_back(connection: Connection) -> None:
    """Create again what was set aside."""
    for statement in connection.info.get(_STATEMENTS, ()):
        connection.exec_driver_sql(statement)


def _broken_object(connection: Connection) -> str | None:
    """Return the name of a view or trigger that stops SQLite's ALTER; None if there is none.

    SQLite itself disregards what is broken while its catalog may be written.
    """
    savepoint = connection.begin_nested()
    try:
        connection.exec_driver_sql(f"CREATE TABLE {PROBE} (a)")
        connection.exec_driver_sql(f"ALTER TABLE {PROBE} RENAME COLUMN a TO b")
    except exc.DBAPIError as error:
        if _UNKNOWN_COLLATION.match(str(error.orig)):
            connection.exec_driver_sql("PRAGMA writable_schema = ON")
        found = _BROKEN.match(str(error.orig))
        return found[1] if found else None
    finally:
        savepoint.rollback()
    return None
