"""The application in this process with its journal, which is written when a test says so."""

from dataclasses import replace

from falcon import testing

from app.db import Database
from app.intake.journal.writer import JournalWriter
from app.settings import Settings
from app.stats.counters import Counters
from app.web.application import create_app
from tests.support.in_process_sender import post
from tests.support.samples import Sent


class JournalService:
    """The application; each request is in the journal when `post` returns."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.app = create_app(settings, database)
        self.client = testing.TestClient(self.app)
        self.database = database
        self._writer = JournalWriter(
            *(self.app.journal, database, Counters(), self.app.schema),
            seconds=3600,
            most_bytes=10_000_000,
        )

    def post(self, trigger_id: int, sent: Sent, **headers: str) -> int:
        sent = replace(sent, headers={**sent.headers, **headers})
        status = post(self.client, trigger_id, sent).status_code
        assert self._writer.flush()
        return status
