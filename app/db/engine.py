"""Which of the two databases it is, and its engine."""

from typing import Any, Protocol

from sqlalchemy.engine import Engine

from app.db import sqlite
from app.db.notify import Notifier
from app.settings import Settings


class Kind(Protocol):
    """What is different for each kind of database."""

    READING: dict[str, Any]

    def create_engine(self, settings: Settings) -> Engine:
        """An engine that waits for locks no longer than the settings allow."""

    def serve(self, engine: Engine, settings: Settings) -> None:
        """From now on it serves requests and workers, and not a migration."""

    def notifier(self, engine: Engine) -> Notifier:
        """How workers are woken."""


def kind_of(settings: Settings) -> Kind:
    """The kind that the settings name.

    PostgreSQL's is loaded where it is used: its driver is a seventh of what a command loads.
    """
    if settings.embedded:
        return sqlite
    from app.db import postgresql

    return postgresql


def create_engine(settings: Settings) -> Engine:
    """An engine that waits for locks no longer than the settings allow."""
    return kind_of(settings).create_engine(settings)
