"""Open a database that may not be ours yet, so that nothing in it can change."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import NullPool

from app.db.engine import create_engine
from app.db.errors import translated_errors
from app.errors import NoDatabase
from app.settings import Settings


@contextmanager
def connection(settings: Settings) -> Iterator[Connection]:
    """Open a connection that only reads, and close it with its engine.

    Our usual connection to SQLite would switch the file to WAL, which its owner may not expect.
    Raises NoDatabase for a file that does not exist, or DatabaseUnavailable.
    """
    engine = _sqlite(settings) if settings.embedded else _postgresql(settings)
    try:
        with translated_errors(), engine.connect() as opened:
            yield opened
    finally:
        engine.dispose()


def _sqlite(settings: Settings) -> Engine:
    path = Path(sa.make_url(settings.database_url).database or "")
    if not path.exists():
        raise NoDatabase(f"there is no database {path}")
    address = f"sqlite:///file:{quote(str(path.absolute()))}?mode=ro&uri=true"
    engine = sa.create_engine(address, poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def _read_invalid_text(opened: Any, _record: object) -> None:
        opened.text_factory = lambda value: value.decode("utf-8", "replace")

    return engine


def _postgresql(settings: Settings) -> Engine:
    engine = create_engine(settings)

    @event.listens_for(engine, "connect")
    def _forbid_writes(opened: Any, _record: object) -> None:
        opened.read_only = True  # of each transaction: a session may be another client's next

    return engine
