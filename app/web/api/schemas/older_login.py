"""Schemas of the login as the page of the older system calls it."""

from dataclasses import dataclass
from typing import Annotated, TypedDict

from app.auth import Role
from app.web.api.schemas.values import Moment
from app.web.validation import Constraints


@dataclass(frozen=True, slots=True)
class OlderLogin:
    """The token to begin a session with, as a password; the username is not read."""

    password: Annotated[str, Constraints(shortest=1, longest=200)]
    username: Annotated[str, Constraints(longest=1_000)] = ""


class User(TypedDict):
    """The caller as a user of the older system: the token's id, name and role."""

    id: int
    username: str
    email: str | None
    display_name: str
    avatar_url: str | None
    role: Role
    is_active: bool
    created_at: Moment | None
    last_login: Moment | None
    onboarding_state: str
    onboarding_completed_agents_visit: bool


class NeedsSetup(TypedDict):
    """True would make the page ask for a first user."""

    needs_setup: bool


class LoggedIn(TypedDict):
    """The user whose session began."""

    user: User


class Me(LoggedIn):
    """The caller, and the actions that its role permits, by resource."""

    permissions: dict[str, list[str]]
    agent_access: dict[str, str]
    workspace_folders: dict[str, str]


class LoggedOut(TypedDict):
    """The end of a session."""

    message: str
