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
from app.web.pages.page_request import Answer, Elsewhere, Page, Visit
from app.web.pages.registry import Pages

PAGES = Pages()
COOKIE = "hookonce_login"


@PAGES.get("/login", PUBLIC)
def ask(visit: Visit) -> Answer:
    """The form."""
    return _form(visit, filters.safe_path(visit.req.get_param("next")))


@PAGES.post("/login", PUBLIC)
def log_in(visit: Visit) -> Answer:
    """Begin a session and go on to where the person wanted to go."""
    fields = visit.fields
    wanted = filters.safe_path(fields.get("next"))
    if not _same(visit, fields.get(CSRF_FIELD, "")):
        return _form(visit, wanted, "The form was too old. Please try again.", 403)
    token = fields.get("token", "").strip()
    try:
        validation.query(Login, {"token": token})
        visit.desk.doorman.begin(visit.req, visit.resp, token)
    except TooManyAttempts as error:
        return _form(visit, wanted, str(error), 429, error.seconds)
    except (Unauthenticated, InvalidRequest):
        return _form(visit, wanted, "This token is not known, has expired or was revoked.", 401)
    visit.resp.unset_cookie(COOKIE, same_site="Strict", path="/login")
    return Elsewhere(wanted)


@PAGES.post("/logout", VIEWER)
def log_out(visit: Visit) -> Answer:
    """End the session."""
    visit.desk.doorman.end(visit.req, visit.resp)
    return Elsewhere("/login?done=logged_out")


def _form(
    visit: Visit, wanted: str, problem: str = "", status: int = 200, wait_seconds: int = 0
) -> Page:
    values = {
        "next": wanted,
        "problem": problem,
        "csrf": _csrf(visit),
        "wait_seconds": wait_seconds,
    }
    headers = {"Retry-After": str(wait_seconds)} if wait_seconds else {}
    return Page("login.html", values, status, headers)


def _csrf(visit: Visit) -> str:
    """What the browser's cookie holds; a new one where it has none."""
    known = visit.req.get_cookie_values(COOKIE)
    if known and 20 <= len(known[0]) <= 100:
        return known[0]
    made = secrets.token_urlsafe(32)
    secure = visit.desk.doorman.behind_tls(visit.req)
    visit.resp.set_cookie(
        COOKIE, made, path="/login", secure=secure, http_only=True, same_site="Strict"
    )
    return made


def _same(visit: Visit, presented: str) -> bool:
    known = visit.req.get_cookie_values(COOKIE) or [""]
    same = secrets.compare_digest(presented.encode("utf-8", "replace"), known[0].encode())
    return same and len(presented) >= 20
