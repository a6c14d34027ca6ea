"""Every route with the rule of who may pass: declared together, or not taken by the application.

A public responder is handed to the router as it is; any other is wrapped, so that nothing can be
reached around its rule.
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
    """A route says of a method neither that it is public nor which role it takes."""


class _GuardedResource(SimpleNamespace):
    """The responders of a route, each as its rule wants it."""


class GuardedApp(falcon.App[falcon.Request, falcon.Response]):
    """An application with no way in but through its Doors: raises Unruled for any other."""

    def __call__(self, *given: Any) -> Iterable[bytes]:
        """What the sender is told; see app.web.after_response for what comes then."""
        return after_response.respond(super().__call__, *given)

    def add_route(self, uri_template: str, resource: object, **options: Any) -> None:
        if not isinstance(resource, _GuardedResource):
            raise RuleMissing(f"{uri_template} says of no method who may pass: add it to the Doors")
        super().add_route(uri_template, resource, **options)

    def add_sink(self, *_: object, **__: object) -> None:
        raise RuleMissing("a sink has no rule")

    def add_static_route(self, *_: object, **__: object) -> None:
        raise RuleMissing("a directory of files has no rule")


class GuardedRoutes:
    """The application's routes; add each here."""

    def __init__(self, app: GuardedApp, authenticator: Authenticator) -> None:
        self._app = app
        self._doorman = authenticator
        self.rules: dict[tuple[str, str], Rule] = {}
        """(route, method): the smallest role, or `public`."""

    def add(self, route: str, resource: object, **rules: Rule) -> None:
        """The resource answers at this route, each method under its rule.

        Raises Unruled where a method has no rule, or a rule no method.
        """
        responders = _responders(resource)
        if set(responders) != set(rules):
            raise RuleMissing(
                f"{route} answers {sorted(responders)} and has rules for {sorted(rules)}"
            )
        guarded = {
            f"on_{method.lower()}": self._guarded(responder, rules[method])
            for method, responder in responders.items()
        }
        self._app.add_route(route, _GuardedResource(**guarded))
        self.rules |= {(route, method): rule for method, rule in rules.items()}

    def _guarded(self, responder: Responder, rule: Rule) -> Responder:
        if rule == PUBLIC:
            return responder
        admit = self._doorman.admit

        def guarded(req: falcon.Request, resp: falcon.Response, **params: Any) -> None:
            req.context.identity = admit(req, rule)
            responder(req, resp, **params)

        return guarded


def _responders(resource: object) -> dict[str, Responder]:
    named = {method: getattr(resource, f"on_{method.lower()}", None) for method in METHODS}
    return {method: responder for method, responder in named.items() if responder is not None}
