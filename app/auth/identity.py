"""The authenticated caller, and the roles that tokens give."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from app.errors import Forbidden

Role = Literal["viewer", "operator", "admin"]
ROLES: Final[tuple[Role, ...]] = ("viewer", "operator", "admin")
"""The roles, ascending: each may also do everything that the ones before it may."""
VIEWER, OPERATOR, ADMIN = ROLES


@dataclass(frozen=True, slots=True)
class Identity:
    """The authenticated caller: by a token, or by a browser's session that a token began."""

    token_id: int
    name: str
    role: Role
    session_hash: str | None = None
    csrf_token: str | None = None
    expires_at: datetime | None = None
    """The time when the session, or else the token, expires."""


def require(identity: Identity, role: Role) -> None:
    """Return if the caller's role permits what `role` permits; else raise Forbidden."""
    if ROLES.index(identity.role) < ROLES.index(role):
        raise Forbidden(f"this needs the role {role}; {identity.name} has the role {identity.role}")
