"""Read what really happened: the rows of the database, and the lines that scripts wrote."""

from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from app.db import Database
from app.db.models import execution_attempts, trigger_executions
from app.lifecycle import COMPLETED, UNFINISHED
from app.triggers import manage
from tests.support.service import Gunicorn, until
from tests.support.socket_sender import Sender

RAN = "ran"
"""The file to which a script appends one line per run."""
WRITE_DOWN = f'printf "%s\\n" "$HOOKONCE_EXECUTION_ID" >> {RAN}'


@dataclass(frozen=True, slots=True)
class Ledger:
    """The database and the scripts directory of one test."""

    database: Database
    directory: Path

    def trigger(self, name: str = "orders", script: str = WRITE_DOWN) -> sa.Row[Any]:
        """Create a trigger whose action is a shell script with this text."""
        path = self.directory / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        new = manage.NewTrigger(name=name, action_payload=name)
        return manage.add_trigger(self.database, new)

    def sender(self, gunicorn: Gunicorn, name: str = "orders", script: str = WRITE_DOWN) -> Sender:
        """Return a sender to a new trigger with this script."""
        trigger = self.trigger(name, script)
        return Sender(gunicorn.port, trigger.id, trigger.secret)

    def execute(self, *statements: str) -> None:
        """Run the statements in one transaction."""
        with self.database.writing() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def executions(self) -> list[sa.Row[Any]]:
        """Return all executions, oldest first."""
        query = sa.select(trigger_executions).order_by(trigger_executions.c.id)
        with self.database.reading() as connection:
            return list(connection.execute(query).all())

    def attempts(self) -> list[sa.Row[Any]]:
        """Return all attempts, oldest first."""
        query = sa.select(execution_attempts).order_by(execution_attempts.c.id)
        with self.database.reading() as connection:
            return list(connection.execute(query).all())

    def count(self) -> int:
        """Return the number of executions."""
        return len(self.executions())

    def rows_by_key(self) -> Counter[str]:
        """Return the number of executions of each key."""
        return Counter(row.idempotency_key for row in self.executions())

    def id_of(self, key: str) -> int:
        """Return the id of the execution with this key."""
        return int(next(row.id for row in self.executions() if row.idempotency_key == key))

    def runs(self) -> Counter[int]:
        """Return the number of runs of each execution's script."""
        path = self.directory / RAN
        return Counter(map(int, path.read_text().split())) if path.exists() else Counter()

    def wait_until_done(self, key: str | None = None) -> None:
        """Return once the key's execution, or all executions, are finished.

        A long backlog has no deadline as long as some status changes before the usual deadline.
        """
        while (waiting := self._statuses(key)).keys() & set(UNFINISHED) or not waiting:
            until(partial(self._moved_on, key, waiting), f"{key or 'everything'} done: {waiting}")

    def _moved_on(self, key: str | None, since: dict[str, int]) -> bool:
        return self._statuses(key) != since

    def _statuses(self, key: str | None) -> dict[str, int]:
        """Return the number of executions in each status, of this key or of all."""
        columns = trigger_executions.c
        query = sa.select(columns.status, sa.func.count().label("number")).group_by(columns.status)
        if key is not None:
            query = query.where(columns.idempotency_key == key)
        with self.database.reading() as connection:
            return {row.status: row.number for row in connection.execute(query)}

    def all_completed(self) -> bool:
        """Return True if every execution has succeeded."""
        return all(row.status == COMPLETED for row in self.executions())
