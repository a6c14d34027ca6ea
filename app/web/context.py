"""What the operations of the API work with; one for each process."""

from dataclasses import dataclass, field

from app.db import Database
from app.db.count_cache import Counter
from app.settings import Settings
from app.web.auth import Doorman


@dataclass(slots=True)
class Desk:
    """The database, the settings, and what was counted a moment ago."""

    database: Database
    settings: Settings
    doorman: Doorman
    counter: Counter = field(default_factory=Counter)
    next_warning_at: float = 0.0

    def webhook_url(self, trigger_id: int) -> str:
        """Where senders reach the trigger."""
        return f"{self.settings.hookonce_public_url}/api/triggers/webhook/{trigger_id}"
