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
    """Begin of the hour."""
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
    """Median."""
    p99_seconds: float
    """99th percentile."""
    limit_seconds: float | None
    """Seconds within which the sender expects a response; null if it documents none."""


class Stats(TypedDict):
    """Statistics of the last days."""

    window_days: int
    """Days that are counted."""
    total_executions: int
    """Executions received in these days."""
    by_status: dict[str, int]
    """Their number by status."""
    retries_observed: int
    """Executions with more than one attempt."""
    idempotent_replays: int
    """Duplicates in these days."""
    dlq_size: int
    """Dead letters that nobody replayed, of all time; without cancelled executions."""
    wpp_command_count: int
    """Messages of chat sources in these days."""
    circuit_breaker_watermark_hit: bool
    """True if there are more of them than HOOKONCE_COMMAND_WATERMARK."""
    deliveries: list[DeliveryCount]
    """Deliveries by hour and outcome."""
    dead_by_reason: dict[str, int]
    """Dead letters by reason."""
    oldest_pending_seconds: float | None
    """Age of the oldest execution that is due; null if none is."""
    breakers: list[Breaker]
    """Circuit breakers of triggers whose target failed recently."""
    answer_times: list[AnswerTime]
    """Response times by source."""
