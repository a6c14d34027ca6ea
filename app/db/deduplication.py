"""Watch uq_trigger_idem, the unique index that keeps duplicates out.

Without it every event seems to be received well, and the duplicates among them are admitted again.
"""

import logging
import threading
from collections.abc import Collection
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import log
from app.db import index_definition
from app.db.errors import IDEMPOTENCY_INDEX
from app.db.index_definition import IndexDefinition
from app.db.models import trigger_executions
from app.db.table_metadata import condition_of
from app.installation import migration_command

BEFORE_REPLAYS = "idempotency_key IS NOT NULL"
"""Predicate of the index before the revision that introduced replays; it admits no more."""

logger = logging.getLogger("hookonce.deduplication")

_INDEX = next(each for each in trigger_executions.indexes if each.name == IDEMPOTENCY_INDEX)
_VERSION_SQLITE = sa.text("PRAGMA schema_version")


class IndexState(NamedTuple):
    """The state of the unique index at one moment."""

    fault: str | None = None
    """Words that say how the index differs from its definition; None if it keeps duplicates out."""
    version: int = 0
    """Number that any change of the index changes: its OID; on SQLite the file's schema version."""


def definition() -> IndexDefinition:
    """Return the definition that the index has at head."""
    return IndexDefinition(
        IDEMPOTENCY_INDEX,
        trigger_executions.name,
        tuple(_INDEX.columns.keys()),
        unique=True,
        where=condition_of(_INDEX),
    )


def read(connection: Connection, also_where: Collection[str] = ()) -> IndexState:
    """Return the state of the index; predicates of `also_where` are accepted too.

    The version is read before the rest: a change in between makes the state outdated, which the
    next insert finds out.
    """
    version = None
    if connection.dialect.name == "sqlite":
        version = int(connection.execute(_VERSION_SQLITE).scalar_one())
    wanted = definition()
    existing = index_definition.find(connection, wanted.name, wanted.table)
    if version is None:
        version = existing.identity if existing else 0
    return IndexState(index_definition.fault(existing, wanted, also_where), version)


def explanation(fault: str) -> str:
    """Return one sentence with the fault, its consequence, and the command that mends it."""
    return (
        f"the unique index {IDEMPOTENCY_INDEX} {fault}: duplicates would be admitted; "
        f"run `{migration_command('upgrade head')}`, which builds it again"
    )


class IndexAlarm:
    """The last known fault of the unique index in this process; a change of it is logged once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fault: str | None = None

    def note(self, fault: str | None) -> None:
        """Log that deduplication was lost or restored, if that is news.

        Everything that is to notify a person of it starts here.
        """
        with self._lock:
            before, self._fault = self._fault, fault
        if fault is not None and fault != before:
            detail = explanation(fault)
            log.event(logger, logging.CRITICAL, "deduplication_lost", detail=detail)
        if fault is None and before is not None:
            log.event(logger, logging.WARNING, "deduplication_restored", index=IDEMPOTENCY_INDEX)
