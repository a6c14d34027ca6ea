"""/api/session: a browser logs in with a token, and out."""

import falcon

from app import clock
from app.auth import VIEWER, Person
from app.web.api.operations import Operations
from app.web.api.schemas.people import Login, Session
from app.web.auth import PUBLIC
from app.web.context import Desk

OPERATIONS = Operations()


@OPERATIONS.post("/api/session", PUBLIC, status=201, may_answer=(401, 429))
def log_in(desk: Desk, body: Login, req: falcon.Request, resp: falcon.Response) -> Session:
    """Begin a session; its cookie is in the answer."""
    return _shown(desk.doorman.begin(req, resp, body.token))


@OPERATIONS.get("/api/session", VIEWER)
def show_session(_desk: Desk, person: Person) -> Session:
    """Who asks."""
    return _shown(person)


@OPERATIONS.delete("/api/session", VIEWER, status=204)
def log_out(desk: Desk, req: falcon.Request, resp: falcon.Response) -> None:
    """End the session."""
    desk.doorman.end(req, resp)


def _shown(person: Person) -> Session:
    return {
        "name": person.name,
        "role": person.role,
        "csrf_token": person.csrf_token,
        "expires_at": clock.text(person.expires_at),
    }
