"""/api/auth: the login as the page of the older system calls it, by a token in place of a password.

The session is the one that /api/session begins.
"""

import falcon

from app.auth import ADMIN, OPERATOR, VIEWER, Identity, Role
from app.web.api.operations import Operations
from app.web.api.schemas.older_login import LoggedIn, LoggedOut, Me, NeedsSetup, OlderLogin, User
from app.web.auth import PUBLIC
from app.web.context import ApiContext

OPERATIONS = Operations()
PERMISSIONS: dict[Role, list[str]] = {
    VIEWER: ["view"],
    OPERATOR: ["view", "execute"],
    ADMIN: ["view", "execute", "manage"],
}
"""Actions on triggers by role, as the page names them: it shows its buttons by them."""


@OPERATIONS.get("/api/auth/needs-setup", PUBLIC)
def needs_setup(_context: ApiContext) -> NeedsSetup:
    """Tell the page to show its login: people are made by `hookonce token add`, not by a setup."""
    return {"needs_setup": False}


@OPERATIONS.post("/api/auth/login", PUBLIC, may_answer=(401, 429), ignores=("remember",))
def log_in_by_password(
    context: ApiContext, body: OlderLogin, req: falcon.Request, resp: falcon.Response
) -> LoggedIn:
    """Begin a session with the token that the password is; the response sets its cookie."""
    return {"user": _user(context.authenticator.begin(req, resp, body.password))}


@OPERATIONS.get("/api/auth/me", VIEWER)
def show_me(_context: ApiContext, identity: Identity) -> Me:
    """Show the caller as a user of the older system, with the actions that its role permits."""
    return {
        "user": _user(identity),
        "permissions": {"triggers": PERMISSIONS[identity.role]},
        "agent_access": {"mode": "none"},
        "workspace_folders": {"mode": "all"},
    }


@OPERATIONS.post("/api/auth/logout", VIEWER)
def log_out_by_page(context: ApiContext, req: falcon.Request, resp: falcon.Response) -> LoggedOut:
    """End the session and delete its cookie."""
    context.authenticator.end(req, resp)
    return {"message": "Logged out"}


def _user(identity: Identity) -> User:
    return {
        "id": identity.token_id,
        "username": identity.name,
        "email": None,
        "display_name": identity.name,
        "avatar_url": None,
        "role": identity.role,
        "is_active": True,
        "created_at": None,
        "last_login": None,
        "onboarding_state": "completed",
        "onboarding_completed_agents_visit": True,
    }
