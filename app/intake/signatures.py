"""How senders prove who they are: over raw bytes, in constant time, before any parsing."""

import base64
import hmac
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from app.errors import Unverified

MISSING = "missing_signature"
BAD = "bad_signature"
STALE = "stale"


DIGESTS = 6
"""Twilio with two secrets makes as many; all other senders make fewer."""
CURVE_CHECKS = 2
"""Discord with two keys; a tenth of a millisecond each."""
BODIES = 2
"""How often a body is hashed until a request is refused: as it is with two secrets."""
PREFIX_BYTES = 8192
"""What senders sign besides the body: timestamps, ids, addresses."""
_DECOY = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()
_this_thread = threading.local()


@dataclass(slots=True)
class VerificationCost:
    """What the proofs of one request cost: all that its thread computes within the block."""

    digests: int = 0
    digested_bytes: int = 0
    curve_checks: int = 0

    def __enter__(self) -> "VerificationCost":
        """From here on it is what this thread computes."""
        _this_thread.work = self
        return self

    def __exit__(self, *_: object) -> None:
        _this_thread.work = None

    def level(self, body: bytes) -> None:
        """As much has been computed as for any other refused request with this body.

        Else the time of a refusal would tell which senders, and so which triggers, there are.
        """
        missing = BODIES * len(body) + PREFIX_BYTES - self.digested_bytes
        while self.digests < DIGESTS:
            digest(b"nobody", bytes(max(0, missing)))
            missing = 0
        while self.curve_checks < CURVE_CHECKS:
            curve_signed(_DECOY, bytes(64), body)


def _current() -> VerificationCost:
    return getattr(_this_thread, "work", None) or VerificationCost()


def digest(key: bytes, message: bytes, algorithm: str = "sha256") -> bytes:
    """The HMAC; every one that a proof needs is made here, where it is counted."""
    work = _current()
    work.digests += 1
    work.digested_bytes += len(message)
    return hmac.digest(key, message, algorithm)


def curve_signed(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    """Whether it is the Ed25519 signature of the message; counted as `digest` is."""
    _current().curve_checks += 1
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def hmac_sha256_hex(secret: str, *parts: bytes) -> str:
    """The lower-case hex digest over the parts, one after the other."""
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


def require_fresh(timestamp: str, now: datetime, tolerance_seconds: float | None) -> None:
    """Return if the Unix time is within the tolerance, in the past or ahead; else raise Unverified.

    A signature that is old may be a recording. None is no limit.
    """
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise Unverified(BAD)
    if tolerance_seconds is None:
        return
    if abs(now.timestamp() - int(timestamp)) > tolerance_seconds:
        raise Unverified(STALE)


def hmac_sha256_base64(secret: str, *parts: bytes) -> str:
    """The digest over the parts, one after the other, in base64 with its padding."""
    digested = bytes.fromhex(hmac_sha256_hex(secret, *parts))
    return base64.b64encode(digested).decode()


def timestamp_and_values(
    header: str, *, separator: str, timestamp: str, value: str
) -> tuple[str, list[str]]:
    """The first timestamp and every signature of a header such as `t=...,v1=...,v1=...`.

    No timestamp is an empty text.
    """
    pairs = [part.strip().partition("=") for part in header.split(separator)]
    timestamps = [found for name, _, found in pairs if name == timestamp]
    return (timestamps or [""])[0], [found for name, _, found in pairs if name == value]
