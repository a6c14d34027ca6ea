"""Declare every route together with its access rule; the application refuses routes without one.

A public responder is passed to the router unchanged. Any other is wrapped in the check of its
rule, so that no responder can be reached without it.
"""

from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

import falcon

from app.web import after_response
from app.web.auth import PUBLIC, Authenticator, Rule

Responder = Callable[..., None]
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


class RuleMissing(RuntimeError):
    """A method of a route is neither public nor assigned a role."""


class _GuardedResource(SimpleNamespace):
    """The responders of a route, each wrapped in the check of its rule."""


class GuardedApp(falcon.App[falcon.Request, falcon.Response]):
    """A Falcon application that accepts routes only from GuardedRoutes, else RuleMissing."""

    def __call__(self, *wsgi_arguments: Any) -> Iterable[bytes]:
        """Answer the request, and run deferred work when the response is closed."""
        return after_response.respond(super().__call__, *wsgi_arguments)

    def add_route(self, uri_template: str, resource: object, **options: Any) -> None:
        if not isinstance(resource, _GuardedResource):
            raise RuleMissing(f"{uri_template} has no access rules: add it to GuardedRoutes")
        super().add_route(uri_template, resource, **options)

    def add_sink(self, *_: object, **__: object) -> None:
        raise RuleMissing("a sink cannot have an access rule")

    def add_static_route(self, *_: object, **__: object) -> None:
        raise RuleMissing("a static route cannot have an access rule")


class GuardedRoutes:
    """The application's routes and their access rules."""

    def __init__(self, app: GuardedApp, authenticator: Authenticator) -> None:
        self._app = app
        self._authenticator = authenticator
        self.rules: dict[tuple[str, str], Rule] = {}
        """Lowest role, or `public`, by (route, method)."""

    def add(self, route: str, resource: object, **rules: Rule) -> None:
        """Serve the resource at this route, each method guarded by its rule.

        HEAD is answered as GET is, under its rule; Falcon leaves the body out. Raises RuleMissing
        for a method without a rule and for a rule without a method.
        """
        responders = _responders(resource)
        if set(responders) != set(rules):
            raise RuleMissing(
                f"{route} has responders for {sorted(responders)} and rules for {sorted(rules)}"
            )
        guarded = {
            f"on_{method.lower()}": self._guarded(responder, rules[method])
            for method, responder in responders.items()
        }
        if "GET" in responders:
            guarded.setdefault("on_head", guarded["on_get"])
        self._app.add_route(route, _GuardedResource(**guarded))
        self.rules |= {(route, method): rule for method, rule in rules.items()}

    def _guarded(self, responder: Responder, rule: Rule) -> Responder:
        if rule == PUBLIC:
            return responder
        admit = self._authenticator.admit

        def guarded(req: falcon.Request, resp: falcon.Response, **params: Any) -> None:
            req.context.identity = admit(req, rule)
            responder(req, resp, **params)

        return guarded


def _responders(resource: object) -> dict[str, Responder]:
    found = {method: getattr(resource, f"on_{method.lower()}", None) for method in METHODS}
    return {method: responder for method, responder in found.items() if responder is not None}
