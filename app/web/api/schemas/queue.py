"""Schemas of what lets executions wait: pauses, circuit breakers, and the workers."""

from dataclasses import dataclass
from typing import Annotated, TypedDict

from app.executions.waiting import Code
from app.triggers.pausing import DEFAULT_PER_SECOND, LONGEST_REASON, MOST_PER_SECOND
from app.web.api.schemas.values import Moment
from app.web.validation import Constraints


@dataclass(frozen=True, slots=True)
class PauseBody:
    """The reason of a pause."""

    reason: Annotated[str, Constraints(longest=LONGEST_REASON)] | None = None
    """Words on why, for whoever asks later; again, it replaces the reason of a pause that lasts."""


@dataclass(frozen=True, slots=True)
class ResumeBody:
    """The pace at which what waits begins."""

    per_second: Annotated[float, Constraints(least=0, most=MOST_PER_SECOND)] = DEFAULT_PER_SECOND
    """Waiting executions of each trigger that begin in a second; 0: all at once."""


class TriggerPause(TypedDict):
    """The pause of a trigger or of all: its time, its author and the reason."""

    since: Moment | None
    """Time of the pause."""
    by: str
    """Name of the person or program that paused it."""
    reason: str | None
    """The author's words on why; null if none were given."""


class OpenBreakerState(TypedDict):
    """The open circuit breaker of a trigger whose target keeps failing."""

    since: Moment | None
    """Time at which it opened."""
    failure_count: int
    """Failures of the target in a row."""
    next_probe_at: Moment | None
    """Time from which the next execution may probe the target."""


class Backlog(TypedDict):
    """The backlog of a trigger that was resumed: it begins at a pace."""

    since: Moment | None
    """Time at which the trigger was resumed."""
    per_second: float | None
    """Executions of the backlog that begin in a second."""


class PauseOfAll(TypedDict):
    """The pause of all triggers, null while there is none, and the executions that wait."""

    paused: TriggerPause | None
    """The pause; null while there is none."""
    waiting: int
    """Waiting executions of all triggers; 10,001 stands for more than 10,000."""


class WorkerState(TypedDict):
    """The last heartbeat of a worker."""

    owner: str
    """Name of the worker, as leases and attempts have it."""
    host: str
    """Machine of the worker."""
    pid: int
    """Process id on that machine."""
    version: str
    """Version of Hookonce that it runs."""
    slots: int
    """Attempts that it may run at the same time."""
    busy: int
    """Attempts that it runs."""
    alive: bool
    """True if the heartbeat is less than 20 seconds old."""
    stopping: bool
    """True while it ends its running attempts and claims no more."""
    started_at: Moment | None
    """Time of its first heartbeat."""
    last_seen_at: Moment | None
    """Time of its last heartbeat."""


class WorkerList(TypedDict):
    """The workers, and the sums over those that are alive."""

    count: int
    """Workers that are alive."""
    slots: int
    """Slots of these workers."""
    busy: int
    """Slots in use."""
    workers: list[WorkerState]
    """Every worker with a heartbeat of the last day."""


class FurtherReason(TypedDict):
    """A reason that holds beside the first one."""

    code: Code
    """The reason as one word."""
    detail: str


class WaitingBecause(TypedDict):
    """The reason for which an execution has not finished: the first that holds, in this order.

    `running`: a worker runs an attempt. `lease_expired`: its worker died or hangs. `held`: a person
    must decide. `all_paused`, `paused`: somebody paused all triggers, or this one. `no_worker`: no
    worker is alive. `breaker_open`: the target keeps failing. `retry_at`: an attempt failed, and
    the next one is scheduled. `serial`, `max_concurrency`: others of the trigger go first.
    `resuming`: the backlog of a pause begins at a pace. `due`: the next free slot takes it.
    """

    code: Code
    """The reason as one word."""
    detail: str
    since: Moment | None
    until: Moment | None
    ahead: int | None
    """Executions of the trigger that go first; null where none do."""
    also: list[FurtherReason]
    """Further reasons that hold too, in the same order."""
