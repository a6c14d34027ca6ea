"""Check signatures: over raw bytes, in constant time, before any parsing."""

import base64
import hmac
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from app.errors import Unverified

MISSING = "missing_signature"
BAD = "bad_signature"
STALE = "stale"

DIGESTS = 6
"""Digests computed for each refused request: Twilio with two secrets needs most."""
CURVE_CHECKS = 2
"""Ed25519 checks computed for each refused request: Discord with two keys; 0.1 ms each."""
RSA_CHECKS = 1
EC_CHECKS = 1
"""RSA and P-256 checks computed for each refused request: a JWT has one signature; 0.1 ms in all.

All three are left out while no trigger with a public key exists: they cost as much as all the rest.
Keys of other sizes take more or less: a refusal by one costs as many checks, not as much time.
"""
BODIES = 2
"""Times that the body of each refused request is hashed: as with two secrets."""
PREFIX_BYTES = 8192
"""Bytes that senders sign besides the body at most: timestamps, ids, addresses."""
_DECOY = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()
_EC_DECOY = ec.derive_private_key(1, ec.SECP256R1()).public_key()
_EC_DECOY_SIGNATURE = encode_dss_signature(1, 1)
_RSA_DECOY = rsa.RSAPublicNumbers(65537, 2**2047 + 1).public_key()
_this_thread = threading.local()


@dataclass(slots=True)
class VerificationCost:
    """Counts the digests and checks that this thread computes for one request in the block."""

    digests: int = 0
    digested_bytes: int = 0
    curve_checks: int = 0
    rsa_checks: int = 0
    ec_checks: int = 0

    def __enter__(self) -> "VerificationCost":
        """Count what this thread computes from now on."""
        _this_thread.cost = self
        return self

    def __exit__(self, *_: object) -> None:
        _this_thread.cost = None

    def pad(self, body: bytes, *, curve: bool = True) -> None:
        """Compute what is missing to the cost of any other refused request with this body.

        Else the time of a refusal would tell which senders, and so which triggers, exist. Without
        `curve` no trigger's requests are verified with a public key.
        """
        missing = BODIES * len(body) + PREFIX_BYTES - self.digested_bytes
        while self.digests < DIGESTS:
            digest(b"decoy", bytes(max(0, missing)))
            missing = 0
        while curve and self.curve_checks < CURVE_CHECKS:
            curve_signed(_DECOY, bytes(64), body)
        while curve and self.rsa_checks < RSA_CHECKS:
            _decoy_rsa_check()
        while curve and self.ec_checks < EC_CHECKS:
            _decoy_ec_check()


def _current() -> VerificationCost:
    return getattr(_this_thread, "cost", None) or VerificationCost()


def digest(key: bytes, message: bytes, algorithm: str = "sha256") -> bytes:
    """Return the HMAC; all that a check needs are computed here, where they are counted."""
    cost = _current()
    cost.digests += 1
    cost.digested_bytes += len(message)
    return hmac.digest(key, message, algorithm)


def curve_signed(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    """Return whether the key made this Ed25519 signature of the message; counted as digests are."""
    _current().curve_checks += 1
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def count_rsa_check() -> None:
    """Count an RSA check that a library computes for this request."""
    _current().rsa_checks += 1


def count_ec_check() -> None:
    """Count an ECDSA check that a library computes for this request."""
    _current().ec_checks += 1


def _decoy_rsa_check() -> None:
    count_rsa_check()
    with suppress(InvalidSignature):
        _RSA_DECOY.verify(bytes(256), b"", padding.PKCS1v15(), hashes.SHA256())


def _decoy_ec_check() -> None:
    count_ec_check()
    with suppress(InvalidSignature):
        _EC_DECOY.verify(_EC_DECOY_SIGNATURE, b"", ec.ECDSA(hashes.SHA256()))


def hmac_sha256_hex(secret: str, *parts: bytes) -> str:
    """Return the HMAC over the joined parts in lower-case hex."""
    return digest(secret.encode("utf-8", "surrogatepass"), b"".join(parts)).hex()


def require_match(presented: Iterable[str], expected: str) -> None:
    """Return if one of the presented values is the expected one; else raise Unverified.

    Bytes are compared, since text outside ASCII cannot be compared in constant time.
    """
    candidates = list(presented)
    if not any(candidates):
        raise Unverified(MISSING)
    wanted = expected.encode("utf-8", "surrogatepass")
    matches = [
        hmac.compare_digest(candidate.encode("utf-8", "surrogatepass"), wanted)
        for candidate in candidates
    ]
    if not any(matches):
        raise Unverified(BAD)


def require_secret(presented: Iterable[str], secret: str) -> None:
    """Return if one of the presented values is the secret; else raise Unverified.

    A header is bytes, which WSGI hands over as Latin-1: a sender may mean UTF-8 or Latin-1.
    """
    candidates = [_sent_bytes(candidate) for candidate in presented]
    if not any(candidates):
        raise Unverified(MISSING)
    spellings = {secret.encode("utf-8", "surrogatepass"), _sent_bytes(secret)}
    matches = [
        hmac.compare_digest(candidate, spelling)
        for candidate in candidates
        for spelling in spellings
    ]
    if not any(matches):
        raise Unverified(BAD)


def _sent_bytes(text: str) -> bytes:
    """Return the bytes of a header; of text that no header can hold, such as a path's, UTF-8."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def require_fresh(timestamp: str, now: datetime, tolerance_seconds: float | None) -> None:
    """Return if the Unix time is within the tolerance, in the past or ahead; else raise Unverified.

    An old signature may be a recording. A tolerance of None is no limit.
    """
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise Unverified(BAD)
    require_recent(int(timestamp), now, tolerance_seconds)


def require_recent(seconds: float, now: datetime, tolerance_seconds: float | None) -> None:
    """Return if the time is within the tolerance, in the past or ahead; else raise Unverified."""
    if tolerance_seconds is None:
        return
    if abs(now.timestamp() - seconds) > tolerance_seconds:
        raise Unverified(STALE)


def hmac_sha256_base64(secret: str, *parts: bytes) -> str:
    """Return the HMAC over the joined parts in base64, with its padding."""
    digested = bytes.fromhex(hmac_sha256_hex(secret, *parts))
    return base64.b64encode(digested).decode()


def timestamp_and_values(
    header: str, *, separator: str, timestamp: str, value: str
) -> tuple[str, list[str]]:
    """Return the first timestamp and every signature of a header such as `t=...,v1=...,v1=...`.

    The timestamp is empty if there is none.
    """
    pairs = [part.strip().partition("=") for part in header.split(separator)]
    timestamps = [text for name, _, text in pairs if name == timestamp]
    return (timestamps or [""])[0], [text for name, _, text in pairs if name == value]
