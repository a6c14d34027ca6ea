"""/api/tokens and /api/audit: list, create and revoke tokens, and read the audit log."""

from app import audit, auth, clock
from app.audit import Actor
from app.auth import ADMIN
from app.web.api import serializers
from app.web.api.operations import Operations
from app.web.api.schemas.access import (
    AuditQuery,
    ChangePage,
    CreatedToken,
    NewTokenBody,
    Token,
    TokenList,
)
from app.web.api.schemas.values import TokenId
from app.web.context import ApiContext

OPERATIONS = Operations()


@OPERATIONS.get("/api/tokens", ADMIN)
def list_tokens(context: ApiContext) -> TokenList:
    """List all tokens without their secret texts, newest first."""
    with context.database.reading() as connection:
        return {"tokens": [serializers.token(row) for row in auth.all_tokens(connection)]}


@OPERATIONS.post("/api/tokens", ADMIN, status=201, may_answer=(409,))
def create_token(context: ApiContext, body: NewTokenBody, actor: Actor) -> CreatedToken:
    """Create a token; only this response contains its secret text."""
    expires_at = None if body.expires is None else clock.now() + auth.duration(body.expires)
    row, token = auth.add_token(context.database, actor, body.name, body.role, expires_at)
    return {**serializers.token(row), "token": token}


@OPERATIONS.delete("/api/tokens/{token_id}", ADMIN)
def revoke_token(context: ApiContext, token_id: TokenId, actor: Actor) -> Token:
    """Revoke the token, and end the sessions that were started with it."""
    return serializers.token(auth.revoke_token(context.database, actor, token_id))


@OPERATIONS.get("/api/audit", ADMIN)
def list_changes(context: ApiContext, query: AuditQuery) -> ChangePage:
    """List the entries of the audit log, newest first."""
    filters = (query.subject, query.actor, query.action)
    with context.database.reading() as connection:
        page = audit.changes(connection, context.counter, query.position(), *filters)
    changes = [serializers.change(row) for row in page.rows]
    return {"changes": changes, **serializers.page_info(page)}
