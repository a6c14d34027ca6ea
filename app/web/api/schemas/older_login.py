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
    """The text of a token."""
    username: Annotated[str, Constraints(longest=1_000)] = ""
    """Ignored."""


class User(TypedDict):
    """The caller as a user of the older system: the token's id, name and role."""

    id: int
    username: str
    """Name of the token."""
    email: str | None
    """Null: a token has none."""
    display_name: str
    """Name of the token."""
    avatar_url: str | None
    """Null: a token has none."""
    role: Role
    is_active: bool
    """True: another one could not ask."""
    created_at: Moment | None
    last_login: Moment | None
    """Null: it is not recorded."""
    onboarding_state: str
    """The older page's own state, always complete."""
    onboarding_completed_agents_visit: bool
    """True: there is no such visit."""


class NeedsSetup(TypedDict):
    """True would make the page ask for a first user."""

    needs_setup: bool
    """False: tokens are made by a command."""


class LoggedIn(TypedDict):
    """The user whose session began."""

    user: User


class Me(LoggedIn):
    """The caller, and the actions that its role permits, by resource."""

    permissions: dict[str, list[str]]
    """Permitted actions by resource."""
    agent_access: dict[str, str]
    """Mode `none`: there are no agents."""
    workspace_folders: dict[str, str]
    """Mode `all`: there are no folders."""


class LoggedOut(TypedDict):
    """The end of a session."""

    message: str
    """A sentence for people."""
