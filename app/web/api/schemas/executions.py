"""Executions as the API is asked for them and tells of them."""

from dataclasses import dataclass
from typing import Literal, TypedDict

from app.executions.search import ExecutionFilter
from app.web.api.schemas.values import (
    Category,
    Json,
    Key,
    Listed,
    Moment,
    MomentGiven,
    Paging,
    Reason,
    Status,
    TriggerId,
)
from app.web.time_field import moment


@dataclass(frozen=True, slots=True)
class ExecutionsAsked(Paging):
    """Which of a trigger's executions."""

    status: Status | None = None
    key: Key | None = None


@dataclass(frozen=True, slots=True)
class ExecutionsSought(Paging):
    """Which executions, of whichever trigger."""

    trigger_id: TriggerId | None = None
    status: Status | None = None
    category: Category | None = None
    reason: Reason | None = None
    key: Key | None = None
    since: MomentGiven | None = None
    """Received then or later."""
    until: MomentGiven | None = None
    """Received before."""

    def sought(self) -> ExecutionFilter:
        return ExecutionFilter(
            trigger_id=self.trigger_id,
            status=self.status,
            category=self.category,
            reason=self.reason,
            key=self.key,
            since=moment("since", self.since),
            until=moment("until", self.until),
        )


class Execution(TypedDict):
    """An admitted event, and how far it has come."""

    id: int
    trigger_id: int
    event_data: Json
    status: Status
    result_summary: str | None
    error: str | None
    duration_seconds: float | None
    started_at: Moment | None
    completed_at: Moment | None
    idempotency_key: str | None
    error_category: str | None
    last_replay_at: Moment | None
    attempt_count: int
    next_attempt_at: Moment | None
    lease_owner: str | None
    lease_expires_at: Moment | None
    replay_of_id: int | None
    chain_id: int | None
    error_reason: str | None
    received_at: Moment | None
    payload_digest: str | None
    finished_by: str | None


class ExecutionPage(Listed):
    """Executions, newest first."""

    executions: list[Execution]


class FoundExecution(TypedDict):
    """An execution as a list over all triggers tells of it: without its event."""

    id: int
    trigger_id: int
    trigger: str
    status: Status
    idempotency_key: str | None
    attempt_count: int
    error_category: str | None
    error_reason: str | None
    error: str | None
    received_at: Moment | None
    started_at: Moment | None
    completed_at: Moment | None
    next_attempt_at: Moment | None
    replay_of_id: int | None


class FoundPage(Listed):
    """Executions of whichever trigger, newest first."""

    executions: list[FoundExecution]


class Attempt(TypedDict):
    """One run of an execution."""

    number: int
    worker: str
    started_at: Moment | None
    finished_at: Moment | None
    outcome: str | None
    error: str | None
    error_category: str | None
    error_reason: str | None
    http_status: int | None
    duration_seconds: float | None
    """How long its action took; None for one that was lost, or made before this was kept."""


class Link(TypedDict):
    """One execution of a chain of replays."""

    id: int
    status: str
    replay_of_id: int | None
    received_at: Moment | None
    started_at: Moment | None
    completed_at: Moment | None


class Repeats(TypedDict):
    """How often the event came again: each was answered like the first and stored nothing."""

    number: int
    last_at: Moment | None


class Mismatch(TypedDict):
    """Another payload that came under the same key."""

    digest: str
    number: int
    first_at: Moment | None
    last_at: Moment | None


class KeyInformation(TypedDict):
    """What makes another event the same one, and which execution stands for it."""

    key: str | None
    found_at: list[str]
    """Where the trigger looks for the key; empty: the default places."""
    first_execution_id: int


class ExecutionDetail(Execution):
    """An execution with all that is known of it."""

    trigger_slug: str
    attempts: list[Attempt]
    chain: list[Link]
    repeats: Repeats
    mismatches: list[Mismatch]
    duplicate_key: KeyInformation


class Replayed(TypedDict):
    """A dead letter that is on its way again."""

    status: Literal["ok"]
    new_execution_id: int
