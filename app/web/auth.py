"""Authenticate requests by a bearer token or a browser session, and check the caller's role.

A browser sends its cookie with requests that other sites trigger, too. A change that is
authenticated by a cookie must therefore carry the session's CSRF token, which only our own pages
can read. For the API the header X-Requested-With does as well, which the page of the older system
sends: the cookie is SameSite=Strict, and a browser lets a page of another origin send such a header
only after a CORS preflight, which no route of ours ever grants.
"""

import secrets
from typing import Final, Literal
from urllib.parse import parse_qsl

import falcon

from app import auth
from app.audit import Actor
from app.auth import LONGEST_TOKEN, Identity, Role
from app.db import Database, schema
from app.db.schema import SchemaWatch
from app.errors import Forbidden, SchemaBehind, Unauthenticated
from app.settings import Settings
from app.web import body, client_address
from app.web.login_throttle import LoginThrottle

PUBLIC: Final = "public"
Rule = Role | Literal["public"]
"""The lowest role that may use a route, or `public`."""

COOKIE = "hookonce_session"
CSRF_HEADER, CSRF_FIELD = "X-CSRF-Token", "csrf_token"
OWN_SCRIPT_HEADER, OWN_SCRIPT = "X-Requested-With", "XMLHttpRequest"
FETCH_SITE_HEADER = "Sec-Fetch-Site"
"""Header by which a browser states where a request comes from; no script can set it."""
API = "/api/"
_WITHOUT_CSRF_IN_API = (
    f"changes in a browser session require its {CSRF_HEADER}, or in the API "
    f"{OWN_SCRIPT_HEADER}: {OWN_SCRIPT} from a page of the same origin"
)
_OTHER_SESSION = (
    "the form was opened in another session, so nothing was changed: go back and send it again; "
    "if it is refused again, load its page anew"
)
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
LONGEST_FORM = 65_536


class Authenticator:
    """Identifies callers by token or session, and begins and ends sessions."""

    def __init__(self, database: Database, schema: SchemaWatch, settings: Settings) -> None:
        self._database = database
        self._schema = schema
        self._settings = settings
        self._throttle = LoginThrottle()

    def admit(self, req: falcon.Request, role: Role) -> Identity:
        """Return the caller; raise Unauthenticated, SchemaBehind, or Forbidden below this role."""
        self.require_schema()
        identity = self.recognise(req)
        auth.require(identity, role)
        return identity

    def recognise(self, req: falcon.Request) -> Identity:
        """Return the caller's identity in any role; a token takes precedence over a cookie."""
        if req.auth:
            return auth.of_token(self._database, _bearer(req.auth))
        cookies = req.get_cookie_values(self._cookie(req))
        if not cookies:
            raise Unauthenticated("send a token: Authorization: Bearer <token>")
        identity = auth.of_session(self._database, cookies[0][:LONGEST_TOKEN])
        if req.method not in SAFE_METHODS:
            _require_csrf(req, identity)
        return identity

    def begin(self, req: falcon.Request, resp: falcon.Response, token: str) -> Identity:
        """Begin a session for the token, set its cookie, and return the token's identity.

        Raises Unauthenticated, or TooManyAttempts if the address failed too often. A right token is
        accepted all the same.
        """
        self.require_schema()
        address = self.address(req)
        with self._throttle.attempt(address):
            seconds = self._settings.hookonce_session_seconds
            identity, secret = auth.begin_session(self._database, token, address, seconds)
        resp.set_cookie(
            self._cookie(req),
            secret,
            expires=identity.expires_at,
            secure=self.behind_tls(req),
            http_only=True,
            same_site="Strict",
            path="/",
        )
        return identity

    def end(self, req: falcon.Request, resp: falcon.Response) -> None:
        """End the session in the database and delete its cookie."""
        auth.end_session(self._database, req.context.identity, self.address(req))
        resp.unset_cookie(self._cookie(req), same_site="Strict", path="/")

    def actor(self, req: falcon.Request) -> Actor:
        """Return the caller as the audit log records it: name, address and token."""
        identity = req.context.identity
        return Actor(identity.name, self.address(req), identity.token_id)

    def address(self, req: falcon.Request) -> str:
        """Return the client's IP address, read behind the configured number of proxies."""
        return client_address.of(req, self._settings.hookonce_proxy_count)

    def require_schema(self) -> None:
        """Raise SchemaBehind if the schema lacks what the API and the pages need."""
        current = self._schema.current().revision
        if schema.behind(current):
            raise SchemaBehind(schema.explanation(current))

    def _cookie(self, req: falcon.Request) -> str:
        """Return the cookie's name; behind TLS with the prefix `__Host-`.

        No subdomain and no page without TLS can set a cookie with this prefix.
        """
        return f"__Host-{COOKIE}" if self.behind_tls(req) else COOKIE

    def behind_tls(self, req: falcon.Request) -> bool:
        return self._settings.hookonce_public_url.startswith("https:") or req.scheme == "https"


def _bearer(header: str) -> str:
    scheme, _, token = header.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not 0 < len(token) <= LONGEST_TOKEN:
        raise Unauthenticated("send a token: Authorization: Bearer <token>")
    return token


def _require_csrf(req: falcon.Request, identity: Identity) -> None:
    if _is_of_own_script(req):
        return
    presented = req.get_header(CSRF_HEADER) or form(req).get(CSRF_FIELD, "")
    expected = identity.csrf_token or ""
    if not secrets.compare_digest(presented.encode("utf-8", "replace"), expected.encode()):
        raise Forbidden(_WITHOUT_CSRF_IN_API if req.path.startswith(API) else _OTHER_SESSION)


def _is_of_own_script(req: falcon.Request) -> bool:
    """Return whether a script of our own origin sent the request to the API.

    A browser that states another origin is believed, whatever headers the request has.
    """
    return (
        req.path.startswith(API)
        and req.get_header(OWN_SCRIPT_HEADER) == OWN_SCRIPT
        and req.get_header(FETCH_SITE_HEADER) in (None, "same-origin")
    )


def form(req: falcon.Request) -> dict[str, str]:
    """Return the fields of a posted form; the body is read once and the result is kept."""
    if (req.content_type or "").partition(";")[0].strip() != falcon.MEDIA_URLENCODED:
        return {}
    if not hasattr(req.context, "form"):
        text = body.read(req, LONGEST_FORM).decode("utf-8", "replace")
        req.context.form = dict(parse_qsl(text, keep_blank_values=True))
    fields: dict[str, str] = req.context.form
    return fields
