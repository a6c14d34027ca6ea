"""The pages, put together: each declared page answers at its route, under its rule."""

from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import Any

import falcon
import jinja2

from app import auth
from app.auth import Identity
from app.lifecycle import REASONS, STATUSES
from app.web.auth import PUBLIC
from app.web.context import ApiContext
from app.web.pages import audit, dead, executions, filters, login, overview, tokens, triggers
from app.web.pages.page_request import Download, HtmlPage, PageRequest, PageResponse, Redirect
from app.web.pages.registry import PageRoute
from app.web.pages.static import Static
from app.web.routes import GuardedRoutes

PART_HEADER = "X-Part"
"""Asks for one block of the page instead of all of it: what is refreshed, again and again."""
PARTS = frozenset({"live"})
_MODULES = (login, overview, triggers, executions, dead, audit, tokens)
DECLARED: tuple[PageRoute, ...] = tuple(
    page for module in _MODULES for page in module.PAGES.declared
)


@cache
def static() -> Static:
    """The files of the pages, read once."""
    return Static()


@cache
def templates() -> jinja2.Environment:
    """The templates, and what all of them know; each is compiled when it is first shown."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("app.web"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {
        name: getattr(filters, name)
        for name in ("seen", "line", "gist", "pretty", "when", "ago", "span", "number", "words")
    }
    made.globals |= {
        "link": filters.link,
        "static": static().url,
        "STATUSES": STATUSES,
        "REASONS": (*REASONS, "unknown"),
    }
    made.globals["parts"] = made.get_template("parts.html").module  # a block knows no imports
    return made


class PageRenderer:
    """Answers with pages."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    def responder(self, declared: PageRoute) -> Callable[..., None]:
        """Calls the page's function, and answers what it gives."""

        def respond(req: falcon.Request, resp: falcon.Response, **given: Any) -> None:
            identity = getattr(req.context, "identity", None)
            request = PageRequest(self._context, req, resp, identity)
            self._answer(request, declared.handle(request, **given))

        return respond

    def show(self, req: falcon.Request, resp: falcon.Response, page: HtmlPage) -> None:
        """The page is the answer; one part of it where only that was asked for."""
        identity: Identity | None = getattr(req.context, "identity", None)
        known = {
            "identity": identity,
            "path": req.path,
            "done": req.get_param("done", default=""),
            "may": lambda role: identity is not None and _may(identity, role),
        }
        template = templates().get_template(page.template)
        part = req.get_header(PART_HEADER)
        resp.status = page.status
        resp.content_type = falcon.MEDIA_HTML
        resp.set_headers(dict(page.headers))
        values = {**known, **page.values}
        if part in PARTS and part in template.blocks:
            context = template.new_context(values)
            resp.text = "".join(template.blocks[part](context))
        else:
            resp.text = template.render(values)

    def _answer(self, request: PageRequest, answer: PageResponse) -> None:
        resp = request.resp
        if isinstance(answer, HtmlPage):
            self.show(request.req, resp, answer)
        elif isinstance(answer, Redirect):
            resp.status = 303
            resp.location = answer.path
        elif isinstance(answer, Download):
            resp.data = answer.content
            resp.content_type = answer.content_type
            resp.downloadable_as = answer.name


class ForPeople:
    """Turns what `problems` says of a page's request into a page, and 401 into a way to log in."""

    def __init__(self, renderer: PageRenderer, context: ApiContext) -> None:
        self._site = renderer
        self._context = context
        self._routes = {page.route for page in DECLARED}

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, _resource: object, succeeded: bool
    ) -> None:
        """Touches nothing but the errors of pages."""
        if succeeded or not self._of_a_page(req):
            return
        if resp.status_code == 401:
            self._to_the_login(req, resp)
            return
        said = resp.media if isinstance(resp.media, dict) else {}
        if not hasattr(req.context, "identity"):
            req.context.identity = self._person(req)
        values = {
            "status": resp.status_code,
            "detail": said.get("detail", ""),
            "error": said.get("error", ""),
        }
        self._site.show(req, resp, HtmlPage("error.html", values, resp.status_code))

    def _of_a_page(self, req: falcon.Request) -> bool:
        if req.uri_template is not None:
            return req.uri_template in self._routes
        path = f"{req.path}/"
        return not path.startswith("/api/") and "text/html" in req.accept

    def _to_the_login(self, req: falcon.Request, resp: falcon.Response) -> None:
        wanted = filters.safe_path(req.relative_uri) if req.method == "GET" else "/"
        resp.status = 303
        resp.delete_header("WWW-Authenticate")
        resp.location = filters.link("/login", next=None if wanted == "/" else wanted)
        resp.content_type = falcon.MEDIA_HTML
        resp.text = ""

    def _person(self, req: falcon.Request) -> Identity | None:
        """Who is refused still sees the way to where they may go."""
        try:
            return self._context.authenticator.recognise(req) if req.method == "GET" else None
        except Exception:
            return None


def install(app: falcon.App[Any, Any], routes: GuardedRoutes, context: ApiContext) -> None:
    """Every page answers at its path, under its rule."""
    renderer = PageRenderer(context)
    by_route: dict[str, list[PageRoute]] = {}
    for page in DECLARED:
        by_route.setdefault(page.route, []).append(page)
    for route, pages in by_route.items():
        responders = {f"on_{each.method.lower()}": renderer.responder(each) for each in pages}
        rules = {each.method: each.rule for each in pages}
        routes.add(route, SimpleNamespace(**responders), **rules)
    routes.add("/static/{name}", static(), GET=PUBLIC)
    app.add_middleware(ForPeople(renderer, context))


def _may(identity: Identity, role: auth.Role) -> bool:
    return auth.ROLES.index(identity.role) >= auth.ROLES.index(role)
