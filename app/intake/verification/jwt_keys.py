"""The public keys of a description with a JWT: one PEM key, or a JWKS document. Pure."""

import json
from collections.abc import Mapping
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from app.intake.verification.members import refuse

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
SHORTEST_RSA_BITS = 2048
LONGEST_RSA_BITS = 4096
"""Longer keys would keep the answering thread busy for each forged request."""
MOST_KEYS = 20
_CURVES = {"ES256": "secp256r1", "ES384": "secp384r1", "ES512": "secp521r1"}
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
"""Members of a JWK that are secret: a description is shown, and holds no secret."""


def of_pem(text: Any, algorithm: str) -> dict[str, PublicKey]:
    """Return the key of a PEM text, under an empty id; raise InvalidTrigger for a mistake."""
    if not isinstance(text, str) or "PRIVATE KEY" in text:
        refuse("key", "must be a PEM public key, never a private one")
    try:
        key = load_pem_public_key(text.strip().encode())
    except (ValueError, UnsupportedAlgorithm):
        refuse("key", "must be a PEM public key (-----BEGIN PUBLIC KEY-----)")
    return {"": _fitting("key", key, algorithm)}


def of_jwks(document: Any, algorithm: str) -> dict[str, PublicKey]:
    """Return the keys of a JWKS that fit the algorithm, by id; raise InvalidTrigger for a mistake.

    Keys for encryption and for other algorithms are left out, as RFC 7517 advises.
    """
    listed = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(listed, list) or not 0 < len(listed) <= MOST_KEYS:
        refuse("jwks", f"must be an object with keys, a list of 1 to {MOST_KEYS} public keys")
    keys: dict[str, PublicKey] = {}
    for each in listed:
        _require_public(each)
        if _is_meant(each, algorithm):
            keys[_id(each, keys)] = _key(each, algorithm)
    if not keys:
        refuse("jwks", f"has no key for {algorithm}")
    if len(keys) > 1 and "" in keys:
        refuse("jwks", "must give each of several keys a kid")
    return keys


def _require_public(each: Any) -> None:
    if not isinstance(each, Mapping):
        refuse("jwks", "must have only objects in keys")
    if secret := sorted(_PRIVATE & each.keys()):
        found = f"one of them has the secret member {secret[0]!r}"
        refuse("jwks", f"must have public keys only, and {found}")


def _is_meant(each: Mapping[str, Any], algorithm: str) -> bool:
    kind = {"R": "RSA", "E": "EC"}[algorithm[0]]
    meant = each.get("use", "sig") == "sig" and each.get("alg", algorithm) == algorithm
    return meant and each.get("kty") == kind


def _id(each: Mapping[str, Any], keys: Mapping[str, PublicKey]) -> str:
    id_ = each.get("kid", "")
    if not isinstance(id_, str) or id_ in keys:
        refuse("jwks", "must give each key a kid of its own, as text")
    return id_


def _key(each: Mapping[str, Any], algorithm: str) -> PublicKey:
    reader = (
        jwt.algorithms.RSAAlgorithm if algorithm.startswith("RS") else jwt.algorithms.ECAlgorithm
    )
    try:
        key = reader.from_jwk(json.dumps(dict(each)))
    except (jwt.InvalidKeyError, ValueError, TypeError, KeyError):
        refuse("jwks", f"has a key that cannot be read: {str(each.get('kid', ''))[:100]!r}")
    return _fitting("jwks", key, algorithm)


def _fitting(member: str, key: object, algorithm: str) -> PublicKey:
    """Return the key if the algorithm works with it; else raise InvalidTrigger."""
    curve = _CURVES.get(algorithm)
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == curve:
        return key
    if curve is not None or not isinstance(key, rsa.RSAPublicKey):
        wanted = "an RSA key" if curve is None else f"an EC key on the curve {curve}"
        refuse(member, f"must have {wanted} for {algorithm}")
    if not SHORTEST_RSA_BITS <= key.key_size <= LONGEST_RSA_BITS:
        bits = f"{SHORTEST_RSA_BITS} to {LONGEST_RSA_BITS}"
        refuse(member, f"must have an RSA key of {bits} bits, not {key.key_size}")
    return key
