"""/api/tokens and /api/audit: who may do what, and who did what."""

from app import audit, auth, clock
from app.audit import Actor
from app.auth import ADMIN
from app.web.api import serializers
from app.web.api.operations import Operations
from app.web.api.schemas.people import (
    AuditAsked,
    ChangePage,
    MadeToken,
    NewTokenBody,
    Token,
    Tokens,
)
from app.web.api.schemas.values import TokenId
from app.web.context import ApiContext

OPERATIONS = Operations()


@OPERATIONS.get("/api/tokens", ADMIN)
def list_tokens(context: ApiContext) -> Tokens:
    """Every token there ever was, newest first, and never what it is."""
    with context.database.reading() as connection:
        return {"tokens": [serializers.token(row) for row in auth.all_tokens(connection)]}


@OPERATIONS.post("/api/tokens", ADMIN, status=201)
def create_token(context: ApiContext, body: NewTokenBody, actor: Actor) -> MadeToken:
    """Make a token; what it is stands in the answer and nowhere else."""
    end = None if body.expires is None else clock.now() + auth.duration(body.expires)
    row, token = auth.add_token(context.database, actor, body.name, body.role, end)
    return {**serializers.token(row), "token": token}


@OPERATIONS.delete("/api/tokens/{token_id}", ADMIN)
def revoke_token(context: ApiContext, token_id: TokenId, actor: Actor) -> Token:
    """The token is no good from now on, nor are the sessions that it began."""
    return serializers.token(auth.revoke_token(context.database, actor, token_id))


@OPERATIONS.get("/api/audit", ADMIN)
def list_changes(context: ApiContext, query: AuditAsked) -> ChangePage:
    """Who changed what, newest first."""
    such = (query.subject, query.actor, query.action)
    with context.database.reading() as connection:
        page = audit.changes(connection, context.counter, query.where(), *such)
    return {"changes": [serializers.change(row) for row in page.rows], **serializers.listed(page)}
