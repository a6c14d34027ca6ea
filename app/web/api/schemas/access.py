"""Schemas of sessions, tokens and the audit log."""

from dataclasses import dataclass
from typing import Annotated, TypedDict

from app.auth import Role
from app.web.api.schemas.values import JsonObject, Listed, Moment, Name, Paging, Word
from app.web.validation import Constraints


@dataclass(frozen=True, slots=True)
class Login:
    """The token to begin a session with."""

    token: Annotated[str, Constraints(shortest=1, longest=200)]


class Session(TypedDict):
    """The caller's name and role, and the session if there is one."""

    name: str
    role: Role
    csrf_token: str | None
    """Required as X-CSRF-Token of every change; null for a caller with a token, who needs none."""
    expires_at: Moment | None


@dataclass(frozen=True, slots=True)
class NewTokenBody:
    """A token to create: its name, role and lifetime."""

    name: Name
    role: Role
    expires: Annotated[str, Constraints(pattern="^[1-9][0-9]{0,4}[smhdw]$")] | None = None
    """Lifetime such as 30d, 12h or 90m; null means that the token never expires."""


class Token(TypedDict):
    """A token without its secret text."""

    id: int
    name: str
    role: Role
    created_at: Moment | None
    created_by: str | None
    expires_at: Moment | None
    last_used_at: Moment | None
    revoked_at: Moment | None


class CreatedToken(Token):
    """A new token with its secret text, which is shown only once."""

    token: str


class TokenList(TypedDict):
    """All tokens, including expired and revoked ones, newest first."""

    tokens: list[Token]
    """The tokens."""


@dataclass(frozen=True, slots=True)
class AuditQuery(Paging):
    """Filters of the audit log."""

    subject: Word | None = None
    actor: Annotated[str, Constraints(longest=200)] | None = None
    action: Word | None = None


class Change(TypedDict):
    """An entry of the audit log: actor, action, subject, and the values before and after."""

    id: int
    at: Moment | None
    actor: str
    token_id: int | None
    """Id of the actor's token; null for commands, and for changes before revision 0020."""
    origin: str | None
    action: str
    subject: str
    before: JsonObject | None
    after: JsonObject | None


class ChangePage(Listed):
    """Entries of the audit log, newest first."""

    changes: list[Change]
    """The changes of this page."""
