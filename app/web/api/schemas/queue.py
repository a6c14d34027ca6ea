"""Schemas of what lets executions wait: pauses, circuit breakers, and the workers."""

from dataclasses import dataclass
from typing import Annotated, TypedDict

from app.triggers.pausing import DEFAULT_PER_SECOND, MOST_PER_SECOND
from app.web.api.schemas.values import Moment
from app.web.validation import Constraints


@dataclass(frozen=True, slots=True)
class ResumeBody:
    """The pace at which what waits begins."""

    per_second: Annotated[float, Constraints(least=0, most=MOST_PER_SECOND)] = DEFAULT_PER_SECOND
    """Waiting executions of each trigger that begin in a second; 0: all at once."""


class TriggerPause(TypedDict):
    """The pause of a trigger or of all: its time and the name of the person."""

    since: Moment | None
    by: str


class OpenBreakerState(TypedDict):
    """The open circuit breaker of a trigger whose target keeps failing."""

    since: Moment | None
    failure_count: int
    next_probe_at: Moment | None


class Backlog(TypedDict):
    """The backlog of a trigger that was resumed: it begins at a pace."""

    since: Moment | None
    per_second: float | None


class PauseOfAll(TypedDict):
    """The pause of all triggers, null while there is none, and the executions that wait."""

    paused: TriggerPause | None
    waiting: int
    """Waiting executions of all triggers; 10,001 stands for more than 10,000."""


class WorkerState(TypedDict):
    """The last heartbeat of a worker."""

    owner: str
    host: str
    pid: int
    version: str
    slots: int
    busy: int
    alive: bool
    """True if the heartbeat is less than 20 seconds old."""
    stopping: bool
    started_at: Moment | None
    last_seen_at: Moment | None


class WorkerList(TypedDict):
    """The workers, and the sums over those that are alive."""

    count: int
    slots: int
    busy: int
    workers: list[WorkerState]
