"""`method: jwt`: the examples of RFC 7515, forged tokens, keys and claims."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from app.errors import InvalidTrigger, Unverified
from app.intake import verification
from app.intake.message import Request
from tests.support.tokens import EC, OTHER_RSA, RSA, public

NOW = datetime(2026, 3, 5, 9, 30, tzinfo=UTC)
AT = int(NOW.timestamp())
IN_2011 = datetime.fromtimestamp(1_300_819_379, UTC)
SECRET = "a-secret-that-is-only-used-in-tests"
HS256 = {"method": "jwt", "algorithm": "HS256"}
PAYLOAD = (
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
)
A1_SECRET = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
A1 = (
    f"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{PAYLOAD}"
    ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
)
A2_KEY = {
    "kty": "RSA",
    "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEz"
    "P1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSX"
    "ndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJ"
    "H7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
    "e": "AQAB",
}
A2 = (
    f"eyJhbGciOiJSUzI1NiJ9.{PAYLOAD}"
    ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7"
    "AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO7"
    "5vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6Bf"
    "I7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77"
    "Rw"
)
A3_KEY = {
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}
A3 = (
    f"eyJhbGciOiJFUzI1NiJ9.{PAYLOAD}"
    ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSA"
    "pmWQxfKTUJqPP3-Kg6NU1Q"
)


def jwk(key: Any, **members: str) -> dict[str, Any]:
    kind = jwt.algorithms.RSAAlgorithm if key is RSA else jwt.algorithms.ECAlgorithm
    return json.loads(kind.to_jwk(key.public_key())) | members


def check(
    description: dict[str, Any],
    token: str,
    *,
    secret: str = SECRET,
    body: bytes = b"{}",
    now: datetime = NOW,
    tolerance: float | None = None,
) -> None:
    request = Request("1", {"authorization": f"Bearer {token}"}, body)
    verification.read(description).verify(request, secret, now, tolerance)


def reason(*arguments: Any, **named: Any) -> str:
    with pytest.raises(Unverified) as refused:
        check(*arguments, **named)
    return refused.value.reason


def token(
    claims: dict[str, Any], key: Any = SECRET, algorithm: str = "HS256", **header: Any
) -> str:
    return jwt.encode(claims, key, algorithm, headers=header)


def segment(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("described", "example"),
    [
        ({"algorithm": "HS256", "secret_encoding": "base64"}, A1),
        ({"algorithm": "RS256", "jwks": {"keys": [A2_KEY]}}, A2),
        ({"algorithm": "ES256", "jwks": {"keys": [A3_KEY]}, "issuer": "joe"}, A3),
    ],
)
def test_the_examples_of_the_standard_are_verified(described: dict[str, Any], example: str) -> None:
    """RFC 7515, A.1, A.2 and A.3; the tokens expired in 2011."""
    described = {"method": "jwt"} | described
    check(described, example, secret=A1_SECRET, now=IN_2011)
    assert reason(described, example, secret=A1_SECRET) == "stale"
    changed = example.replace("cGxl", "cGxm")
    assert reason(described, changed, secret=A1_SECRET, now=IN_2011) == "bad_signature"


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"])
def test_a_token_of_the_given_key_is_verified_and_one_of_another_is_not(algorithm: str) -> None:
    key = EC.get(algorithm, RSA)
    described = {"method": "jwt", "algorithm": algorithm, "key": public(key)}
    other = ec.generate_private_key(key.curve) if algorithm in EC else OTHER_RSA

    check(described, token({"exp": AT}, key, algorithm))
    assert reason(described, token({"exp": AT}, other, algorithm)) == "bad_signature"


def test_the_token_cannot_choose_the_algorithm() -> None:
    """RFC 8725, 3.1: neither `none`, nor an HMAC with the public key as its secret."""
    described = {"method": "jwt", "algorithm": "RS256", "key": public(RSA)}
    body = f"{segment({'alg': 'HS256'})}.{segment({})}"
    mac = hmac.digest(public(RSA).encode(), body.encode(), "sha256")
    confused = f"{body}.{urlsafe_b64encode(mac).decode().rstrip('=')}"

    for forged in (
        confused,
        f"{segment({'alg': 'none'})}.{segment({})}.",
        f"{segment({'alg': 'None'})}.{segment({})}.",
        f"{segment({})}.{segment({})}.",
        token({}, RSA, "RS512"),
        token({}),
    ):
        assert reason(described, forged, secret=public(RSA)) == "bad_signature"
    for forged in (f"{segment({'alg': 'none'})}.{segment({})}.", token({}, SECRET * 2, "HS512")):
        assert reason(HS256, forged) == "bad_signature"


def test_a_key_that_the_token_brings_along_is_not_used() -> None:
    described = {"method": "jwt", "algorithm": "RS256", "key": public(RSA)}
    forged = token({}, OTHER_RSA, "RS256", jwk=jwk(RSA) | {"kid": "x"}, jku="https://evil.example")

    assert reason(described, forged) == "bad_signature"


def test_the_secret_of_hs256_is_never_a_public_key() -> None:
    verifier = verification.read(HS256)
    assert "must not be a PEM key" in str(verifier.mistake(public(RSA)))
    body = f"{segment({'alg': 'HS256'})}.{segment({})}"
    mac = hmac.digest(public(RSA).encode(), body.encode(), "sha256")
    forged = f"{body}.{urlsafe_b64encode(mac).decode().rstrip('=')}"
    assert reason(HS256, forged, secret=public(RSA)) == "bad_signature"


def test_a_short_secret_works_as_the_sender_chose_it() -> None:
    check(HS256, A_SHORT, secret="short")


A_SHORT = ".".join(
    [
        (body := f"{segment({'alg': 'HS256'})}.{segment({})}"),
        urlsafe_b64encode(hmac.digest(b"short", body.encode(), "sha256")).decode().rstrip("="),
    ]
)


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"exp": AT - 59}, ""),
        ({"exp": AT - 61}, "stale"),
        ({"nbf": AT + 59}, ""),
        ({"nbf": AT + 61}, "stale"),
        ({"exp": "tomorrow"}, "bad_signature"),
        ({"exp": True}, "bad_signature"),
        ({"exp": 1e300}, "bad_signature"),
        ({"exp": None}, ""),
        ({}, ""),
    ],
)
def test_the_times_of_a_token_are_checked(claims: dict[str, Any], expected: str) -> None:
    made = token(claims)
    if expected:
        assert reason(HS256, made) == expected
    else:
        check(HS256, made)


def test_the_tolerance_of_the_trigger_is_the_leeway() -> None:
    check(HS256, token({"exp": AT - 100}), tolerance=100)
    assert reason(HS256, token({"exp": AT - 1}), tolerance=0) == "stale"


@pytest.mark.parametrize(
    ("members", "claims", "expected"),
    [
        ({"audience": "us"}, {"aud": "us"}, ""),
        ({"audience": ["us", "them"]}, {"aud": ["x", "them"]}, ""),
        ({"audience": "us"}, {"aud": "usa"}, "bad_signature"),
        ({"audience": "us"}, {"aud": [{}, 1]}, "bad_signature"),
        ({"audience": "us"}, {}, "bad_signature"),
        ({"issuer": "netlify"}, {"iss": "netlify"}, ""),
        ({"issuer": "netlify"}, {"iss": ["netlify"]}, "bad_signature"),
        ({"issuer": "netlify"}, {}, "bad_signature"),
        ({"require": ["exp", "jti"]}, {"exp": AT, "jti": "x"}, ""),
        ({"require": "exp"}, {}, "bad_signature"),
        ({"max_age_seconds": 300}, {"iat": AT - 350}, ""),
        ({"max_age_seconds": 300}, {"iat": AT - 370}, "stale"),
        ({"max_age_seconds": 300}, {"iat": AT + 70}, "stale"),
        ({"max_age_seconds": 300}, {}, "bad_signature"),
    ],
)
def test_the_claims_are_held_to_the_description(
    members: dict[str, Any], claims: dict[str, Any], expected: str
) -> None:
    described = HS256 | members
    if expected:
        assert reason(described, jws(claims)) == expected
    else:
        check(described, jws(claims))


def jws(claims: Any) -> str:
    """Return a token with claims that the library would refuse to make."""
    return jwt.PyJWS().encode(json.dumps(claims).encode(), SECRET, "HS256")


@pytest.mark.parametrize("encoding", ["hex", "base64", "base64url"])
@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_a_claim_with_the_digest_binds_the_token_to_the_body(algorithm: str, encoding: str) -> None:
    described = HS256 | {
        "body_claim": "sha256",
        "body_algorithm": algorithm,
        "body_encoding": encoding,
    }
    headers = verification.read(described).sign(SECRET, b"one", float(AT), "")
    made = headers["Authorization"].removeprefix("Bearer ")

    check(described, made, body=b"one")
    assert reason(described, made, body=b"onE") == "bad_signature"
    assert reason(described, token({}), body=b"one") == "bad_signature"
    assert reason(described, token({"sha256": 1}), body=b"one") == "bad_signature"


def test_netlifys_form_is_verified() -> None:
    """https://docs.netlify.com/deploy/deploy-notifications/#payload-signature"""
    described = HS256 | {
        "header": "X-Webhook-Signature",
        "issuer": "netlify",
        "body_claim": "sha256",
    }
    made = token({"iss": "netlify", "sha256": hashlib.sha256(b"{}").hexdigest()})
    request = Request("1", {"x-webhook-signature": made}, b"{}")
    verification.read(described).verify(request, SECRET, NOW, None)


def test_the_key_of_a_set_is_chosen_by_its_id() -> None:
    first, second = EC["ES256"], ec.generate_private_key(ec.SECP256R1())
    keys = [jwk(first, kid="a"), jwk(second, kid="b"), jwk(RSA, kid="c"), jwk(RSA, use="enc")]
    described = {"method": "jwt", "algorithm": "ES256", "jwks": {"keys": keys}}

    check(described, token({}, second, "ES256", kid="b"))
    for made in (
        token({}, second, "ES256", kid="a"),
        token({}, second, "ES256", kid="z"),
        token({}, second, "ES256"),
        token({}, RSA, "RS256", kid="c"),
    ):
        assert reason(described, made) == "bad_signature"


SHAPES = [
    "",
    "x",
    "..",
    "a.b.c",
    "a" * 20_000,
    "é.é.é",
    "[" * 9000 + ".e30.x",
    *(
        f"{segment(header)}.e30.x"
        for header in (
            [],
            {"alg": []},
            {"alg": "HS256", "crit": ["x"]},
            {"alg": "HS256", "b64": False},
            {"alg": "HS256", "kid": 1},
        )
    ),
]


@pytest.mark.parametrize("shape", SHAPES, ids=range(len(SHAPES)))
def test_a_token_of_any_shape_is_refused_without_a_crash(shape: str) -> None:
    assert reason(HS256, shape) in ("bad_signature", "missing_signature")


@pytest.mark.parametrize("claims", [[], "x", None, 1])
def test_claims_that_are_no_object_are_refused(claims: Any) -> None:
    assert reason(HS256, jws(claims)) == "bad_signature"


MISTAKES = [
    ({"algorithm": "none"}, "algorithm must be one of"),
    ({"algorithm": "RS256"}, "key or jwks must have the public key"),
    ({"algorithm": "RS256", "key": "x", "jwks": {}}, "one of them and not both"),
    ({"algorithm": "RS256", "key": "x"}, "key must be a PEM public key"),
    ({"algorithm": "RS256", "key": public(EC["ES256"])}, "key must have an RSA key for RS256"),
    ({"algorithm": "ES384", "key": public(EC["ES256"])}, "on the curve secp384r1"),
    ({"algorithm": "RS256", "key": public(rsa.generate_private_key(65537, 1024))}, "2048 to 4096"),
    ({"algorithm": "HS256", "key": public(RSA)}, "key has no meaning with HS256"),
    ({"algorithm": "HS256", "jwks": {"keys": []}}, "jwks has no meaning with HS256"),
    (
        {"algorithm": "ES256", "secret_encoding": "hex", "key": public(EC["ES256"])},
        "secret_encoding",
    ),
    ({"algorithm": "ES256", "jwks": {"keys": []}}, "a list of 1 to 20 public keys"),
    ({"algorithm": "ES256", "jwks": {"keys": [jwk(RSA)]}}, "jwks has no key for ES256"),
    ({"algorithm": "ES256", "jwks": {"keys": [A3_KEY, A3_KEY]}}, "a kid of its own"),
    ({"algorithm": "ES256", "jwks": {"keys": [A3_KEY | {"d": "x"}]}}, "secret member 'd'"),
    ({"algorithm": "ES256", "jwks": {"keys": [A3_KEY | {"x": "AA"}]}}, "cannot be read"),
    ({"algorithm": "HS256", "header": "A", "query": "b"}, "query and header exclude each other"),
    ({"algorithm": "HS256", "max_age_seconds": 0}, "max_age_seconds must be a number of seconds"),
    ({"algorithm": "HS256", "audience": []}, "audience must not be an empty list"),
]


@pytest.mark.parametrize(("members", "sentence"), MISTAKES)
def test_a_mistake_is_named(members: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidTrigger, match=r"^verification: ") as refused:
        verification.read({"method": "jwt"} | members)
    assert sentence in str(refused.value)


def test_a_private_key_is_refused_and_not_repeated() -> None:
    private = RSA.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    with pytest.raises(InvalidTrigger, match="never a private one") as refused:
        verification.read({"method": "jwt", "algorithm": "RS256", "key": private})
    assert private[40:60] not in str(refused.value)


def test_only_the_sender_can_sign_with_its_private_key() -> None:
    verifier = verification.read({"method": "jwt", "algorithm": "RS256", "key": public(RSA)})
    with pytest.raises(InvalidTrigger, match="private key"):
        verifier.sign(SECRET, b"{}", 0.0, "")


def test_the_explanation_names_the_first_reason() -> None:
    verifier = verification.read(HS256 | {"audience": "us", "body_claim": "sha256"})

    def last(made: str) -> str:
        return verifier.explain(Request("1", {"authorization": f"Bearer {made}"}, b""), SECRET)[-1]

    assert (
        last(token({}, "another" * 6)) == "the signature is wrong: another key, or a changed token"
    )
    assert last(token({"aud": "x"})) == "the audience (aud) is not us"
    assert last(token({"aud": "us"})) == "the token has no digest of the body in the claim sha256"
    assert last(token({"aud": "us", "sha256": ""})).endswith("is the digest of another body")
