"""Remove the tables and triggers that the copy of a table leaves, in short transactions."""
# ruff: noqa: S608, the names in these statements come from the catalog, and are quoted

import logging
import re
import time
from threading import Event

from sqlalchemy.engine import Connection

from app.db.migration_ops import shadow_triggers, sqlite_catalog, stopping
from app.db.migration_ops.gentle import BATCH_ROWS, brief, writing
from app.db.migration_ops.rehearsal import NAME_PREFIX
from app.db.migration_ops.sqlite_catalog import quoted
from app.log import event

log = logging.getLogger("hookonce.migrate")


def tables(connection: Connection, table: str | None = None) -> list[str]:
    """Return what is left of copies: of this table, or of all."""
    names = [
        each.name
        for each in sqlite_catalog.entries(connection)
        if each.kind == "table" and each.name.startswith(NAME_PREFIX)
    ]
    own = {NAME_PREFIX + kind + (table or "") for kind in ("", "old_", "log_", "state_")}
    stash = re.compile(rf"{NAME_PREFIX}_stash_\d{{4}}(_found)?_{re.escape(table or '')}")
    return [each for each in names if table is None or each in own or stash.fullmatch(each)]


def remove(connection: Connection, table: str | None = None) -> None:
    """Remove what is left of copies: of this table, or of all."""
    names = tables(connection, table)
    connection.commit()
    if not names:
        return
    with writing(connection):
        shadow_triggers.drop(connection, table)
    for name in names:
        event(log, logging.INFO, "table_remains_removed", table=name)
        drop_table(connection, name)


def drop_table(connection: Connection, name: str, stop: Event | None = None) -> None:
    """Empty a table in short transactions, and drop it; raise Stopped if `stop` is set."""
    _empty(connection, name, stop)
    with writing(connection):
        connection.exec_driver_sql(f"DROP TABLE {quoted(name)}")


def _empty(connection: Connection, name: str, stop: Event | None) -> None:
    """Delete all rows: DROP TABLE would read all of its pages under the lock."""
    some = f"SELECT rowid FROM {quoted(name)} ORDER BY rowid LIMIT {BATCH_ROWS}"
    delete = f"DELETE FROM {quoted(name)} WHERE rowid <= (SELECT max(rowid) FROM ({some}))"
    is_empty = False
    while not is_empty:
        stopping.require_going_on(stop)
        with brief(connection, stop) as deadline:
            is_empty = _delete_until(connection, delete, deadline)


def _delete_until(connection: Connection, delete: str, deadline: float) -> bool:
    """Delete rows until the deadline; return True if none is left."""
    while connection.exec_driver_sql(delete).rowcount:
        if time.monotonic() >= deadline:
            return False
    return True
