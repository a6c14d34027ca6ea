"""What the operations of the API work with; one for each process."""

from dataclasses import dataclass, field

from app.db import Database
from app.db.count_cache import CountCache
from app.settings import Settings
from app.web.auth import Authenticator


@dataclass(slots=True)
class ApiContext:
    """The database, the settings, and what was counted a moment ago."""

    database: Database
    settings: Settings
    authenticator: Authenticator
    counter: CountCache = field(default_factory=CountCache)
    next_warning_at: float = 0.0

    def webhook_url(self, trigger_id: int) -> str:
        """Where senders reach the trigger."""
        return f"{self.settings.hookonce_public_url}/api/triggers/webhook/{trigger_id}"
