"""Call the API as a person or a program would, with a token of any role."""

from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any

import sqlalchemy as sa
from falcon import testing

from app import auth
from app.audit import Actor
from app.db import Database
from app.db.models import audit, tokens
from app.errors import TokenNameTaken

ROOT = Actor("root of the test")


@dataclass(frozen=True, slots=True)
class Api:
    """The application and its database."""

    client: testing.TestClient
    database: Database

    def token(self, role: str, name: str | None = None, expires_at: datetime | None = None) -> str:
        """Return a new token; without a name it has one that is free."""
        for number in count(1):
            free = name or (f"a {role}" if number == 1 else f"a {role}, {number}")
            with suppress(TokenNameTaken) if name is None else nullcontext():
                return auth.add_token(self.database, ROOT, free, role, expires_at)[1]
        raise AssertionError

    def ask(self, method: str, path: str, token: str | None = None, **more: Any) -> testing.Result:
        """Return the response to a request with this token."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= more.pop("headers", {})
        return self.client.simulate_request(method, path, headers=headers, **more)

    def changes(self, action: str | None = None) -> list[sa.Row[Any]]:
        """Return the audit rows, oldest first, without those of the test's own tokens."""
        query = sa.select(audit).where(audit.c.actor != ROOT.name).order_by(audit.c.id)
        if action is not None:
            query = query.where(audit.c.action == action)
        with self.database.reading() as connection:
            return list(connection.execute(query))

    def used(self) -> list[datetime | None]:
        """Return the time of each token's last use, oldest token first."""
        query = sa.select(tokens.c.last_used_at).order_by(tokens.c.id)
        with self.database.reading() as connection:
            return list(connection.execute(query).scalars())
