"""What the API takes and gives, as types: what checks it and what describes it are made of them."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypedDict

from app.describing import LONGEST_LIFETIME_SECONDS
from app.listing import Where
from app.people import Role
from app.web.reading import Limits

TriggerId = Annotated[int, Limits(least=1, most=2**31 - 1)]
ExecutionId = Annotated[int, Limits(least=1, most=2**63 - 1)]
TokenId = Annotated[int, Limits(least=1, most=2**31 - 1)]
Name = Annotated[str, Limits(shortest=1, longest=200)]
Word = Annotated[str, Limits(longest=100)]
Text = Annotated[str, Limits(longest=100_000)]
Key = Annotated[str, Limits(shortest=1, longest=255)]
PageNumber = Annotated[int, Limits(least=1, most=1_000_000)]
PerPage = Annotated[int, Limits(least=1, most=100)]
Json = Any
JsonObject = dict[str, Any]
Lifetime = Annotated[float, Limits(least=0, most=LONGEST_LIFETIME_SECONDS)]
Status = Literal[
    "pending", "running", "retrying", "completed", "failed", "failed_retryable", "replayed"
]
Moment = str
"""UTC, `2026-01-31T23:59:59.000000Z`."""


@dataclass(frozen=True, slots=True)
class Paging:
    """Which page of a list, newest first: by number, or beyond an id."""

    page: PageNumber = 1
    per_page: PerPage = 20
    before_id: ExecutionId | None = None
    after_id: ExecutionId | None = None

    def where(self) -> Where:
        return Where(self.page, self.per_page, self.before_id, self.after_id)


@dataclass(frozen=True, slots=True)
class TriggersAsked(Paging):
    """Which triggers."""

    type: Literal["webhook", "event"] | None = None
    source: Word | None = None
    enabled: bool | None = None


@dataclass(frozen=True, slots=True)
class ExecutionsAsked(Paging):
    """Which of a trigger's executions."""

    status: Status | None = None
    key: Key | None = None


@dataclass(frozen=True, slots=True)
class AuditAsked(Paging):
    """Which changes."""

    subject: Word | None = None
    actor: Annotated[str, Limits(longest=200)] | None = None
    action: Word | None = None


@dataclass(frozen=True, slots=True)
class StatsAsked:
    """How far back."""

    days: Annotated[int, Limits(least=1, most=30)] = 7


@dataclass(frozen=True, slots=True)
class NewTriggerBody:
    """A trigger to be made; what is left out is made up or as by default."""

    name: Name
    type: Literal["webhook", "event"] = "webhook"
    source: Word = "custom"
    event_filter: JsonObject | Text | None = None
    action_type: Word = "script"
    action_payload: JsonObject | Text | None = None
    agent: Word | None = None
    enabled: bool = True
    secret: Annotated[str, Limits(shortest=1, longest=255)] | None = None
    remote_trigger_id: Word | None = None
    source_plugin: Word | None = None
    idempotency_key_from: list[Word] | Word | None = None
    missing_key: Literal["accept", "refuse"] | None = None
    tolerance_seconds: Annotated[float, Limits(least=0, most=1e9)] | None = None
    retry_policy: JsonObject | Text | None = None
    max_concurrency: Annotated[int, Limits(least=1, most=1000)] | None = None
    keep_payload_seconds: Lifetime | None = None
    keep_rows_seconds: Lifetime | None = None


@dataclass(frozen=True, slots=True)
class TriggerChanges:
    """What is to be different; what is left out stays as it is."""

    name: Name = ""
    type: Literal["webhook", "event"] = "webhook"
    source: Word = ""
    event_filter: JsonObject | Text | None = None
    action_type: Word = ""
    action_payload: JsonObject | Text | None = None
    agent: Word | None = None
    enabled: bool = True
    remote_trigger_id: Word | None = None
    source_plugin: Word | None = None
    idempotency_key_from: list[Word] | Word | None = None
    missing_key: Literal["accept", "refuse"] | None = None
    tolerance_seconds: Annotated[float, Limits(least=0, most=1e9)] | None = None
    retry_policy: JsonObject | Text | None = None
    max_concurrency: Annotated[int, Limits(least=1, most=1000)] | None = None
    keep_payload_seconds: Lifetime | None = None
    keep_rows_seconds: Lifetime | None = None


@dataclass(frozen=True, slots=True)
class TestBody:
    """What the made-up event carries."""

    data: JsonObject | None = None


@dataclass(frozen=True, slots=True)
class Login:
    """What a session begins with."""

    token: Annotated[str, Limits(shortest=1, longest=200)]


@dataclass(frozen=True, slots=True)
class NewTokenBody:
    """A token to be made: for whom, what it may do, and for how long."""

    name: Name
    role: Role
    expires: Annotated[str, Limits(pattern="^[1-9][0-9]{0,4}[smhdw]$")] | None = None
    """Such as 30d, 12h or 90m; none: never."""


class Trigger(TypedDict):
    """A trigger; its secret is told when it is made and never again."""

    id: int
    name: str
    slug: str
    type: str
    source: str
    event_filter: JsonObject
    action_type: str
    action_payload: str | None
    agent: str | None
    enabled: bool
    from_yaml: bool
    remote_trigger_id: str | None
    source_plugin: str | None
    created_by: int | None
    created_at: Moment | None
    updated_at: Moment | None
    execution_count: int
    idempotency_key_from: list[str]
    missing_key: str | None
    tolerance_seconds: float | None
    previous_secret_expires_at: Moment | None
    retry_policy: JsonObject | None
    max_concurrency: int | None
    keep_payload_seconds: float | None
    keep_rows_seconds: float | None
    webhook_url: str


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


class Listed(TypedDict):
    """What every list says beside its rows."""

    total: int
    total_exact: bool
    """False where there are more than are counted."""
    page: int
    pages: int
    next: int | None
    """The before_id of the next page; null on the last."""


class TriggerPage(Listed):
    """Triggers, newest first."""

    triggers: list[Trigger]


class ExecutionPage(Listed):
    """Executions, newest first."""

    executions: list[Execution]


class TriggerDetail(Trigger):
    """A trigger with its newest executions."""

    executions: list[Execution]


class MadeTrigger(Trigger):
    """A trigger with its secret, this once."""

    secret: str


class NewSecret(TypedDict):
    """A trigger's new secret, this once, and until when the old one is as good."""

    secret: str
    previous_secret_expires_at: Moment | None


class Started(TypedDict):
    """A test that is under way."""

    status: Literal["started"]
    execution_id: int


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


class DeliveryCount(TypedDict):
    """How many deliveries of an hour became this."""

    hour: Moment | None
    outcome: str
    number: int


class Breaker(TypedDict):
    """A target that has failed lately."""

    trigger_id: int
    trigger_slug: str
    state: Literal["closed", "open"]
    failure_count: int
    opened_at: Moment | None
    probe_at: Moment | None


class AnswerTime(TypedDict):
    """How long one source's senders waited for an answer, and how long they may have to."""

    source: str
    number: int
    p50_seconds: float
    p99_seconds: float
    limit_seconds: float | None
    """Within how long the source wants its answer; null where it does not say."""


class Stats(TypedDict):
    """How the service has done lately."""

    window_days: int
    total_executions: int
    by_status: dict[str, int]
    retries_observed: int
    idempotent_replays: int
    dlq_size: int
    wpp_command_count: int
    circuit_breaker_watermark_hit: bool
    deliveries: list[DeliveryCount]
    dead_by_reason: dict[str, int]
    oldest_pending_seconds: float | None
    breakers: list[Breaker]
    answer_times: list[AnswerTime]


class Token(TypedDict):
    """A token, without what it is."""

    id: int
    name: str
    role: Role
    created_at: Moment | None
    created_by: str | None
    expires_at: Moment | None
    last_used_at: Moment | None
    revoked_at: Moment | None


class MadeToken(Token):
    """A token, this once."""

    token: str


class Tokens(TypedDict):
    """Every token there ever was, newest first."""

    tokens: list[Token]


class Change(TypedDict):
    """Who changed what."""

    id: int
    at: Moment | None
    actor: str
    origin: str | None
    action: str
    subject: str
    before: JsonObject | None
    after: JsonObject | None


class ChangePage(Listed):
    """Changes, newest first."""

    changes: list[Change]


class Session(TypedDict):
    """Who is logged in."""

    name: str
    role: Role
    csrf_token: str | None
    """What changes must carry as X-CSRF-Token; null for a token, which needs none."""
    expires_at: Moment | None


Reason = Literal[
    "auth",
    "rate_limited",
    "timeout",
    "connection",
    "target_error",
    "rejected",
    "configuration",
    "script_failed",
    "lease_lost",
    "internal",
    "unknown",
]
Category = Literal["transient", "permanent"]
MomentGiven = Annotated[str, Limits(longest=40, form="date-time")]
"""ISO 8601; without an offset it is UTC."""


@dataclass(frozen=True, slots=True)
class DeadChoice:
    """Which dead letters."""

    trigger: Name | None = None
    """Id, slug or name."""
    reason: Reason | None = None
    category: Category | None = None
    since: MomentGiven | None = None
    key: Key | None = None
    before_id: ExecutionId | None = None


@dataclass(frozen=True, slots=True)
class DeadAsked(DeadChoice):
    """Which dead letters, and how many of them."""

    per_page: PerPage = 20


@dataclass(frozen=True, slots=True)
class DeadBody(DeadChoice):
    """Which dead letters to send again, and how many at once."""

    limit: Annotated[int, Limits(least=1, most=100)] = 25
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
