"""Schemas of dead letters: filters, lists and bulk replays."""

from dataclasses import dataclass
from typing import Annotated, Literal, TypedDict

from app.web.api.schemas.values import (
    Category,
    ExecutionId,
    HttpStatus,
    Key,
    Moment,
    MomentGiven,
    Name,
    PerPage,
    Reason,
    Word,
)
from app.web.validation import Constraints


@dataclass(frozen=True, slots=True)
class DeadLetterSelection:
    """Filters that select dead letters."""

    trigger: Name | None = None
    """Id, slug or name of the trigger."""
    reason: Reason | None = None
    category: Category | None = None
    since: MomentGiven | None = None
    """Failed at or after this time."""
    until: MomentGiven | None = None
    """Failed before this time."""
    key: Key | None = None
    http_status: HttpStatus | None = None
    """Status that the target answered the last attempt with."""
    before_id: ExecutionId | None = None
    key_prefix: Key | None = None
    """Beginning of the key."""
    source: Word | None = None
    """Sender of the trigger, such as `github`."""


@dataclass(frozen=True, slots=True)
class DeadLettersQuery(DeadLetterSelection):
    """Filters and page size of a list of dead letters."""

    per_page: PerPage = 20


@dataclass(frozen=True, slots=True)
class BulkReplayBody(DeadLetterSelection):
    """Dead letters to replay, and how many per request."""

    limit: Annotated[int, Constraints(least=1, most=100)] = 25
    preview: bool = False


class DeadLetter(TypedDict):
    """A failed execution; it runs again only if it is replayed."""

    id: int
    trigger_id: int
    trigger: str
    status: str
    error_reason: str | None
    error_category: str | None
    idempotency_key: str | None
    attempt_count: int
    received_at: Moment | None
    completed_at: Moment | None
    last_replay_at: Moment | None
    replay_of_id: int | None
    chain_id: int | None
    error: str | None
    edited: bool
    """True if a person changed the payload."""


class DeadLetterGroup(TypedDict):
    """Number of dead letters of one trigger that failed for one reason."""

    trigger: str
    reason: str
    executions: int


class DeadLetterPage(TypedDict):
    """Dead letters, newest first."""

    dead: list[DeadLetter]
    """The dead letters of this page."""
    groups: list[DeadLetterGroup]
    total: int
    next: int | None
    """The before_id of the next page; null on the last."""


class ReplayedExecution(TypedDict):
    """A replayed dead letter and its new execution."""

    execution_id: int
    new_execution_id: int


class RefusedReplay(TypedDict):
    """A dead letter that was not replayed, and the reason."""

    execution_id: int
    error: Literal["not_found", "not_replayable", "rate_limited"]
    detail: str


class BulkReplay(TypedDict):
    """Result of one request of a bulk replay."""

    preview: bool
    groups: list[DeadLetterGroup]
    """Matching dead letters at the time of the request."""
    total: int
    replayed: list[ReplayedExecution]
    refused: list[RefusedReplay]
    next: int | None
    """The before_id of the next request; null when all dead letters were processed."""
