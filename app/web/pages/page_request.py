"""The request for a page, and the responses that a page can return."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import falcon

from app.audit import Actor
from app.auth import Identity
from app.errors import Unauthenticated
from app.web import auth, validation
from app.web.context import ApiContext

Shape = TypeVar("Shape")


@dataclass(frozen=True, slots=True)
class HtmlPage:
    """A response: a template and the values to render it with."""

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Redirect:
    """A response: the browser is redirected to this path with GET (303)."""

    path: str


@dataclass(frozen=True, slots=True)
class Download:
    """A response: a file that the browser saves instead of showing it."""

    content: bytes
    content_type: str
    name: str


PageResponse = HtmlPage | Redirect | Download


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A request for a page; `caller` is None on public pages."""

    context: ApiContext
    req: falcon.Request
    resp: falcon.Response
    caller: Identity | None

    @property
    def identity(self) -> Identity:
        if self.caller is None:
            raise Unauthenticated("log in first")
        return self.caller

    @property
    def actor(self) -> Actor:
        return self.context.authenticator.actor(self.req)

    @property
    def fields(self) -> dict[str, str]:
        """The posted form fields; CRLF, which browsers send as line ends, becomes LF."""
        posted = auth.form(self.req)
        return {name: text.replace("\r\n", "\n") for name, text in posted.items()}

    def query(self, shape: type[Shape]) -> Shape:
        """Return the query parameters as an instance of `shape`.

        Empty parameters are dropped, because a form sends its empty fields; so is `done`, which
        selects the message after a redirect.
        """
        parameters = self.req.params.items()
        filled = {name: value for name, value in parameters if value != "" and name != "done"}
        return validation.query(shape, filled)
