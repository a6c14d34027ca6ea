"""Run a migration in a process of its own that kills itself at a chosen point.

Points are counted: one before and one after each statement that changes something, and one before
each commit. Reads are not points: a kill during a read leaves the same state as a kill after the
last change.
"""

import multiprocessing
import os
import re
import signal
import sys

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from app.db.migration_ops import preparation
from tests.support.databases import migrate

_READS = re.compile(r"\s*(SELECT|PRAGMA|SHOW|EXPLAIN|SET|BEGIN)\b(?!.*pg_advisory)", re.I | re.S)
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["tests.support.killing", "psycopg", "sqlite3"])


def killed_at(point: int, url: str, to: str, *, down: bool, **x: str) -> bool:
    """Run the migration; return True if it was killed, False if it ended before the point."""
    options = (point, url, to, down, preparation.LARGE_ROWS)
    process = _forks.Process(target=_migrate_until, args=options, kwargs=x)
    process.start()
    process.join(240)
    assert process.exitcode in (0, -signal.SIGKILL), process.exitcode
    return process.exitcode != 0


def _migrate_until(point: int, url: str, to: str, down: bool, large_rows: int, **x: str) -> None:
    preparation.LARGE_ROWS = large_rows
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115, open until the process dies
    left = point

    def passed(*_: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def at_statement(
        connection: sa.Connection, _cursor: object, statement: str, *_: object
    ) -> None:
        in_memory = connection.engine.url.database is None  # a copy of the schema, for a rehearsal
        if not in_memory and not _READS.match(statement):
            passed()

    sa.event.listen(Engine, "before_cursor_execute", at_statement)
    sa.event.listen(Engine, "after_cursor_execute", at_statement)
    sa.event.listen(Engine, "commit", passed)
    migrate(url, to=to, down=down, **x)
