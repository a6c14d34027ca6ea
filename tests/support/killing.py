"""A migrator in a process of its own that kills itself at a point one can count to.

A point is a moment before or after a statement that changes something, or before a commit. Reads
are left out: a death during a read leaves what a death after the last change left.
"""

import multiprocessing
import os
import re
import signal
import sys

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from tests.support.databases import migrate

_READS = re.compile(r"\s*(SELECT|PRAGMA|SHOW|EXPLAIN|SET|BEGIN)\b(?!.*pg_advisory)", re.I | re.S)
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["tests.support.killing", "psycopg", "sqlite3"])


def killed_at(point: int, url: str, to: str, *, down: bool) -> bool:
    """Whether the migration died there; False if it was done before it came to the point."""
    process = _forks.Process(target=_migrate_until, args=(point, url, to, down))
    process.start()
    process.join(60)
    assert process.exitcode in (0, -signal.SIGKILL), process.exitcode
    return process.exitcode != 0


def _migrate_until(point: int, url: str, to: str, down: bool) -> None:
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115, open until the process dies
    left = point

    def passed(*_: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def at_statement(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not _READS.match(statement):
            passed()

    sa.event.listen(Engine, "before_cursor_execute", at_statement)
    sa.event.listen(Engine, "after_cursor_execute", at_statement)
    sa.event.listen(Engine, "commit", passed)
    migrate(url, to=to, down=down)
