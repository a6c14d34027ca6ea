"""PyJWT with one algorithm, whose work is counted like that of every other check."""

from collections.abc import Callable
from typing import Any

import jwt
from cryptography.hazmat.primitives import hashes

from app.intake import signatures

SECRET_ALGORITHMS = ("HS256", "HS384", "HS512")
KEY_ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512")
_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "256": hashes.SHA256,
    "384": hashes.SHA384,
    "512": hashes.SHA512,
}


class _Hmac(jwt.algorithms.HMACAlgorithm):
    """HS256, HS384 or HS512, computed where digests are counted, with a secret of any length."""

    def __init__(self, algorithm: str) -> None:
        self._digest = f"sha{algorithm[2:]}"

    def prepare_key(self, key: str | bytes) -> bytes:
        """Return the key: the secret is read and checked before."""
        return key if isinstance(key, bytes) else key.encode()

    def check_key_length(self, _key: Any) -> None:
        """Senders choose short secrets, too: the operator cannot change that."""

    def sign(self, msg: bytes, key: bytes) -> bytes:
        """Return the HMAC."""
        return signatures.digest(key, msg, self._digest)


class _Rsa(jwt.algorithms.RSAAlgorithm):
    """RS256, RS384 or RS512, counted as a check."""

    def verify(self, msg: bytes, key: Any, sig: bytes) -> bool:
        """Return whether the key made the signature."""
        signatures.count_rsa_check()
        return super().verify(msg, key, sig)


class _Ec(jwt.algorithms.ECAlgorithm):
    """ES256, ES384 or ES512, counted as a check."""

    def verify(self, msg: bytes, key: Any, sig: bytes) -> bool:
        """Return whether the key made the signature."""
        signatures.count_ec_check()
        return super().verify(msg, key, sig)


def of(algorithm: str) -> jwt.PyJWS:
    """Return the library with this one algorithm: it can take no other, and never `none`."""
    library = jwt.PyJWS(algorithms=[])
    makers: dict[str, Callable[[], jwt.algorithms.Algorithm]] = {
        "HS": lambda: _Hmac(algorithm),
        "RS": lambda: _Rsa(_HASHES[algorithm[2:]]),
        "ES": lambda: _Ec(_HASHES[algorithm[2:]]),
    }
    library.register_algorithm(algorithm, makers[algorithm[:2]]())
    return library
