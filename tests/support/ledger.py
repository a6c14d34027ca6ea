"""What really happened: the rows of the database, and the lines that scripts have written."""

from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from app.db import Database
from app.db.models import execution_attempts, trigger_executions
from app.intake import sources
from app.lifecycle import COMPLETED, UNFINISHED
from app.triggers import manage
from tests.support.sender import Sender
from tests.support.service import Gunicorn, until

RAN = "ran"
"""The file to which a script adds a line for each time that it ran."""
WRITE_DOWN = f'printf "%s\\n" "$HOOKONCE_EXECUTION_ID" >> {RAN}'


@dataclass(frozen=True, slots=True)
class Ledger:
    """The database and the scripts directory of one test."""

    database: Database
    directory: Path

    def trigger(self, name: str = "orders", script: str = WRITE_DOWN) -> sa.Row[Any]:
        """A trigger whose action is a shell script with this text."""
        path = self.directory / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        new = manage.NewTrigger(name, action_payload=name)
        return manage.add_trigger(self.database, new, sources.names())

    def sender(self, gunicorn: Gunicorn, name: str = "orders", script: str = WRITE_DOWN) -> Sender:
        """Who sends to a new trigger with this script."""
        trigger = self.trigger(name, script)
        return Sender(gunicorn.port, trigger.id, trigger.secret)

    def execute(self, *statements: str) -> None:
        """Run SQL, committed at the end."""
        with self.database.writing() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def executions(self) -> list[sa.Row[Any]]:
        """Every execution, oldest first."""
        query = sa.select(trigger_executions).order_by(trigger_executions.c.id)
        with self.database.reading() as connection:
            return list(connection.execute(query).all())

    def attempts(self) -> list[sa.Row[Any]]:
        """Every attempt, oldest first."""
        query = sa.select(execution_attempts).order_by(execution_attempts.c.id)
        with self.database.reading() as connection:
            return list(connection.execute(query).all())

    def count(self) -> int:
        """How many executions there are."""
        return len(self.executions())

    def rows_by_key(self) -> Counter[str]:
        """How many executions there are of each key."""
        return Counter(row.idempotency_key for row in self.executions())

    def id_of(self, key: str) -> int:
        """The execution that the key was admitted as."""
        return int(next(row.id for row in self.executions() if row.idempotency_key == key))

    def runs(self) -> Counter[int]:
        """How often each execution's script ran."""
        path = self.directory / RAN
        return Counter(map(int, path.read_text().split())) if path.exists() else Counter()

    def wait_until_done(self, key: str | None = None) -> None:
        """Return once the key's execution, or all of them, will not run again.

        A long backlog may take its time, as long as it moves.
        """
        while (waiting := self._statuses(key)).keys() & set(UNFINISHED) or not waiting:
            until(partial(self._moved_on, key, waiting), f"{key or 'everything'} done: {waiting}")

    def _moved_on(self, key: str | None, since: dict[str, int]) -> bool:
        return self._statuses(key) != since

    def _statuses(self, key: str | None) -> dict[str, int]:
        """How many of the key's executions, or of all, have each status."""
        columns = trigger_executions.c
        query = sa.select(columns.status, sa.func.count().label("number")).group_by(columns.status)
        if key is not None:
            query = query.where(columns.idempotency_key == key)
        with self.database.reading() as connection:
            return {row.status: row.number for row in connection.execute(query)}

    def all_completed(self) -> bool:
        """Whether every execution has succeeded."""
        return all(row.status == COMPLETED for row in self.executions())
