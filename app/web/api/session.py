"""/api/session: a browser logs in with a token, and out."""

import falcon

from app import clock
from app.auth import VIEWER, Identity
from app.web.api.operations import Operations
from app.web.api.schemas.people import Login, Session
from app.web.auth import PUBLIC
from app.web.context import ApiContext

OPERATIONS = Operations()


@OPERATIONS.post("/api/session", PUBLIC, status=201, may_answer=(401, 429))
def log_in(context: ApiContext, body: Login, req: falcon.Request, resp: falcon.Response) -> Session:
    """Begin a session; its cookie is in the answer."""
    return _shown(context.authenticator.begin(req, resp, body.token))


@OPERATIONS.get("/api/session", VIEWER)
def show_session(_context: ApiContext, identity: Identity) -> Session:
    """Who asks."""
    return _shown(identity)


@OPERATIONS.delete("/api/session", VIEWER, status=204)
def log_out(context: ApiContext, req: falcon.Request, resp: falcon.Response) -> None:
    """End the session."""
    context.authenticator.end(req, resp)


def _shown(identity: Identity) -> Session:
    return {
        "name": identity.name,
        "role": identity.role,
        "csrf_token": identity.csrf_token,
        "expires_at": clock.text(identity.expires_at),
    }
