"""/api/session: begin, show and end a browser session."""

import falcon

from app import clock
from app.auth import VIEWER, Identity
from app.web.api.operations import Operations
from app.web.api.schemas.access import Login, Session
from app.web.auth import PUBLIC
from app.web.context import ApiContext

OPERATIONS = Operations()


@OPERATIONS.post("/api/session", PUBLIC, status=201, may_answer=(401, 429))
def log_in(context: ApiContext, body: Login, req: falcon.Request, resp: falcon.Response) -> Session:
    """Begin a session; the response sets its cookie."""
    return _session(context.authenticator.begin(req, resp, body.token))


@OPERATIONS.get("/api/session", VIEWER)
def show_session(_context: ApiContext, identity: Identity) -> Session:
    """Show the caller's name, role and session."""
    return _session(identity)


@OPERATIONS.delete("/api/session", VIEWER, status=204)
def log_out(context: ApiContext, req: falcon.Request, resp: falcon.Response) -> None:
    """End the session and delete its cookie."""
    context.authenticator.end(req, resp)


def _session(identity: Identity) -> Session:
    return {
        "name": identity.name,
        "role": identity.role,
        "csrf_token": identity.csrf_token,
        "expires_at": clock.text(identity.expires_at),
    }
