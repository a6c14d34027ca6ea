"""What the steps of working hand to each other."""

import json
from dataclasses import dataclass

from app.actions.work import Work
from app.errors import ActionFailed
from app.executions.retry_policy import DEFAULT, RetryPolicy


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to settle one execution: held by one owner, for one attempt."""

    execution_id: int
    number: int
    """Which attempt this is, counted from one."""
    owner: str


@dataclass(frozen=True, slots=True)
class RetryTerms:
    """What decides how an attempt that fails goes on."""

    trigger_id: int
    policy: RetryPolicy = DEFAULT
    age_seconds: float = 0.0
    """How long ago the event had been received when the attempt was claimed, or found lost."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A leased execution and the work to be done."""

    lease: Lease
    work: Work
    terms: RetryTerms
    precondition_error: ActionFailed | None = None
    """What keeps it from being done at all."""
    request_id: str | None = None
    """Of the request that brought the event; the log names both by it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended: one of lifecycle.OUTCOMES, and what there is to say about it."""

    outcome: str
    summary: str | None = None
    error: str | None = None
    category: str | None = None
    reason: str | None = None
    """One of lifecycle.REASONS; None where nothing failed."""
    http_status: int | None = None
    retry_after_seconds: float | None = None
    duration_seconds: float | None = None
    handed_back: bool = False
    """It was ended by us, for no fault of its own: it is due again at once."""


@dataclass(frozen=True, slots=True)
class FinishedAttempt:
    """An attempt that is over and waits to be settled."""

    lease: Lease
    terms: RetryTerms
    outcome: Outcome
    request_id: str | None = None


def request_id(headers: str | None) -> str | None:
    """What the stored headers of a request say; None where there are none, as of a test."""
    try:
        kept = json.loads(headers or "{}")
    except (ValueError, RecursionError):
        return None
    found = kept.get("x-request-id") if isinstance(kept, dict) else None
    return found if isinstance(found, str) else None
