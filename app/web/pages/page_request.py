"""One request for a page, and what may be answered to it."""

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
    """A template, and what stands in it."""

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Redirect:
    """The browser is to look there, by GET."""

    path: str


@dataclass(frozen=True, slots=True)
class Download:
    """Bytes to be kept, not to be shown as a page."""

    content: bytes
    content_type: str
    name: str


PageResponse = HtmlPage | Redirect | Download


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Who asks for what; `known` is None on the public pages."""

    context: ApiContext
    req: falcon.Request
    resp: falcon.Response
    known: Identity | None

    @property
    def identity(self) -> Identity:
        if self.known is None:
            raise Unauthenticated("log in first")
        return self.known

    @property
    def actor(self) -> Actor:
        return self.context.authenticator.actor(self.req)

    @property
    def fields(self) -> dict[str, str]:
        """What was posted: line ends as one sign, as no browser sends them."""
        posted = auth.form(self.req)
        return {name: text.replace("\r\n", "\n") for name, text in posted.items()}

    def asked(self, shape: type[Shape], *ours: str) -> Shape:
        """The query string in this shape; a form sends empty fields for what was left out.

        `ours` are parameters of the page that the shape does not know.
        """
        given = {name: value for name, value in self.req.params.items() if value != ""}
        return validation.query(shape, {k: v for k, v in given.items() if k not in (*ours, "done")})
