"""What can become of a delivery: the one list of words that deliveries are counted under. Pure."""

from sqlalchemy.exc import DataError, IntegrityError

from app.errors import (
    DatabaseUnavailable,
    KeyMissing,
    SchemaMoved,
    TooLarge,
    Unreadable,
    Unverified,
)

ACCEPTED = "accepted"
DUPLICATE = "duplicate"
"""Known to the pre-check."""
DUPLICATE_RACE = "duplicate_race"
"""Refused by the unique index: another delivery of the event was a moment faster."""
MISMATCH = "mismatch"
"""Answered like a duplicate, whichever of the two found it, but its payload is another."""
FILTERED = "filtered"
HANDSHAKE = "handshake"
UNKNOWN_TRIGGER = "refused_unknown_trigger"
DISABLED_TRIGGER = "refused_disabled_trigger"
NO_SECRET = "refused_no_secret"  # noqa: S105, the name of a reason
MISSING_SIGNATURE = "refused_missing_signature"
BAD_SIGNATURE = "refused_bad_signature"
STALE = "refused_stale"
TOO_LARGE = "refused_too_large"
MALFORMED = "refused_malformed"
MISSING_KEY = "refused_missing_key"
UNAVAILABLE = "error_unavailable"
UNEXPECTED = "error_unexpected"

ALL = (
    *(ACCEPTED, DUPLICATE, DUPLICATE_RACE, MISMATCH, FILTERED, HANDSHAKE),
    *(UNKNOWN_TRIGGER, DISABLED_TRIGGER, NO_SECRET, MISSING_SIGNATURE, BAD_SIGNATURE, STALE),
    *(TOO_LARGE, MALFORMED, MISSING_KEY, UNAVAILABLE, UNEXPECTED),
)
ATTEMPT_SUCCEEDED = "attempt_succeeded"
ATTEMPT_RETRIED = "attempt_retried"
"""It failed, and another follows."""
ATTEMPT_FAILED = "attempt_failed"
"""It failed for good: a dead letter."""
ATTEMPT_EXHAUSTED = "attempt_exhausted"
"""It failed, and was the last that the trigger's policy allows: a dead letter."""
ATTEMPT_LOST = "attempt_lost"
"""Its lease ran out; whatever follows."""
ATTEMPTS = (
    ATTEMPT_SUCCEEDED,
    ATTEMPT_RETRIED,
    ATTEMPT_FAILED,
    ATTEMPT_EXHAUSTED,
    ATTEMPT_LOST,
)
"""What becomes of attempts; counted beside deliveries, and no delivery."""
REPEATED = (DUPLICATE, DUPLICATE_RACE, MISMATCH)
"""All that came again: answered like the first."""


def of(error: Exception) -> str:
    """What a delivery came to that ended in this error."""
    if isinstance(error, Unverified):
        named = f"refused_{error.reason}"
        return named if named in ALL else BAD_SIGNATURE
    for kind, outcome in _OF_ERRORS.items():
        if isinstance(error, kind):
            return outcome
    return UNEXPECTED


_OF_ERRORS: dict[type[Exception], str] = {
    TooLarge: TOO_LARGE,
    Unreadable: MALFORMED,
    KeyMissing: MISSING_KEY,
    DatabaseUnavailable: UNAVAILABLE,
    SchemaMoved: UNAVAILABLE,
    IntegrityError: UNAVAILABLE,
    DataError: UNAVAILABLE,
}
