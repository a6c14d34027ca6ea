"""The application and its database in one process, shared by the tests of a module.

Each test uses a trigger of its own.
"""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from falcon import testing

from app.db import Database
from app.db.models import trigger_executions
from tests.support import factories, samples
from tests.support.in_process_sender import post
from tests.support.samples import Sent


@dataclass(frozen=True, slots=True)
class Receiver:
    """Takes hostile requests; shows the executions that they left."""

    client: testing.TestClient
    database: Database

    def trigger(self, source: str = "custom", **given: Any) -> int:
        secret = samples.trigger_secret(source)
        return factories.trigger(self.database, source=source, **({"secret": secret} | given))

    def post(self, trigger_id: int, sent: Sent, **more: Any) -> int:
        """Send the request; return the status of the response."""
        return post(self.client, trigger_id, sent, **more).status_code

    def keys(self, trigger_id: int) -> list[str | None]:
        """Return the keys of the trigger's executions, oldest first; None for one without a key."""
        columns = trigger_executions.c
        query = sa.select(columns.idempotency_key).where(columns.trigger_id == trigger_id)
        with self.database.reading() as connection:
            return list(connection.execute(query.order_by(columns.id)).scalars())
