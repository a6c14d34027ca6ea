"""`method: jwt`: a JSON Web Token in a header or in the query. RFC 7515, RFC 7519. Pure.

The description fixes the algorithm and the key; a token's own words about them are ignored.
Claims are checked here and not by the library, which reads the clock itself.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest
from typing import Any

import jwt

from app.errors import InvalidTrigger, Unverified
from app.intake.message import Request
from app.intake.signatures import BAD, MISSING, STALE
from app.intake.verification import encodings, jwt_keys, jwt_library
from app.intake.verification.jwt_keys import PublicKey
from app.intake.verification.members import Members, refuse
from app.intake.verification.token_proof import AUTHORIZATION

METHOD = "jwt"
DIGESTS = ("sha256", "sha384", "sha512")
LEEWAY_SECONDS = 60.0
"""Seconds by which the clocks may differ for `exp`, `nbf` and `iat` unless the trigger says."""
LONGEST_TOKEN = 16_384
"""Characters of the longest token that is looked at."""
SIGNED_SECONDS = 30
"""Seconds that a token of `trigger send` is valid."""
_PEM = "-----BEGIN "


class _Refused(Unverified):
    """The token proves nothing; with a sentence for the operator."""

    def __init__(self, reason: str, why: str) -> None:
        super().__init__(reason)
        self.why = why


@dataclass(frozen=True, slots=True, kw_only=True)
class JwtProof:
    """A JSON Web Token, its key, and the claims that it must have."""

    header: str
    query: str
    prefix: str
    algorithm: str
    keys: Mapping[str, PublicKey]
    """Public keys by id; none for an algorithm with the trigger's secret."""
    audience: tuple[str, ...]
    issuer: tuple[str, ...]
    required: tuple[str, ...]
    max_age_seconds: float | None
    body_claim: str
    body_algorithm: str
    body_encoding: str
    secret_encoding: str
    jws: jwt.PyJWS
    """The library with this one algorithm."""

    tolerance_seconds: float = LEEWAY_SECONDS

    @property
    def uses_secret(self) -> bool:
        """Return whether the key is the trigger's secret."""
        return not self.keys

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return a sentence if no claim binds the token to the body."""
        weak = "the token does not sign the body: whoever sees one can send any other body with it"
        return () if self.body_claim else (weak,)

    def verify(self, request: Request, secret: str, now: datetime, tolerance: float | None) -> None:
        """Require a token of the key with the claims that are described."""
        claims = self._claims(request, secret)
        self._require_times(
            claims, now.timestamp(), LEEWAY_SECONDS if tolerance is None else tolerance
        )
        self._require_names(claims)
        self._require_body(claims, request.body)

    def explain(self, request: Request, secret: str) -> list[str]:
        """Return the algorithm, and the first reason for which the token is refused."""
        place = self.header or f"the query parameter {self.query}"
        key = "the key of the description" if self.keys else "the trigger's secret"
        lines = [f"compared: the signature ({self.algorithm}) of the token in {place} with {key}"]
        try:
            claims = self._claims(request, secret)
            lines.append(f"the signature is right; the claims are {', '.join(sorted(claims))}")
            self._require_names(claims)
            self._require_body(claims, request.body)
        except _Refused as refusal:
            lines.append(refusal.why)
        return lines

    def sign(self, secret: str, body: bytes, at: float, _url: str) -> dict[str, str]:
        """Return the header with a token; only the sender has the private key of a public one."""
        if self.keys or not self.header:
            raise InvalidTrigger(
                "only the sender has the private key"
                if self.keys
                else f"the token belongs in the query parameter {self.query}"
            )
        claims: dict[str, Any] = dict.fromkeys(self.required, "hookonce")
        claims |= {"iat": int(at), "exp": int(at) + SIGNED_SECONDS}
        claims |= {"aud": self.audience[0]} if self.audience else {}
        claims |= {"iss": self.issuer[0]} if self.issuer else {}
        claims |= {"nbf": int(at)} if "nbf" in self.required else {}
        claims |= {self.body_claim: self._body_digest(body)} if self.body_claim else {}
        token = self.jws.encode(
            json.dumps(claims).encode(),
            encodings.SECRETS[self.secret_encoding](secret),
            self.algorithm,
        )
        return {self.header: self.prefix + token}

    def mistake(self, secret: str) -> str | None:
        """Return a sentence if a public key was given as the secret, which anybody knows."""
        if self.keys:
            return None
        if secret.lstrip().startswith(_PEM):
            return f"the secret of {self.algorithm} must not be a PEM key, which others know"
        return encodings.secret_mistake(secret, self.secret_encoding)

    def _claims(self, request: Request, secret: str) -> dict[str, Any]:
        """Return the claims of a token with the right signature; raise Unverified for any other."""
        token = self._token(request)
        try:
            key = self._chosen_key(token, secret)
            decoded = self.jws.decode_complete(token, key, algorithms=[self.algorithm])
            claims = json.loads(decoded["payload"])
        except jwt.InvalidSignatureError:
            raise _Refused(BAD, "the signature is wrong: another key, or a changed token") from None
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise _Refused(BAD, f"the token cannot be used: {error}") from None
        if not isinstance(claims, dict):
            raise _Refused(BAD, "the claims are not a JSON object")
        return claims

    def _token(self, request: Request) -> str:
        place = self.header or self.query
        found = request.headers.get(self.header.lower(), "") if self.header else ""
        value = (found if self.header else request.query.get(self.query, "")).strip()
        if not value:
            raise _Refused(MISSING, f"the request has no {place}")
        begin = value[: len(self.prefix)]
        if begin.lower() != self.prefix.lower():
            raise _Refused(BAD, f"{place} does not begin with {self.prefix!r}")
        token = value[len(self.prefix) :].strip()
        if len(token) > LONGEST_TOKEN or not token.isascii():
            raise _Refused(BAD, f"{place} is longer than {LONGEST_TOKEN} characters or not ASCII")
        return token

    def _chosen_key(self, token: str, secret: str) -> Any:
        """Return the secret, the only key, or the key that the token names by its id."""
        if not self.keys:
            if mistake := self.mistake(secret):
                raise _Refused(BAD, mistake)
            return encodings.SECRETS[self.secret_encoding](secret)
        if "" in self.keys:
            return self.keys[""]
        id_ = jwt.get_unverified_header(token).get("kid")
        if id_ is None and len(self.keys) == 1:
            return next(iter(self.keys.values()))
        if not isinstance(id_, str) or id_ not in self.keys:
            raise _Refused(
                BAD, f"the key set has no key with the id of the token, {str(id_)[:100]!r}"
            )
        return self.keys[id_]

    def _require_times(self, claims: Mapping[str, Any], now: float, leeway: float) -> None:
        expires, begins, issued = (_time(claims, name) for name in ("exp", "nbf", "iat"))
        if expires is not None and now > expires + leeway:
            raise _Refused(STALE, "the token has expired")
        if begins is not None and now < begins - leeway:
            raise _Refused(STALE, "the token is not valid yet")
        if self.max_age_seconds is None:
            return
        if issued is None:
            raise _Refused(BAD, "the token has no iat, from which its age is counted")
        if not -leeway <= now - issued <= self.max_age_seconds + leeway:
            raise _Refused(STALE, f"the token is older than {self.max_age_seconds:g} s, or ahead")

    def _require_names(self, claims: Mapping[str, Any]) -> None:
        for name in self.required:
            if claims.get(name) is None:
                raise _Refused(BAD, f"the token has no claim {name}")
        named = claims.get("aud")
        audiences = named if isinstance(named, list) else [named]
        if self.audience and not any(
            each in self.audience for each in audiences if isinstance(each, str)
        ):
            raise _Refused(BAD, f"the audience (aud) is not {' or '.join(self.audience)}")
        issuer = claims.get("iss")
        if self.issuer and not (isinstance(issuer, str) and issuer in self.issuer):
            raise _Refused(BAD, f"the issuer (iss) is not {' or '.join(self.issuer)}")

    def _require_body(self, claims: Mapping[str, Any], body: bytes) -> None:
        """Require the digest of the body; only who has a genuine token comes as far as this."""
        if not self.body_claim:
            return
        claimed = claims.get(self.body_claim)
        if not isinstance(claimed, str):
            raise _Refused(
                BAD, f"the token has no digest of the body in the claim {self.body_claim}"
            )
        presented = encodings.comparable(claimed, self.body_encoding)
        wanted = encodings.comparable(self._body_digest(body), self.body_encoding)
        if not compare_digest(presented.encode("utf-8", "surrogatepass"), wanted.encode()):
            raise _Refused(BAD, f"the claim {self.body_claim} is the digest of another body")

    def _body_digest(self, body: bytes) -> str:
        return encodings.encoded(
            encodings.content_digest(body, self.body_algorithm), self.body_encoding
        )


def read(members: Members) -> JwtProof:
    """Return the proof that these members describe; raise InvalidTrigger for a mistake."""
    query = members.text("query")
    header = members.header("header", "" if query else AUTHORIZATION)
    if query and header:
        refuse("query", "and header exclude each other")
    default = "Bearer " if header.lower() == AUTHORIZATION.lower() else ""
    algorithm = members.choice(
        "algorithm", (*jwt_library.SECRET_ALGORITHMS, *jwt_library.KEY_ALGORITHMS)
    )
    proof = JwtProof(
        header=header,
        query=query,
        prefix=members.text("prefix", default),
        algorithm=algorithm,
        keys=_keys(members, algorithm),
        audience=members.texts("audience"),
        issuer=members.texts("issuer"),
        required=members.texts("require"),
        max_age_seconds=members.seconds("max_age_seconds"),
        body_claim=members.text("body_claim"),
        body_algorithm=members.choice("body_algorithm", DIGESTS, "sha256"),
        body_encoding=members.choice("body_encoding", encodings.NAMES, "hex"),
        secret_encoding=_secret_encoding(members, algorithm),
        jws=jwt_library.of(algorithm),
    )
    members.require_none_left(METHOD)
    return proof


def _keys(members: Members, algorithm: str) -> Mapping[str, PublicKey]:
    pem, jwks = members.value("key"), members.value("jwks")
    if algorithm in jwt_library.SECRET_ALGORITHMS:
        if pem is not None or jwks is not None:
            name = "key" if pem is not None else "jwks"
            refuse(name, f"has no meaning with {algorithm}, whose key is the trigger's secret")
        return {}
    if (pem is None) == (jwks is None):
        refuse("key", f"or jwks must have the public key for {algorithm}, one of them and not both")
    return jwt_keys.of_jwks(jwks, algorithm) if pem is None else jwt_keys.of_pem(pem, algorithm)


def _secret_encoding(members: Members, algorithm: str) -> str:
    encoding = members.choice("secret_encoding", encodings.SECRETS, "text")
    if encoding != "text" and algorithm in jwt_library.KEY_ALGORITHMS:
        refuse("secret_encoding", f"has no meaning with {algorithm}, which uses no secret")
    return encoding


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    """Return a claim that is a number of seconds; raise Unverified for any other value."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e12:
        raise _Refused(BAD, f"the claim {name} is not a number of seconds")
    return float(value)
