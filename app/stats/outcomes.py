"""The outcomes of deliveries and attempts: the one list of names that they are counted by. Pure."""

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
"""A duplicate that the pre-check found, before the insert."""
DUPLICATE_RACE = "duplicate_race"
"""A duplicate that the unique index refused: another delivery of the event committed first."""
MISMATCH = "mismatch"
"""A duplicate by its key, found by either of the two, whose payload differs."""
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

REFUSED = "refused_"
"""Beginning of the outcomes of refused requests."""

ALL = (
    *(ACCEPTED, DUPLICATE, DUPLICATE_RACE, MISMATCH, FILTERED, HANDSHAKE),
    *(UNKNOWN_TRIGGER, DISABLED_TRIGGER, NO_SECRET, MISSING_SIGNATURE, BAD_SIGNATURE, STALE),
    *(TOO_LARGE, MALFORMED, MISSING_KEY, UNAVAILABLE, UNEXPECTED),
)
ATTEMPT_SUCCEEDED = "attempt_succeeded"
ATTEMPT_RETRIED = "attempt_retried"
"""The attempt failed, and another follows."""
ATTEMPT_FAILED = "attempt_failed"
"""The attempt failed permanently: the execution is a dead letter."""
ATTEMPT_EXHAUSTED = "attempt_exhausted"
"""The last attempt that the trigger's policy allows failed: the execution is a dead letter."""
ATTEMPT_LOST = "attempt_lost"
"""The lease of the attempt expired."""
ATTEMPT_NOT_STARTED = "attempt_not_started"
"""The worker's machine could not start the action: no attempt is used up."""
ATTEMPTS = (
    ATTEMPT_SUCCEEDED,
    ATTEMPT_RETRIED,
    ATTEMPT_FAILED,
    ATTEMPT_EXHAUSTED,
    ATTEMPT_LOST,
    ATTEMPT_NOT_STARTED,
)
"""Outcomes of attempts; they are counted in the table of deliveries and are none."""
REPEATED = (DUPLICATE, DUPLICATE_RACE, MISMATCH)
"""Outcomes of duplicates: they are answered like the first delivery."""


def of(error: Exception) -> str:
    """Return the outcome of a delivery that ended in this error."""
    if isinstance(error, Unverified):
        refusal = f"refused_{error.reason}"
        return refusal if refusal in ALL else BAD_SIGNATURE
    for kind, outcome in _OF_ERRORS.items():
        if isinstance(error, kind):
            return outcome
    return UNAVAILABLE if _refused_by_database(error) else UNEXPECTED


def _refused_by_database(error: Exception) -> bool:
    from sqlalchemy.exc import DataError, IntegrityError  # commands without a database have none

    return isinstance(error, IntegrityError | DataError)


_OF_ERRORS: dict[type[Exception], str] = {
    TooLarge: TOO_LARGE,
    Unreadable: MALFORMED,
    KeyMissing: MISSING_KEY,
    DatabaseUnavailable: UNAVAILABLE,
    SchemaMoved: UNAVAILABLE,
}
