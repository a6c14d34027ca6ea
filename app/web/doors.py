"""Every route with the rule of who may pass: declared together, or the application does not start.

A public responder is handed to the router as it is; any other is wrapped, so that nothing can be
reached around its rule.
"""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import falcon
from falcon import inspect

from app.web.doorman import Doorman
from app.web.operations import PUBLIC, Rule

Responder = Callable[..., None]
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


class Unruled(RuntimeError):
    """A route says of a method neither that it is public nor which role it takes."""


class Doors:
    """The application's routes; add each here and nowhere else."""

    def __init__(self, app: falcon.App[Any, Any], doorman: Doorman) -> None:
        self._app = app
        self._doorman = doorman
        self.rules: dict[tuple[str, str], Rule] = {}
        """(route, method): the smallest role, or `public`."""

    def add(self, route: str, resource: object, **rules: Rule) -> None:
        """The resource answers at this route, each method under its rule.

        Raises Unruled where a method has no rule, or a rule no method.
        """
        responders = _responders(resource)
        if set(responders) != set(rules):
            raise Unruled(f"{route} answers {sorted(responders)} and has rules for {sorted(rules)}")
        guarded = {
            f"on_{method.lower()}": self._guarded(responder, rules[method])
            for method, responder in responders.items()
        }
        self._app.add_route(route, SimpleNamespace(**guarded))
        self.rules |= {(route, method): rule for method, rule in rules.items()}

    def require_all(self) -> None:
        """Return if there is no way in but through `add`; else raise Unruled."""
        found = inspect.inspect_app(self._app)
        ruled = {
            (route.path, method.method)
            for route in found.routes
            for method in route.methods
            if not method.internal  # the router's own: 405, and what there is instead
        }
        if ruled != set(self.rules) or found.sinks:
            strangers = sorted(ruled ^ set(self.rules))
            raise Unruled(f"these have no rule, or a rule and no route: {strangers}")

    def _guarded(self, responder: Responder, rule: Rule) -> Responder:
        if rule == PUBLIC:
            return responder
        admit = self._doorman.admit

        def guarded(req: falcon.Request, resp: falcon.Response, **params: Any) -> None:
            req.context.person = admit(req, rule)
            responder(req, resp, **params)

        return guarded


def _responders(resource: object) -> dict[str, Responder]:
    named = {method: getattr(resource, f"on_{method.lower()}", None) for method in METHODS}
    return {method: responder for method, responder in named.items() if responder is not None}
