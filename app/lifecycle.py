"""The life of an execution: its states and the only list of moves between them. Pure."""

from typing import Final

PENDING: Final = "pending"
RUNNING: Final = "running"
RETRYING: Final = "retrying"
COMPLETED: Final = "completed"
FAILED: Final = "failed"
FAILED_RETRYABLE: Final = "failed_retryable"
REPLAYED: Final = "replayed"

MOVES: Final[dict[str, frozenset[str]]] = {
    PENDING: frozenset({RUNNING, FAILED}),
    RUNNING: frozenset({COMPLETED, RETRYING, FAILED, FAILED_RETRYABLE}),
    RETRYING: frozenset({RUNNING, FAILED}),
    COMPLETED: frozenset(),
    FAILED: frozenset({REPLAYED}),
    FAILED_RETRYABLE: frozenset({REPLAYED}),
    REPLAYED: frozenset(),
}
"""Workers make these moves, and people two of them: they cancel and they replay executions."""

STATUSES: Final = tuple(MOVES)
WAITING: Final = (PENDING, RETRYING)
"""Statuses that a worker may claim once the execution is due."""
DEAD: Final = (FAILED, FAILED_RETRYABLE)
"""Statuses of dead letters: nothing more happens without a person."""
FINISHED: Final = (COMPLETED, *DEAD, REPLAYED)
UNFINISHED: Final = (PENDING, RUNNING, RETRYING)

TRANSIENT: Final = "transient"
PERMANENT: Final = "permanent"

AUTH: Final = "auth"
RATE_LIMITED: Final = "rate_limited"
TIMEOUT: Final = "timeout"
CONNECTION: Final = "connection"
TARGET_ERROR: Final = "target_error"
REJECTED: Final = "rejected"
CONFIGURATION: Final = "configuration"
SCRIPT_FAILED: Final = "script_failed"
LEASE_LOST: Final = "lease_lost"
INTERNAL: Final = "internal"
CANCELLED: Final = "cancelled"
"""Reason of an execution that a person cancelled while it waited; no attempt failed."""
REASONS: Final = (
    AUTH,
    RATE_LIMITED,
    TIMEOUT,
    CONNECTION,
    TARGET_ERROR,
    REJECTED,
    CONFIGURATION,
    SCRIPT_FAILED,
    LEASE_LOST,
    INTERNAL,
    CANCELLED,
)
"""Reasons of a failed attempt, finer than its category: people filter dead letters by them."""

SUCCEEDED: Final = "succeeded"
FAILED_ATTEMPT: Final = "failed"
LOST: Final = "lost"
OUTCOMES: Final = (SUCCEEDED, FAILED_ATTEMPT, LOST)
"""Outcomes of an attempt; `lost` means that the lease expired."""


def after_failure(category: str, *, attempts_left: bool) -> str:
    """Return the next status of a running execution whose attempt failed: decided only here."""
    if category == PERMANENT:
        return FAILED
    return RETRYING if attempts_left else FAILED_RETRYABLE
