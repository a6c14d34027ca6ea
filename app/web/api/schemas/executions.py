"""Schemas of executions: filters, lists, details, attempts and replays."""

from dataclasses import dataclass
from typing import Annotated, Literal, TypedDict

from app.executions.search import ExecutionFilter
from app.intake.edit import LONGEST_TEXT
from app.web.api.schemas.attempts import ExecutionAttempt
from app.web.api.schemas.queue import WaitingBecause
from app.web.api.schemas.values import (
    Category,
    EventType,
    HttpStatus,
    Json,
    Key,
    Listed,
    Moment,
    MomentGiven,
    Paging,
    Reason,
    SearchedText,
    Status,
    TolerantPaging,
    TriggerId,
    Word,
)
from app.web.time_field import moment
from app.web.validation import Constraints

EditedText = Annotated[str, Constraints(shortest=1, longest=LONGEST_TEXT)]


@dataclass(frozen=True, slots=True)
class ExecutionsAsked(TolerantPaging):
    """Filters of a list of one trigger's executions."""

    status: Status | None = None
    key: Key | None = None


@dataclass(frozen=True, slots=True)
class ExecutionsQuery(Paging):
    """Filters of a list of executions of all triggers."""

    trigger_id: TriggerId | None = None
    status: Status | None = None
    category: Category | None = None
    reason: Reason | None = None
    key: Key | None = None
    since: MomentGiven | None = None
    """Received at or after this time."""
    until: MomentGiven | None = None
    """Received before this time."""
    key_prefix: Key | None = None
    """Beginning of the key."""
    http_status: HttpStatus | None = None
    """Status that the target answered the last attempt with."""
    event_type: EventType | None = None
    """Type of the event, exactly."""
    text: SearchedText | None = None
    """Text anywhere in the event; a page scans a bounded number of rows, and `next` continues."""
    source: Word | None = None
    """Sender of the trigger, such as `github`."""

    def filters(self) -> ExecutionFilter:
        return ExecutionFilter(
            trigger_id=self.trigger_id,
            status=self.status,
            category=self.category,
            reason=self.reason,
            key=self.key,
            since=moment("since", self.since),
            until=moment("until", self.until),
            key_prefix=self.key_prefix,
            http_status=self.http_status,
            event_type=self.event_type,
            text=self.text,
            source=self.source,
        )


class Execution(TypedDict):
    """An admitted event and the state of its processing."""

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
    waiting_because: WaitingBecause | None
    """The reason for which it has not finished, also while it runs; null once it has."""


class ExecutionPage(Listed):
    """Executions, newest first."""

    executions: list[Execution]


@dataclass(frozen=True, slots=True)
class RunAgainBody:
    """The key and the payload with which a completed execution runs again."""

    key: Literal["old", "own"] = "old"
    """`old`: the target receives the Idempotency-Key of before; `own`: a new one."""
    payload: EditedText | None = None
    """The payload as the person changed it."""


@dataclass(frozen=True, slots=True)
class EditedReplayBody:
    """The payload with which a dead letter is replayed."""

    payload: EditedText
    """The changed payload, as JSON text."""


class Done(TypedDict):
    """The decision has taken effect."""

    status: Literal["ok"]


class ForgetResult(TypedDict):
    """The key that was released."""

    status: Literal["ok"]
    idempotency_key: str


class ExecutionSummary(TypedDict):
    """An execution in a list of all triggers' executions, without its event."""

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
    edited: bool
    """True if a person changed the payload."""
    waiting_because: WaitingBecause | None
    """The reason for which it has not finished, also while it runs; null once it has."""


class ExecutionSummaryPage(Listed):
    """Executions of all triggers, newest first."""

    executions: list[ExecutionSummary]


class ChainEntry(TypedDict):
    """One execution in a chain of replays."""

    id: int
    status: str
    replay_of_id: int | None
    received_at: Moment | None
    started_at: Moment | None
    completed_at: Moment | None


class DuplicateCount(TypedDict):
    """Number of duplicates of the event; each got the first response, and none was stored."""

    number: int
    last_at: Moment | None


class Mismatch(TypedDict):
    """A different payload that was received with the same key."""

    digest: str
    number: int
    first_at: Moment | None
    last_at: Moment | None
    kept: bool
    """True if the payload is kept and can be read."""


class KeyInformation(TypedDict):
    """The idempotency key and the first execution that has it."""

    key: str | None
    found_at: list[str]
    """Places from which the trigger reads the key; empty for the default places."""
    first_execution_id: int


class Origin(TypedDict):
    """The person who made the execution, and what it was made from."""

    kind: str
    """`run_again`, `replay`, `duplicate`, `mismatch` or `accepted`."""
    of_execution_id: int | None
    """The execution that it was made from; null if from a delivery."""
    delivery_id: int | None
    made_by: str
    """Name of the person."""
    made_at: Moment | None
    """Time at which it was made."""
    edited: bool
    """True if the person changed the payload; `original_payload` is the one before."""


class ForgottenKey(TypedDict):
    """The idempotency key that a person released from the execution."""

    idempotency_key: str
    forgotten_by: str
    """Name of the person."""
    forgotten_at: Moment | None
    """Time at which the key was released."""


class MadeByPersons(TypedDict):
    """Persons' part in an execution: its origin, and what was made from it."""

    origin: Origin | None
    """Null if the execution was admitted or is a plain replay."""
    original_payload: str | None
    """The payload before a person changed it; null if nobody did, or it was pruned."""
    made_from: list[int]
    """Executions that persons made from this one, newest first."""
    forgotten_key: ForgottenKey | None
    """The key that a person released; null if none did."""


class ExecutionDetail(Execution, MadeByPersons):
    """An execution with its attempts, replays and duplicates."""

    trigger_slug: str
    attempts: list[ExecutionAttempt]
    """Its attempts, oldest first."""
    chain: list[ChainEntry]
    """It and its replays, oldest first."""
    repeats: DuplicateCount
    """Duplicates that arrived after it."""
    mismatches: list[Mismatch]
    """Other payloads that arrived with its key."""
    duplicate_key: KeyInformation
    """The key, and where the trigger finds it."""


class ReplayResult(TypedDict):
    """The new execution of a replayed dead letter."""

    status: Literal["ok"]
    new_execution_id: int
