"""How the service has done, as the API tells it."""

from dataclasses import dataclass
from typing import Annotated, Literal, TypedDict

from app.web.api.schemas.values import Moment
from app.web.validation import Constraints


@dataclass(frozen=True, slots=True)
class StatsAsked:
    """How far back."""

    days: Annotated[int, Constraints(least=1, most=30)] = 7


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
