"""/login and /logout: begin a browser session with a token, and end it.

Before the login there is no session with a CSRF token. The form therefore repeats the value of a
cookie of the same browser: another site can set neither.
"""

import secrets

from app.auth import VIEWER
from app.errors import InvalidRequest, TooManyAttempts, Unauthenticated
from app.web import validation
from app.web.api.schemas.access import Login
from app.web.auth import CSRF_FIELD, PUBLIC
from app.web.pages import filters
from app.web.pages.page_request import HtmlPage, PageRequest, PageResponse, Redirect
from app.web.pages.registry import Pages

PAGES = Pages()
COOKIE = "hookonce_login"
_NO_COOKIE = (
    "The login form has expired: please try again. If it expires again, the browser keeps no "
    "cookie of this address: allow cookies, and use https where HOOKONCE_PUBLIC_URL does."
)


@PAGES.get("/login", PUBLIC)
def show_form(request: PageRequest) -> PageResponse:
    """Show the login form."""
    return _form(request, filters.safe_path(request.req.get_param("next")))


@PAGES.post("/login", PUBLIC)
def log_in(request: PageRequest) -> PageResponse:
    """Begin a session and redirect to the page that asked for the login."""
    fields = request.fields
    next_path = filters.safe_path(fields.get("next"))
    if not _matches_cookie(request, fields.get(CSRF_FIELD, "")):
        return _form(request, next_path, _NO_COOKIE, 403)
    token = fields.get("token", "").strip()
    try:
        validation.query(Login, {"token": token})
        request.context.authenticator.begin(request.req, request.resp, token)
    except TooManyAttempts as error:
        return _form(request, next_path, str(error), 429, error.seconds)
    except (Unauthenticated, InvalidRequest):
        return _form(request, next_path, "This token is unknown, expired or revoked.", 401)
    request.resp.unset_cookie(COOKIE, same_site="Strict", path="/login")
    return Redirect(next_path)


@PAGES.post("/logout", VIEWER)
def log_out(request: PageRequest) -> PageResponse:
    """End the session."""
    request.context.authenticator.end(request.req, request.resp)
    return Redirect("/login?done=logged_out")


def _form(
    request: PageRequest,
    next_path: str,
    problem: str = "",
    status: int = 200,
    wait_seconds: int = 0,
) -> HtmlPage:
    values = {
        "next": next_path,
        "problem": problem,
        "csrf": _csrf(request),
        "wait_seconds": wait_seconds,
    }
    headers = {"Retry-After": str(wait_seconds)} if wait_seconds else {}
    return HtmlPage("login.html", values, status, headers)


def _csrf(request: PageRequest) -> str:
    """Return the value of the browser's login cookie; set a new cookie if there is none."""
    values = request.req.get_cookie_values(COOKIE)
    if values and 20 <= len(values[0]) <= 100:
        return values[0]
    value = secrets.token_urlsafe(32)
    secure = request.context.authenticator.behind_tls(request.req)
    request.resp.set_cookie(
        COOKIE, value, path="/login", secure=secure, http_only=True, same_site="Strict"
    )
    return value


def _matches_cookie(request: PageRequest, presented: str) -> bool:
    values = request.req.get_cookie_values(COOKIE) or [""]
    equal = secrets.compare_digest(presented.encode("utf-8", "replace"), values[0].encode())
    return equal and len(presented) >= 20
