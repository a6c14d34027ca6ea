"""/login and /logout: a browser's session begins with a token.

There is no session yet whose CSRF token the form could carry, so it carries what a cookie of the
same browser holds: another site can set neither.
"""

import secrets

from app.auth import VIEWER
from app.errors import InvalidRequest, TooManyAttempts, Unauthenticated
from app.web import validation
from app.web.api.schemas.people import Login
from app.web.auth import CSRF_FIELD, PUBLIC
from app.web.pages import filters
from app.web.pages.page_request import HtmlPage, PageRequest, PageResponse, Redirect
from app.web.pages.registry import Pages

PAGES = Pages()
COOKIE = "hookonce_login"


@PAGES.get("/login", PUBLIC)
def ask(request: PageRequest) -> PageResponse:
    """The form."""
    return _form(request, filters.safe_path(request.req.get_param("next")))


@PAGES.post("/login", PUBLIC)
def log_in(request: PageRequest) -> PageResponse:
    """Begin a session and go on to where the person wanted to go."""
    fields = request.fields
    wanted = filters.safe_path(fields.get("next"))
    if not _same(request, fields.get(CSRF_FIELD, "")):
        return _form(request, wanted, "The form was too old. Please try again.", 403)
    token = fields.get("token", "").strip()
    try:
        validation.query(Login, {"token": token})
        request.context.authenticator.begin(request.req, request.resp, token)
    except TooManyAttempts as error:
        return _form(request, wanted, str(error), 429, error.seconds)
    except (Unauthenticated, InvalidRequest):
        return _form(request, wanted, "This token is not known, has expired or was revoked.", 401)
    request.resp.unset_cookie(COOKIE, same_site="Strict", path="/login")
    return Redirect(wanted)


@PAGES.post("/logout", VIEWER)
def log_out(request: PageRequest) -> PageResponse:
    """End the session."""
    request.context.authenticator.end(request.req, request.resp)
    return Redirect("/login?done=logged_out")


def _form(
    request: PageRequest, wanted: str, problem: str = "", status: int = 200, wait_seconds: int = 0
) -> HtmlPage:
    values = {
        "next": wanted,
        "problem": problem,
        "csrf": _csrf(request),
        "wait_seconds": wait_seconds,
    }
    headers = {"Retry-After": str(wait_seconds)} if wait_seconds else {}
    return HtmlPage("login.html", values, status, headers)


def _csrf(request: PageRequest) -> str:
    """What the browser's cookie holds; a new one where it has none."""
    known = request.req.get_cookie_values(COOKIE)
    if known and 20 <= len(known[0]) <= 100:
        return known[0]
    made = secrets.token_urlsafe(32)
    secure = request.context.authenticator.behind_tls(request.req)
    request.resp.set_cookie(
        COOKIE, made, path="/login", secure=secure, http_only=True, same_site="Strict"
    )
    return made


def _same(request: PageRequest, presented: str) -> bool:
    known = request.req.get_cookie_values(COOKIE) or [""]
    same = secrets.compare_digest(presented.encode("utf-8", "replace"), known[0].encode())
    return same and len(presented) >= 20
