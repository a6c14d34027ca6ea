"""Read the secrets of the other triggers, which a sender may have mixed up with this one's."""

from typing import Any

import sqlalchemy as sa

from app.db import Database
from app.db.models import triggers
from app.errors import SecretSealed
from app.intake.diagnosis.findings import OtherTrigger

TRIED_AT_MOST = 200
"""Other triggers whose secret is tried, newest first."""


class Others:
    """The secrets of triggers, read once when the first diagnosis needs them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._by_id: dict[int, OtherTrigger] | None = None

    def of(self, trigger_id: int) -> list[OtherTrigger]:
        """Return the other triggers with their secrets."""
        if self._by_id is None:
            self._by_id = self._read()
        return [other for id_, other in self._by_id.items() if id_ != trigger_id]

    def _read(self) -> dict[int, OtherTrigger]:
        columns = (triggers.c.id, triggers.c.slug, triggers.c.secret, triggers.c.sealed_secret)
        query = sa.select(*columns).order_by(triggers.c.id.desc()).limit(TRIED_AT_MOST)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return {
            row.id: OtherTrigger(row.slug, secret)
            for row in rows
            if (secret := self._secret(row)) is not None
        }

    def _secret(self, row: Any) -> str | None:
        try:
            return self._database.secret_box.decrypt(row)
        except SecretSealed:
            return None
