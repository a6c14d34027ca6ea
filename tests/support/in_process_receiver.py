"""The application and its database together, kept for a whole module: one trigger for each test."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from falcon import testing

from app.db import Database
from app.db.models import trigger_executions
from tests.support import factories, senders
from tests.support.senders import Sent
from tests.support.sending import post


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where hostile requests go, and what they left behind."""

    client: testing.TestClient
    database: Database

    def trigger(self, source: str = "custom", **given: Any) -> int:
        secret = senders.trigger_secret(source)
        return factories.trigger(self.database, source=source, **({"secret": secret} | given))

    def post(self, trigger_id: int, sent: Sent, **more: Any) -> int:
        """The status that the request is answered with."""
        return post(self.client, trigger_id, sent, **more).status_code

    def keys(self, trigger_id: int) -> list[str | None]:
        """The keys of the trigger's executions, oldest first; None for each that has none."""
        columns = trigger_executions.c
        query = sa.select(columns.idempotency_key).where(columns.trigger_id == trigger_id)
        with self.database.reading() as connection:
            return list(connection.execute(query.order_by(columns.id)).scalars())
