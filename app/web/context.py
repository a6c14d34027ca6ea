"""What the operations of the API work with; one for each process."""

from dataclasses import dataclass, field

from app.db import Database
from app.db.count_cache import CountCache
from app.settings import Settings
from app.triggers import address
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
        """Return the address that senders of this trigger post to."""
        return address.webhook_url(self.settings.hookonce_public_url, trigger_id)
