"""What the steps of working hand to each other."""

from dataclasses import dataclass

from app.actions.work import Work


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to settle one execution: held by one owner, for one attempt."""

    execution_id: int
    number: int
    """Which attempt this is, counted from one."""
    owner: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """A leased execution and the work to be done."""

    lease: Lease
    work: Work


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended: one of lifecycle.OUTCOMES, and what there is to say about it."""

    outcome: str
    summary: str | None = None
    error: str | None = None
    category: str | None = None
    reason: str | None = None
    """One of lifecycle.REASONS; None where nothing failed."""
    http_status: int | None = None
    retry_after_seconds: float | None = None
    duration_seconds: float | None = None
