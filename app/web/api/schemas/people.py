"""Who may do what, and who did: sessions, tokens and changes as the API takes and gives them."""

from dataclasses import dataclass
from typing import Annotated, TypedDict

from app.auth import Role
from app.web.api.schemas.values import JsonObject, Listed, Moment, Name, Paging, Word
from app.web.validation import Constraints


@dataclass(frozen=True, slots=True)
class Login:
    """What a session begins with."""

    token: Annotated[str, Constraints(shortest=1, longest=200)]


class Session(TypedDict):
    """Who is logged in."""

    name: str
    role: Role
    csrf_token: str | None
    """What changes must carry as X-CSRF-Token; null for a token, which needs none."""
    expires_at: Moment | None


@dataclass(frozen=True, slots=True)
class NewTokenBody:
    """A token to be made: for whom, what it may do, and for how long."""

    name: Name
    role: Role
    expires: Annotated[str, Constraints(pattern="^[1-9][0-9]{0,4}[smhdw]$")] | None = None
    """Such as 30d, 12h or 90m; none: never."""


class Token(TypedDict):
    """A token, without what it is."""

    id: int
    name: str
    role: Role
    created_at: Moment | None
    created_by: str | None
    expires_at: Moment | None
    last_used_at: Moment | None
    revoked_at: Moment | None


class MadeToken(Token):
    """A token, this once."""

    token: str


class Tokens(TypedDict):
    """Every token there ever was, newest first."""

    tokens: list[Token]


@dataclass(frozen=True, slots=True)
class AuditAsked(Paging):
    """Which changes."""

    subject: Word | None = None
    actor: Annotated[str, Constraints(longest=200)] | None = None
    action: Word | None = None


class Change(TypedDict):
    """Who changed what."""

    id: int
    at: Moment | None
    actor: str
    origin: str | None
    action: str
    subject: str
    before: JsonObject | None
    after: JsonObject | None


class ChangePage(Listed):
    """Changes, newest first."""

    changes: list[Change]
