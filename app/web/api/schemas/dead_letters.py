"""Dead letters as the API is asked for them and tells of them."""

from dataclasses import dataclass
from typing import Annotated, Literal, TypedDict

from app.web.api.schemas.values import (
    Category,
    ExecutionId,
    Key,
    Moment,
    MomentGiven,
    Name,
    PerPage,
    Reason,
)
from app.web.validation import Constraints


@dataclass(frozen=True, slots=True)
class DeadChoice:
    """Which dead letters."""

    trigger: Name | None = None
    """Id, slug or name."""
    reason: Reason | None = None
    category: Category | None = None
    since: MomentGiven | None = None
    """Died then or later."""
    until: MomentGiven | None = None
    """Died before."""
    key: Key | None = None
    before_id: ExecutionId | None = None


@dataclass(frozen=True, slots=True)
class DeadAsked(DeadChoice):
    """Which dead letters, and how many of them."""

    per_page: PerPage = 20


@dataclass(frozen=True, slots=True)
class DeadBody(DeadChoice):
    """Which dead letters to send again, and how many at once."""

    limit: Annotated[int, Constraints(least=1, most=100)] = 25
    preview: bool = False


class DeadLetter(TypedDict):
    """An execution of which nothing more becomes by itself."""

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


class DeadGroup(TypedDict):
    """Dead letters of one trigger that failed for one reason."""

    trigger: str
    reason: str
    executions: int


class DeadPage(TypedDict):
    """Dead letters, newest first."""

    dead: list[DeadLetter]
    groups: list[DeadGroup]
    total: int
    next: int | None
    """The before_id of the next page; null on the last."""


class Sent(TypedDict):
    """A dead letter that is on its way again."""

    execution_id: int
    new_execution_id: int


class Refused(TypedDict):
    """A dead letter that was left as it is, and why."""

    execution_id: int
    error: Literal["not_found", "not_replayable", "rate_limited"]
    detail: str


class DeadReplayed(TypedDict):
    """How far the replay of many has come."""

    preview: bool
    groups: list[DeadGroup]
    """What was chosen when the request came."""
    total: int
    replayed: list[Sent]
    refused: list[Refused]
    next: int | None
    """The before_id to go on with; null when all were looked at."""
