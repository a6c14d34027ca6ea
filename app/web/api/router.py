"""The API, put together: a resource for each path, made from the declared operations."""

from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

import falcon

from app.web import body, validation
from app.web.api import executions, openapi, session, stats, tokens, triggers
from app.web.api.operations import Operation
from app.web.auth import PUBLIC
from app.web.context import ApiContext
from app.web.routes import GuardedRoutes

LONGEST_BODY = 1_048_576
_MODULES = (triggers, executions, stats, tokens, session)
OPERATIONS: tuple[Operation, ...] = tuple(
    operation for module in _MODULES for operation in module.OPERATIONS.declared
)


def install(routes: GuardedRoutes, context: ApiContext) -> None:
    """Every operation answers at its path, under its rule."""
    by_route: dict[str, list[Operation]] = {}
    for operation in OPERATIONS:
        by_route.setdefault(operation.route, []).append(operation)
    for route, operations in by_route.items():
        responders = {f"on_{each.method.lower()}": _responder(each, context) for each in operations}
        rules = {each.method: each.rule for each in operations}
        routes.add(route, SimpleNamespace(**responders), **rules)
    routes.add("/openapi.json", Document(), GET=PUBLIC)


class Document:
    """GET /openapi.json: the API for programs to read."""

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """The document, the same for everyone."""
        resp.media = document()
        resp.set_header("Cache-Control", "max-age=300")


@cache
def document() -> dict[str, Any]:
    """The OpenAPI description of all operations."""
    return openapi.document(OPERATIONS, "Hookonce", version("hookonce"))


def _responder(operation: Operation, context: ApiContext) -> Callable[..., None]:
    """Reads what the operation asks for, calls it, and answers what it gives."""
    shapes, ignored = operation.shapes, operation.ignores

    def respond(req: falcon.Request, resp: falcon.Response, **given: Any) -> None:
        if "query" in shapes:
            given["query"] = validation.query(shapes["query"], req.params)
        if "body" in shapes:
            text = _json_text(req)
            given["body"], said = validation.media(shapes["body"], text, ignored)
            if "said" in shapes:
                given["said"] = said
        if "actor" in shapes:
            given["actor"] = context.authenticator.actor(req)
        if "identity" in shapes:
            given["identity"] = req.context.identity
        if "resp" in shapes:
            given |= {"req": req, "resp": resp}
        answer = operation.handle(context, **given)
        resp.status = operation.status
        if answer is not None:
            resp.media = answer

    return respond


def _json_text(req: falcon.Request) -> bytes:
    text = body.read(req, LONGEST_BODY)
    kind = (req.content_type or "").partition(";")[0].strip().lower()
    if text and kind != falcon.MEDIA_JSON:
        raise falcon.HTTPUnsupportedMediaType(description="Send JSON as application/json.")
    return text
