"""Compute how long a finished execution keeps its payload, its row and its key. Pure."""

from dataclasses import dataclass

from app.lifecycle import DEAD, FINISHED
from app.settings import Settings

DAY_SECONDS = 86_400.0
BEYOND_RETRIES_SECONDS = DAY_SECONDS
"""Seconds that a key outlives the sender's last retry: clocks differ, and queues are long."""


@dataclass(frozen=True, slots=True)
class Retention:
    """The lifetimes of one trigger's executions, counted from when they finished."""

    payload_seconds: float
    rows_seconds: float
    dead_seconds: float
    """Lifetime of a dead letter and its payload: an operator may still want to replay it."""

    def row_expired(self, status: str, finished_seconds: float | None) -> bool:
        """Return True if the row, finished so long ago, may be removed and its key reused.

        An unfinished execution is kept at any age, and so is a row whose age is unknown (None):
        older code does not store when an event was received.
        """
        lifetime = self.dead_seconds if status in DEAD else self.rows_seconds
        return _expired(status, finished_seconds, lifetime)

    def payload_expired(self, status: str, finished_seconds: float | None) -> bool:
        """Return True if the payload may be removed."""
        lifetime = self.dead_seconds if status in DEAD else self.payload_seconds
        return _expired(status, finished_seconds, lifetime)


@dataclass(frozen=True, slots=True)
class RetentionDefaults:
    """The lifetimes of triggers that set none of their own."""

    payload_seconds: float
    rows_seconds: float
    dead_seconds: float

    def of(
        self,
        retry_seconds: float | None,
        keep_payload_seconds: float | None = None,
        keep_rows_seconds: float | None = None,
    ) -> Retention:
        """Return the lifetimes of a trigger whose sender retries for `retry_seconds`.

        The trigger's own values apply, however short; by default a key outlives the last retry.
        """
        rows_seconds = keep_rows_seconds
        if rows_seconds is None:
            rows_seconds = max(self.rows_seconds, needed_seconds(retry_seconds))
        payload_seconds = keep_payload_seconds
        if payload_seconds is None:
            payload_seconds = self.payload_seconds
        return Retention(payload_seconds, rows_seconds, max(self.dead_seconds, rows_seconds))


def of_settings(settings: Settings) -> RetentionDefaults:
    """Return the defaults that the settings give."""
    return RetentionDefaults(
        settings.hookonce_keep_payload_days * DAY_SECONDS,
        settings.hookonce_keep_rows_days * DAY_SECONDS,
        settings.hookonce_keep_dead_days * DAY_SECONDS,
    )


def needed_seconds(retry_seconds: float | None) -> float:
    """Return how long a key must live to outlive the sender's last retry; 0 if that is unknown."""
    return 0.0 if retry_seconds is None else retry_seconds + BEYOND_RETRIES_SECONDS


def warning(
    source: str, retry_seconds: float | None, keep_rows_seconds: float | None
) -> str | None:
    """Return a warning if the trigger forgets keys before its sender stops retrying; else None."""
    if keep_rows_seconds is None or retry_seconds is None or keep_rows_seconds > retry_seconds:
        return None
    return (
        f"{source} retries for up to {retry_seconds / DAY_SECONDS:.2g} day(s); a key kept for "
        f"{keep_rows_seconds / DAY_SECONDS:.2g} day(s) lets a later retry run a second time"
    )


def _expired(status: str, finished_seconds: float | None, lifetime: float) -> bool:
    return status in FINISHED and finished_seconds is not None and finished_seconds > lifetime
