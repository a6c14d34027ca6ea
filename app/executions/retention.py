"""How long what is finished is kept: its payload, its row, and with the row its key. Pure."""

from dataclasses import dataclass

from app.lifecycle import DEAD, FINISHED
from app.settings import Settings

DAY_SECONDS = 86_400.0
BEYOND_RETRIES_SECONDS = DAY_SECONDS
"""How much longer than a sender's last retry its keys count: clocks differ, and queues are long."""


@dataclass(frozen=True, slots=True)
class Retention:
    """Of one trigger's executions, counted from when they finished."""

    payload_seconds: float
    rows_seconds: float
    dead_seconds: float
    """Of a dead letter and its payload: a person may still want to replay it."""

    def row_outlived(self, status: str, finished_seconds: float | None) -> bool:
        """Whether the row, finished so long ago, is kept no longer and its key counts no more.

        What has not finished is kept whatever its age, and so is a row whose age is unknown (None):
        older code does not say when an event was received.
        """
        lifetime = self.dead_seconds if status in DEAD else self.rows_seconds
        return _outlived(status, finished_seconds, lifetime)

    def payload_outlived(self, status: str, finished_seconds: float | None) -> bool:
        """Whether the payload is kept no longer."""
        lifetime = self.dead_seconds if status in DEAD else self.payload_seconds
        return _outlived(status, finished_seconds, lifetime)


@dataclass(frozen=True, slots=True)
class RetentionDefaults:
    """What holds for triggers that say nothing of their own."""

    payload_seconds: float
    rows_seconds: float
    dead_seconds: float

    def of(
        self,
        retry_seconds: float | None,
        keep_payload_seconds: float | None = None,
        keep_rows_seconds: float | None = None,
    ) -> Retention:
        """The lifetimes of a trigger whose sender tries again for so long.

        What the trigger says itself holds, however short; by default a key outlives the last retry.
        """
        rows_seconds = keep_rows_seconds
        if rows_seconds is None:
            rows_seconds = max(self.rows_seconds, needed_seconds(retry_seconds))
        payload_seconds = keep_payload_seconds
        if payload_seconds is None:
            payload_seconds = self.payload_seconds
        return Retention(payload_seconds, rows_seconds, max(self.dead_seconds, rows_seconds))


def of_settings(settings: Settings) -> RetentionDefaults:
    """As the operator chose."""
    return RetentionDefaults(
        settings.hookonce_keep_payload_days * DAY_SECONDS,
        settings.hookonce_keep_rows_days * DAY_SECONDS,
        settings.hookonce_keep_dead_days * DAY_SECONDS,
    )


def needed_seconds(retry_seconds: float | None) -> float:
    """How long a key must count to outlive the sender's last retry; 0 where that is unknown."""
    return 0.0 if retry_seconds is None else retry_seconds + BEYOND_RETRIES_SECONDS


def warning(
    source: str, retry_seconds: float | None, keep_rows_seconds: float | None
) -> str | None:
    """What to tell an operator whose trigger forgets a key before its sender stops retrying."""
    if keep_rows_seconds is None or retry_seconds is None or keep_rows_seconds > retry_seconds:
        return None
    return (
        f"{source} sends again for up to {retry_seconds / DAY_SECONDS:.2g} day(s); keys that are "
        f"kept for {keep_rows_seconds / DAY_SECONDS:.2g} let such an event in a second time"
    )


def _outlived(status: str, finished_seconds: float | None, lifetime: float) -> bool:
    return status in FINISHED and finished_seconds is not None and finished_seconds > lifetime
