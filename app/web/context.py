"""The context that is passed to every API operation and page; one instance per process."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.engine import Connection

from app.db import Database
from app.db.count_cache import CountCache
from app.executions import blocks, waiting
from app.executions.blocks import Block
from app.executions.waiting import Because
from app.settings import Settings
from app.triggers import address
from app.web.auth import Authenticator


@dataclass(slots=True)
class ApiContext:
    """The database, the settings, the authenticator and the cache of counts."""

    database: Database
    settings: Settings
    authenticator: Authenticator
    counter: CountCache = field(default_factory=CountCache)
    next_warning_at: float = 0.0

    def reasons(self, connection: Connection, rows: Sequence[Any]) -> dict[int, Because]:
        """Return why each unfinished execution of these rows has not finished, by id."""
        breakers = bool(self.settings.hookonce_breaker_failures)
        return waiting.because(connection, rows, breakers=breakers)

    def states(self, connection: Connection, trigger_ids: Collection[int]) -> dict[int, Block]:
        """Return the pause, the breaker and what waits behind them of each of these triggers."""
        breakers = bool(self.settings.hookonce_breaker_failures)
        return blocks.counted(connection, trigger_ids, breakers=breakers)

    def webhook_url(self, trigger_id: int) -> str:
        """Return the address that senders of this trigger post to."""
        return address.webhook_url(self.settings.hookonce_public_url, trigger_id)
