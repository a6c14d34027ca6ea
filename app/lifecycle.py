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
    PENDING: frozenset({RUNNING}),
    RUNNING: frozenset({COMPLETED, RETRYING, FAILED, FAILED_RETRYABLE}),
    RETRYING: frozenset({RUNNING}),
    COMPLETED: frozenset(),
    FAILED: frozenset({REPLAYED}),
    FAILED_RETRYABLE: frozenset({REPLAYED}),
    REPLAYED: frozenset(),
}

STATUSES: Final = tuple(MOVES)
WAITING: Final = (PENDING, RETRYING)
"""A worker may claim these once they are due."""
DEAD: Final = (FAILED, FAILED_RETRYABLE)
"""Dead letters: nothing more happens by itself."""
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
)
"""Why an attempt failed, finer than its category: what a person looks for among dead letters."""

SUCCEEDED: Final = "succeeded"
FAILED_ATTEMPT: Final = "failed"
LOST: Final = "lost"
OUTCOMES: Final = (SUCCEEDED, FAILED_ATTEMPT, LOST)
"""How an attempt ends; `lost` is a lease that ran out."""


def may_move(current: str, target: str) -> bool:
    """Whether an execution in `current` may become `target`."""
    return target in MOVES.get(current, frozenset())


def after_failure(category: str, *, attempts_left: bool) -> str:
    """Where a running execution goes when its attempt fails: decided here and nowhere else."""
    if category == PERMANENT:
        return FAILED
    return RETRYING if attempts_left else FAILED_RETRYABLE
