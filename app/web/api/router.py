"""Install the API: one resource per path, made from the declared operations."""

import json
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

import falcon

from app.web import body, validation
from app.web.api import (
    decisions,
    deliveries,
    executions,
    notifications,
    older_login,
    openapi,
    queue,
    session,
    stats,
    tokens,
    triggers,
)
from app.web.api.operations import Operation
from app.web.auth import PUBLIC
from app.web.context import ApiContext
from app.web.routes import GuardedRoutes

MAX_BODY_BYTES = 1_048_576
_MODULES = (
    triggers,
    queue,
    executions,
    decisions,
    deliveries,
    stats,
    tokens,
    notifications,
    session,
    older_login,
)
OPERATIONS: tuple[Operation, ...] = tuple(
    operation for module in _MODULES for operation in module.OPERATIONS.declared
)


def install(routes: GuardedRoutes, context: ApiContext) -> None:
    """Serve every operation at its path under its access rule."""
    by_route: dict[str, list[Operation]] = {}
    for operation in OPERATIONS:
        by_route.setdefault(operation.route, []).append(operation)
    for route, operations in by_route.items():
        responders = {f"on_{each.method.lower()}": _responder(each, context) for each in operations}
        rules = {each.method: each.rule for each in operations}
        routes.add(route, SimpleNamespace(**responders), **rules)
    routes.add("/openapi.json", Document(), GET=PUBLIC)


class Document:
    """GET /openapi.json: the OpenAPI description of the API."""

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Return the document; it is public and the same for every caller."""
        resp.content_type = falcon.MEDIA_JSON
        resp.data = _document_bytes()
        resp.set_header("Cache-Control", "max-age=300")


@cache
def document() -> dict[str, Any]:
    """Return the OpenAPI description of all operations."""
    return openapi.document(OPERATIONS, "Hookonce", version("hookonce"))


@cache
def _document_bytes() -> bytes:
    """Return the document as it is sent: anyone may ask for it, and making it takes five ms."""
    return json.dumps(document(), ensure_ascii=False).encode()


def _responder(operation: Operation, context: ApiContext) -> Callable[..., None]:
    """Return the Falcon responder that validates the input, calls the operation and responds."""
    shapes, ignored = operation.shapes, operation.ignores

    def respond(req: falcon.Request, resp: falcon.Response, **arguments: Any) -> None:
        if "query" in shapes:
            arguments["query"] = validation.query(shapes["query"], req.params)
        if "body" in shapes:
            text = _json_text(req)
            arguments["body"], names = validation.media(shapes["body"], text, ignored)
            if "sent_fields" in shapes:
                arguments["sent_fields"] = names
        if "actor" in shapes:
            arguments["actor"] = context.authenticator.actor(req)
        if "identity" in shapes:
            arguments["identity"] = req.context.identity
        if "resp" in shapes:
            arguments |= {"req": req, "resp": resp}
        result = operation.handle(context, **arguments)
        resp.status = operation.status
        if result is not None:
            resp.media = result

    return respond


def _json_text(req: falcon.Request) -> bytes:
    text = body.read(req, MAX_BODY_BYTES)
    media_type = (req.content_type or "").partition(";")[0].strip().lower()
    if text and media_type != falcon.MEDIA_JSON:
        raise falcon.HTTPUnsupportedMediaType(description="Send JSON as application/json.")
    return text
