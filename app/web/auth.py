"""Who asks, and may they? By a token in the Authorization header, or by a browser's session.

A browser sends its cookie whoever made it ask, so a change that a cookie proves also carries the
session's CSRF token, which only our own pages can read.
"""

import ipaddress
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
from app.web import body
from app.web.login_throttle import LoginThrottle

PUBLIC: Final = "public"
Rule = Role | Literal["public"]
"""The smallest role that a route asks for."""

COOKIE = "hookonce_session"
CSRF_HEADER, CSRF_FIELD = "X-CSRF-Token", "csrf_token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
LONGEST_FORM = 65_536


class Authenticator:
    """Knows everyone who has a token or a session."""

    def __init__(self, database: Database, schema: SchemaWatch, settings: Settings) -> None:
        self._database = database
        self._schema = schema
        self._settings = settings
        self._throttle = LoginThrottle()

    def admit(self, req: falcon.Request, role: Role) -> Identity:
        """Who asks, whose role is large enough.

        Raises Unauthenticated, Forbidden, or SchemaBehind while a migration is due.
        """
        self.require_schema()
        identity = self.recognise(req)
        auth.require(identity, role)
        return identity

    def recognise(self, req: falcon.Request) -> Identity:
        """Who asks, whatever their role; a token goes before a cookie."""
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
        """Who holds the token; their browser has a session from now on.

        Raises Unauthenticated, or TooManyAttempts where too many have failed.
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
        """The session is over, here and in the browser."""
        auth.end_session(self._database, req.context.identity, self.address(req))
        resp.unset_cookie(self._cookie(req), same_site="Strict", path="/")

    def actor(self, req: falcon.Request) -> Actor:
        """Who asks, for the record."""
        return Actor(req.context.identity.name, self.address(req))

    def address(self, req: falcon.Request) -> str:
        """Where the request comes from: past the proxies that the operator says stand in front."""
        count = self._settings.hookonce_proxy_count
        hops = [hop.strip() for hop in (req.get_header("X-Forwarded-For") or "").split(",")]
        said = hops[-count] if 0 < count <= len(hops) else req.remote_addr
        try:
            return str(ipaddress.ip_address(said))
        except ValueError:
            return req.remote_addr

    def require_schema(self) -> None:
        """Return if the schema has what a person's requests need; else SchemaBehind."""
        current = self._schema.current().revision
        if schema.behind(current):
            raise SchemaBehind(schema.explanation(current))

    def _cookie(self, req: falcon.Request) -> str:
        """Behind TLS a name that no subdomain and no page without TLS can set."""
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
    presented = req.get_header(CSRF_HEADER) or form(req).get(CSRF_FIELD, "")
    expected = identity.csrf_token or ""
    if not secrets.compare_digest(presented.encode("utf-8", "replace"), expected.encode()):
        raise Forbidden(f"a change in a browser's session must carry its {CSRF_HEADER}")


def form(req: falcon.Request) -> dict[str, str]:
    """The fields of a form that was posted; read once, however often asked for."""
    if (req.content_type or "").partition(";")[0].strip() != falcon.MEDIA_URLENCODED:
        return {}
    if not hasattr(req.context, "form"):
        text = body.read(req, LONGEST_FORM).decode("utf-8", "replace")
        req.context.form = dict(parse_qsl(text, keep_blank_values=True))
    fields: dict[str, str] = req.context.form
    return fields
