"""How senders prove who they are: over raw bytes, in constant time, before any parsing."""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime

from app.errors import Unverified

MISSING = "missing_signature"
BAD = "bad_signature"
STALE = "stale"


def hmac_sha256_hex(secret: str, *parts: bytes) -> str:
    """The lower-case hex digest over the parts, one after the other."""
    return hmac.new(
        secret.encode("utf-8", "surrogatepass"), b"".join(parts), hashlib.sha256
    ).hexdigest()


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
    digest = bytes.fromhex(hmac_sha256_hex(secret, *parts))
    return base64.b64encode(digest).decode()


def timestamp_and_values(
    header: str, *, separator: str, timestamp: str, value: str
) -> tuple[str, list[str]]:
    """The first timestamp and every signature of a header such as `t=...,v1=...,v1=...`.

    No timestamp is an empty text.
    """
    pairs = [part.strip().partition("=") for part in header.split(separator)]
    timestamps = [found for name, _, found in pairs if name == timestamp]
    return (timestamps or [""])[0], [found for name, _, found in pairs if name == value]
