"""Find rows of SQLite that a step left without their parent: it migrates with foreign keys off."""

import re
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection

from app.db.migration_ops.rehearsal import NAME_PREFIX

_REMOVES = re.compile(
    r"\s*(?:(?P<unknown>WITH)\b|UPDATE \"?(?P<updated>\w+)\"? SET (?:trigger_id|execution_id)\b|"
    r"(?:INSERT(?: OR \w+)?|(?P<replaces>REPLACE)) INTO \"?(?P<inserted>\w+)|"
    r"(?:DELETE FROM|DROP TABLE(?: IF EXISTS)?) \"?(?P<removed>\w+))",
    re.IGNORECASE,
)
"""Statements after which a row may have no parent; `DROP TABLE /* empty */` is none of them."""
_RENAMES = re.compile(r"\s*ALTER TABLE \"?(\w+)\"? RENAME TO \"?(\w+)", re.IGNORECASE)
_CHILDREN = """
    SELECT m.name FROM sqlite_master AS m, pragma_foreign_key_list(m.name) AS f
    WHERE m.type = 'table' AND f."table" = ? COLLATE NOCASE"""

_TAKEN_BACK = "hookonce_taken_back"
"""Execution option of a connection whose statements a rollback takes back."""


def counts(connection: Connection, tables: Collection[str]) -> Counter[str]:
    """Count the rows without their parent in each of these tables.

    PostgreSQL always checks its foreign keys, so it has none.
    """
    if connection.dialect.name != "sqlite":
        return Counter()
    driver = _driver(connection)  # without a BEGIN of ours
    pragmas = [f'PRAGMA foreign_key_check("{each}")' for each in _table_names(driver) & {*tables}]
    return Counter(row[0] for pragma in pragmas for row in driver.execute(pragma).fetchall())


@contextmanager
def noting_children(connection: Connection) -> Iterator[Counter[str]]:
    """Note the tables in which statements of the block may leave rows without their parent.

    Each is noted with the number of such rows before the first of these statements. A check reads
    every row of a table, about a second per million rows: only those tables are checked that refer
    to one from which rows are removed.
    """
    before: Counter[str] = Counter()

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if connection.get_execution_options().get(_TAKEN_BACK):
            return
        renamed = _RENAMES.match(statement)
        match = _REMOVES.match(statement)
        if renamed is not None and renamed[1] in before:
            before[renamed[2]] = before[renamed[1]]
        new = set() if match is None else _affected(_driver(connection), match) - before.keys()
        if new:
            before.update(dict.fromkeys(new, 0))
            before.update(counts(connection, new))

    if connection.dialect.name != "sqlite":
        yield before
        return
    event.listen(connection, "before_cursor_execute", note)
    try:
        yield before
    finally:
        event.remove(connection, "before_cursor_execute", note)


@contextmanager
def all_taken_back(connection: Connection) -> Iterator[None]:
    """Note nothing in the block: a rollback at its end takes back what its statements did."""
    connection.execution_options(**{_TAKEN_BACK: True})
    try:
        yield
    finally:
        connection.execution_options(**{_TAKEN_BACK: False})


def more(connection: Connection, before: Counter[str]) -> int:
    """Return the number of rows that lost their parent since the noted ones were counted."""
    return (counts(connection, before) - before).total() if before else 0


def _affected(driver: Any, match: re.Match[str]) -> set[str]:
    if match["unknown"]:
        return _table_names(driver)
    written = filter(None, (match["updated"], match["inserted"]))
    own = {name for name in written if not name.startswith(NAME_PREFIX)}  # a copy has the same rows
    replaces = match["replaces"] or " OR REPLACE" in match[0].upper()
    parent = match["removed"] or (match["inserted"] if replaces else None)
    return own | {name for (name,) in driver.execute(_CHILDREN, (parent,)).fetchall()}


def _table_names(driver: Any) -> set[str]:
    rows = driver.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    return {name for (name,) in rows.fetchall()}


def _driver(connection: Connection) -> Any:
    driver = connection.connection.driver_connection
    assert driver is not None  # noqa: S101, for the type checker: the connection is open
    return driver
