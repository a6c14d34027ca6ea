"""Declare pages like the API's operations: route and access rule beside the handler."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.auth import ADMIN, OPERATOR, VIEWER
from app.web.auth import PUBLIC, Rule
from app.web.pages.page_request import PageResponse

__all__ = ["ADMIN", "OPERATOR", "PUBLIC", "VIEWER", "Pages"]
TRIGGER = "{trigger_id:int(min=1, max=2147483647)}"
EXECUTION = "{execution_id:int(min=1, max=9223372036854775807)}"
DELIVERY = "{delivery_id:int(min=1, max=9223372036854775807)}"
TOKEN = "{token_id:int(min=1, max=2147483647)}"  # noqa: S105, a part of a route
CHANNEL = "{channel_id:int(min=1, max=2147483647)}"
Handler = Callable[..., PageResponse]


@dataclass(frozen=True, slots=True)
class PageRoute:
    """One method of one page."""

    method: str
    route: str
    rule: Rule
    handle: Handler


class Pages:
    """The pages that one module declares, in order."""

    def __init__(self) -> None:
        self.declared: list[PageRoute] = []

    def get(self, route: str, rule: Rule) -> Callable[[Handler], Handler]:
        return self._declare("GET", route, rule)

    def post(self, route: str, rule: Rule) -> Callable[[Handler], Handler]:
        return self._declare("POST", route, rule)

    def _declare(self, method: str, route: str, rule: Rule) -> Callable[[Handler], Handler]:
        def declare(handler: Any) -> Handler:
            self.declared.append(PageRoute(method, route, rule, handler))
            return handler  # type: ignore[no-any-return]

        return declare
