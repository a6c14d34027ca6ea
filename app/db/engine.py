"""Choose the kind of database, SQLite or PostgreSQL, and make its engine."""

from typing import Any, Protocol

from sqlalchemy.engine import Engine

from app.db import sqlite
from app.db.notify import Notifier
from app.settings import Settings


class Kind(Protocol):
    """Interface of one kind of database, implemented by a module for each."""

    READING: dict[str, Any]

    def create_engine(self, settings: Settings) -> Engine:
        """Make an engine that waits for locks no longer than the settings allow."""

    def serve(self, engine: Engine, settings: Settings) -> None:
        """Prepare the engine for requests and workers; a migration goes without this."""

    def notifier(self, engine: Engine, settings: Settings) -> Notifier:
        """Return the notifier that wakes the workers."""


def kind_of(settings: Settings) -> Kind:
    """Return the kind of the database that the settings name.

    PostgreSQL's module is imported only for PostgreSQL: its driver is a seventh of what a command
    loads.
    """
    if settings.embedded:
        return sqlite
    from app.db import postgresql

    return postgresql


def create_engine(settings: Settings) -> Engine:
    """Make an engine that waits for locks no longer than the settings allow."""
    return kind_of(settings).create_engine(settings)
