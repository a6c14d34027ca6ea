"""The kinds of trouble that are notified, and one trouble of a kind. Pure."""

from dataclasses import dataclass
from datetime import datetime

BREAKER_OPEN = "breaker_open"
DEAD_LETTERS = "dead_letters"
DEAD_TOTAL = "dead_letters_total"
NO_WORKER = "no_worker"
OLDEST_WAITING = "oldest_waiting"
REFUSALS = "refusals"
DATABASE = "database"
DISK_LOW = "disk_low"
DEDUPLICATION = "deduplication_lost"
TEST = "test"
ALL_TRIGGERS = 0
"""Trigger id of a condition that is not of one trigger."""


@dataclass(frozen=True, slots=True)
class ConditionKind:
    """A kind of trouble, with the sentences that say that it began and that it is over.

    The sentences name the trigger as {trigger} and the number as {number}.
    """

    name: str
    began: str
    over: str
    advice: str
    closes_after_seconds: float = 60.0
    """Seconds that a condition must be absent until it is over: it may only flutter."""
    page: str = "/"
    """Path of the console's page that shows it; {trigger_id} is the trigger's id."""


KINDS: dict[str, ConditionKind] = {
    kind.name: kind
    for kind in (
        ConditionKind(
            BREAKER_OPEN,
            "The circuit breaker of {trigger} is open: its target failed {number} times in a row",
            "The circuit breaker of {trigger} is closed: its target answers again",
            "Its executions wait and lose nothing; see the last error and mend the target.",
            closes_after_seconds=0.0,
            page="/triggers/{trigger_id}",
        ),
        ConditionKind(
            DEAD_LETTERS,
            "{number} execution(s) of {trigger} failed for good within the last two hours",
            "No execution of {trigger} has failed for good for an hour",
            "Look at the reasons, mend the cause, then replay the dead letters.",
            page="/dead?trigger_id={trigger_id}",
        ),
        ConditionKind(
            DEAD_TOTAL,
            "{number} or more dead letters wait for a decision",
            "The number of dead letters is below the limit again",
            "Replay them, or let retention remove them.",
            page="/dead",
        ),
        ConditionKind(
            NO_WORKER,
            "No worker runs: events are accepted, and no execution is run",
            "A worker runs again",
            "Start `hookonce worker`; what was accepted waits and is run then.",
            closes_after_seconds=0.0,
        ),
        ConditionKind(
            OLDEST_WAITING,
            "An execution of {trigger} has been due for {number} seconds",
            "No execution of {trigger} is overdue any more",
            "Workers are too few, too slow or stopped.",
            page="/triggers/{trigger_id}",
        ),
        ConditionKind(
            REFUSALS,
            "{number} deliveries to {trigger} were refused within the last two hours",
            "Deliveries to {trigger} are no longer refused in such a number",
            "A secret was changed on one side only, a clock is wrong, or requests are forged.",
            page="/triggers/{trigger_id}",
        ),
        ConditionKind(
            DATABASE,
            "The database cannot be read or written: webhooks are answered 503, and senders retry",
            "The database can be read and written again",
            "`hookonce check` names the cause.",
            closes_after_seconds=0.0,
        ),
        ConditionKind(
            DISK_LOW,
            "The disk of the database has {number} MB left",
            "The disk of the database has enough space again",
            "Free some space, or shorten the retention; a full disk refuses every event.",
        ),
        ConditionKind(
            DEDUPLICATION,
            "The unique index against duplicates is missing or damaged: webhooks are answered 503",
            "The unique index against duplicates stands again",
            "Run `alembic upgrade head`, which builds it again.",
            closes_after_seconds=0.0,
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Condition:
    """A trouble of one kind that lasts at the moment."""

    kind: str
    number: int = 0
    trigger_id: int = ALL_TRIGGERS
    trigger: str = ""
    """Name of the trigger; empty if the condition is not of one trigger."""
    since: datetime | None = None
    """Time at which it began, if that is known better than by the first look."""

    @property
    def key(self) -> tuple[str, int]:
        return self.kind, self.trigger_id


def sentence(kind: str, trigger: str, number: int, *, over: bool) -> str:
    """Return the sentence about a condition that began or is over."""
    if kind == TEST:
        return "This is a test notification"
    text = KINDS[kind].over if over else KINDS[kind].began
    return text.format(trigger=trigger or "a removed trigger", number=number)
