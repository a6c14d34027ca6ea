"""Schemas of the statistics."""

from dataclasses import dataclass
from typing import Annotated, Literal, TypedDict

from app.web.api.schemas.values import Moment
from app.web.validation import Constraints


@dataclass(frozen=True, slots=True)
class StatsAsked:
    """Number of days that the statistics cover."""

    days: Annotated[int, Constraints(least=1, most=30, tolerant=True)] = 7


class DeliveryCount(TypedDict):
    """Number of deliveries of one hour with one outcome."""

    hour: Moment | None
    outcome: str
    number: int


class Breaker(TypedDict):
    """State of the circuit breaker of a trigger whose target failed recently."""

    trigger_id: int
    trigger_slug: str
    state: Literal["closed", "open"]
    failure_count: int
    opened_at: Moment | None
    probe_at: Moment | None


class AnswerTime(TypedDict):
    """Response times of the webhooks of one source, and the time that its senders allow."""

    source: str
    number: int
    p50_seconds: float
    p99_seconds: float
    limit_seconds: float | None
    """Seconds within which the sender expects a response; null if it documents none."""


class Stats(TypedDict):
    """Statistics of the last days."""

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
