"""Install every declared page at its route under its access rule, and render the templates."""

from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import Any

import falcon
import jinja2

from app import auth, clock
from app.auth import Identity
from app.lifecycle import REASONS, STATUSES
from app.web import body
from app.web.auth import PUBLIC, SAFE_METHODS
from app.web.context import ApiContext
from app.web.pages import (
    audit,
    dead,
    dead_replay,
    decisions,
    deliveries,
    executions,
    filters,
    login,
    notifications,
    overview,
    queue,
    reference,
    tokens,
    trigger_edit,
    trigger_secret,
    trigger_setup,
    triggers,
)
from app.web.pages.page_request import Download, HtmlPage, PageRequest, PageResponse, Redirect
from app.web.pages.registry import PageRoute
from app.web.pages.static import Static
from app.web.routes import GuardedRoutes

PART_HEADER = "X-Part"
"""Request header that asks for one block of the page: the one that is refreshed regularly."""
PARTS = frozenset({"live"})
_MODULES = (
    login,
    overview,
    triggers,
    trigger_edit,
    trigger_secret,
    trigger_setup,
    queue,
    executions,
    decisions,
    deliveries,
    dead,
    dead_replay,
    notifications,
    audit,
    tokens,
    reference,
)
DECLARED: tuple[PageRoute, ...] = tuple(
    page for module in _MODULES for page in module.PAGES.declared
)


@cache
def static() -> Static:
    """Return the static files of the pages, read once."""
    return Static()


@cache
def templates() -> jinja2.Environment:
    """Return the template environment; a template is compiled when it is first rendered."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("app.web"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= {
        name: getattr(filters, name)
        for name in (
            "visible",
            "line",
            "excerpt",
            "pretty",
            "ascii_json",
            "timestamp",
            "split_times",
            "number",
            "counted",
            "words",
        )
    }
    environment.filters |= {"ago": clock.ago, "duration": clock.duration}
    environment.globals |= {
        "link": filters.link,
        "hours_ago": filters.hours_ago,
        "static": static().url,
        "STATUSES": STATUSES,
        "REASONS": (*REASONS, "unknown"),
    }
    # a block that is rendered alone has no imports: the macros are a global instead
    environment.globals["parts"] = environment.get_template("parts.html").module
    environment.globals["reference"] = _reference
    return environment


@cache
def _reference() -> Any:
    """Return the reference of the API, rendered once: it is large, and the same for everybody."""
    return templates().get_template("reference_body.html").make_module(reference.values())


class PageRenderer:
    """Renders pages into Falcon responses."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    def responder(self, declared: PageRoute) -> Callable[..., None]:
        """Return the Falcon responder that calls the page's handler and sends its response."""

        def respond(req: falcon.Request, resp: falcon.Response, **parameters: Any) -> None:
            identity = getattr(req.context, "identity", None)
            request = PageRequest(self._context, req, resp, identity)
            self._send(request, declared.handle(request, **parameters))

        return respond

    def show(self, req: falcon.Request, resp: falcon.Response, page: HtmlPage) -> None:
        """Render the page into the response; only one block if the request asks for it."""
        identity: Identity | None = getattr(req.context, "identity", None)
        common = {
            "identity": identity,
            "path": req.path,
            "installation": self._context.settings.hookonce_name,
            "done": req.get_param("done", default=""),
            "may": lambda role: identity is not None and _may(identity, role),
        }
        template = templates().get_template(page.template)
        part = req.get_header(PART_HEADER)
        resp.status = page.status
        resp.content_type = falcon.MEDIA_HTML
        resp.set_headers(dict(page.headers))
        values = {**common, **page.values}
        if part in PARTS and part in template.blocks:
            context = template.new_context(values)
            text = "".join(template.blocks[part](context))
        else:
            text = template.render(values)
        resp.data = body.text_bytes(text)

    def _send(self, request: PageRequest, response: PageResponse) -> None:
        resp = request.resp
        if isinstance(response, HtmlPage):
            self.show(request.req, resp, response)
        elif isinstance(response, Redirect):
            resp.status = 303
            resp.location = response.path
        elif isinstance(response, Download):
            resp.data = response.content
            resp.content_type = response.content_type
            resp.downloadable_as = response.name


class ErrorPages:
    """Middleware that renders the JSON errors of pages as HTML, and turns 401 into the login."""

    def __init__(self, renderer: PageRenderer, context: ApiContext) -> None:
        self._renderer = renderer
        self._context = context
        self._routes = {page.route for page in DECLARED}

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, _resource: object, succeeded: bool
    ) -> None:
        """Replace the response if it is an error of a page; leave all others unchanged."""
        if succeeded or not self._is_page(req):
            return
        if resp.status_code == 401:
            self._redirect_to_login(req, resp)
            return
        error = resp.media if isinstance(resp.media, dict) else {}
        if not hasattr(req.context, "identity"):
            req.context.identity = self._identity(req)
        values = {
            "status": resp.status_code,
            "detail": error.get("detail", ""),
            "error": error.get("error", ""),
        }
        self._renderer.show(req, resp, HtmlPage("error.html", values, resp.status_code))

    def _is_page(self, req: falcon.Request) -> bool:
        if req.uri_template is not None:
            return req.uri_template in self._routes
        path = f"{req.path}/"
        return not path.startswith("/api/") and "text/html" in req.accept

    def _redirect_to_login(self, req: falcon.Request, resp: falcon.Response) -> None:
        is_form = req.method not in SAFE_METHODS
        next_path = "/" if is_form else filters.safe_path(req.relative_uri)
        asked = {"next": None if next_path == "/" else next_path}
        resp.status = 303
        resp.delete_header("WWW-Authenticate")
        resp.location = filters.link("/login", **asked, done="session_ended" if is_form else None)
        resp.content_type = falcon.MEDIA_HTML
        resp.text = ""

    def _identity(self, req: falcon.Request) -> Identity | None:
        """Return the caller's identity, None if unknown; an error page shows their navigation."""
        try:
            return (
                self._context.authenticator.recognise(req) if req.method in SAFE_METHODS else None
            )
        except Exception:
            return None


def install(app: falcon.App[Any, Any], routes: GuardedRoutes, context: ApiContext) -> None:
    """Serve every declared page at its route under its access rule."""
    renderer = PageRenderer(context)
    by_route: dict[str, list[PageRoute]] = {}
    for page in DECLARED:
        by_route.setdefault(page.route, []).append(page)
    for route, pages in by_route.items():
        responders = {f"on_{each.method.lower()}": renderer.responder(each) for each in pages}
        rules = {each.method: each.rule for each in pages}
        routes.add(route, SimpleNamespace(**responders), **rules)
    routes.add("/static/{name}", static(), GET=PUBLIC)
    app.add_middleware(ErrorPages(renderer, context))


def _may(identity: Identity, role: auth.Role) -> bool:
    return auth.ROLES.index(identity.role) >= auth.ROLES.index(role)
