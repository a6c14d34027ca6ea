"""`method: token`, `bearer` and `basic`: the secret itself in a header or in the query. Pure."""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime

from app.errors import InvalidTrigger, Unverified
from app.intake.message import Request
from app.intake.signatures import BAD, MISSING, require_secret
from app.intake.verification.members import Members, refuse

TOKEN, BEARER, BASIC = "token", "bearer", "basic"
AUTHORIZATION = "Authorization"
_WARNING = (
    "the request carries the secret itself and signs nothing: whoever reads one request can send "
    "any other"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenProof:
    """The secret in a header or in a parameter of the query."""

    header: str = ""
    query: str = ""
    prefix: str = ""

    uses_secret: bool = True
    tolerance_seconds: None = None
    warnings: tuple[str, ...] = (_WARNING,)

    def verify(self, request: Request, secret: str, _now: datetime, _tolerance: object) -> None:
        """Require the secret behind the prefix."""
        value = self._value(request)
        if not value:
            raise Unverified(MISSING)
        if not self._has_prefix(value):
            raise Unverified(BAD)
        require_secret([value[len(self.prefix) :].strip() or "-"], secret)

    def explain(self, request: Request, secret: str) -> list[str]:
        """Return where the token was looked for, never the token, which may be the secret."""
        place = self.header or f"the query parameter {self.query}"
        value = self._value(request)
        if not value:
            return [f"the request has no {place}"]
        lines = [f"compared: {place} with the trigger's secret"]
        if not self._has_prefix(value):
            lines.append(f"{place} does not begin with {self.prefix!r}")
        elif secret in value and value[len(self.prefix) :].strip() != secret:
            lines.append(f"{place} holds the secret among other text: prefix is wrong")
        return lines

    def sign(self, secret: str, _body: bytes, _at: float, _url: str) -> dict[str, str]:
        """Return the header; a token in the query is none."""
        if not self.header:
            raise InvalidTrigger(f"the token belongs in the query parameter {self.query}")
        return {self.header: self.prefix + secret}

    def mistake(self, _secret: str) -> None:
        """Any text can be a token."""

    def _value(self, request: Request) -> str:
        if self.query:
            return request.query.get(self.query, "")
        return request.headers.get(self.header.lower(), "").strip()

    def _has_prefix(self, value: str) -> bool:
        """Compare the prefix; the scheme of Authorization in any case, as RFC 9110 demands."""
        begin = value[: len(self.prefix)]
        if self.header.lower() == AUTHORIZATION.lower():
            return begin.lower() == self.prefix.lower()
        return begin == self.prefix


@dataclass(frozen=True, slots=True, kw_only=True)
class BasicProof:
    """HTTP Basic: a user name, and the secret as the password. RFC 7617."""

    user: str

    uses_secret: bool = True
    tolerance_seconds: None = None
    warnings: tuple[str, ...] = (_WARNING,)

    def verify(self, request: Request, secret: str, _now: datetime, _tolerance: object) -> None:
        """Require the user name and the secret in Authorization."""
        if not request.headers.get("authorization"):
            raise Unverified(MISSING)
        credentials = _credentials(request)
        require_secret([credentials or "-"], f"{self.user}:{secret}")

    def explain(self, request: Request, _secret: str) -> list[str]:
        """Return if Authorization has the form and the user name, never the password."""
        if not request.headers.get("authorization"):
            return [f"the request has no {AUTHORIZATION}"]
        credentials = _credentials(request)
        if ":" not in credentials:
            return [f"{AUTHORIZATION} is not 'Basic' with base64 of a user name and a password"]
        if credentials.partition(":")[0] != self.user:
            return [f"the user name in {AUTHORIZATION} is not {self.user!r}"]
        return [f"compared: the password in {AUTHORIZATION} with the trigger's secret"]

    def sign(self, secret: str, _body: bytes, _at: float, _url: str) -> dict[str, str]:
        """Return the header Authorization."""
        credentials = f"{self.user}:{secret}".encode("utf-8", "surrogatepass")
        return {AUTHORIZATION: f"Basic {base64.b64encode(credentials).decode()}"}

    def mistake(self, _secret: str) -> None:
        """Any text can be a password."""


def read_token(members: Members) -> TokenProof:
    """Return the proof that these members describe; raise InvalidTrigger for a mistake."""
    proof = TokenProof(
        header=members.header("header"),
        query=members.text("query"),
        prefix=members.text("prefix"),
    )
    members.require_none_left(TOKEN)
    if bool(proof.header) == bool(proof.query):
        refuse("header", "or query must say where the token is, one of them and not both")
    return proof


def read_bearer(members: Members) -> TokenProof:
    """Return a token in Authorization, behind `Bearer`."""
    members.require_none_left(BEARER)
    return TokenProof(header=AUTHORIZATION, prefix="Bearer ")


def read_basic(members: Members) -> BasicProof:
    """Return the proof that these members describe; raise InvalidTrigger for a mistake."""
    user = members.required_text("user", "the user name that the sender was given")
    members.require_none_left(BASIC)
    if ":" in user:
        refuse("user", "must not have a colon, which ends a user name")
    return BasicProof(user=user)


def _credentials(request: Request) -> str:
    """Return `user:password` as Latin-1, as which headers are compared; empty if there is none."""
    scheme, _, encoded = request.headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(encoded.strip(), validate=True).decode("latin-1")
    except (binascii.Error, ValueError):
        return ""
