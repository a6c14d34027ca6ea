"""The values that claim, run, classify and settle pass to each other."""

from collections.abc import Iterable
from dataclasses import dataclass

from app.actions.exchange import NOTHING, StoredExchange
from app.actions.work import Work
from app.errors import ActionFailed
from app.executions.retry_policy import DEFAULT, RetryPolicy
from app.tolerant_json import json_object


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to settle one execution, held by one worker for one attempt."""

    execution_id: int
    number: int
    """Number of the attempt, counted from 1."""
    owner: str


@dataclass(frozen=True, slots=True)
class RetryTerms:
    """The facts of trigger and execution that decide if a failed attempt is retried, and when."""

    trigger_id: int
    policy: RetryPolicy = DEFAULT
    age_seconds: float = 0.0
    """Seconds between the receipt of the event and the claim, or the discovery of a lost lease."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A leased execution and the work to be done."""

    lease: Lease
    work: Work
    terms: RetryTerms
    precondition_error: ActionFailed | None = None
    """Error with which the attempt fails before its action is called, e.g. a sealed secret."""
    request_id: str | None = None
    """Id of the request that brought the event; it links both in the log."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of an attempt, one of lifecycle.OUTCOMES, with its details."""

    outcome: str
    summary: str | None = None
    error: str | None = None
    category: str | None = None
    reason: str | None = None
    """One of lifecycle.REASONS; None if nothing failed."""
    http_status: int | None = None
    retry_after_seconds: float | None = None
    duration_seconds: float | None = None
    handed_back: bool = False
    """True if the worker ended the attempt because it stopped: the execution is due at once."""
    not_started: bool = False
    """True if this machine could not start the action: the attempt is taken back, not counted."""
    machine_is_short: bool = False
    """True if this machine could not start anything else either: the event is not the cause."""
    absent: bool = False
    """True if a file or module of the action is missing, perhaps only while it is deployed."""
    exchange: StoredExchange = NOTHING
    """The request that the attempt sent and its response, as they are stored."""


@dataclass(frozen=True, slots=True)
class FinishedAttempt:
    """An attempt that has ended and is to be settled."""

    lease: Lease
    terms: RetryTerms
    outcome: Outcome
    request_id: str | None = None


def request_id(headers: str | None) -> str | None:
    """Return X-Request-Id of a request's stored headers; None without headers (a test event)."""
    value = (json_object(headers) or {}).get("x-request-id")
    return value if isinstance(value, str) else None


def named_headers(headers: str | None, names: Iterable[str]) -> dict[str, str]:
    """Return those of a request's stored headers that have one of these names, in this spelling."""
    if not names:
        return {}
    stored = json_object(headers) or {}
    found = {name: stored.get(name.lower()) for name in names}
    return {name: value for name, value in found.items() if isinstance(value, str)}
