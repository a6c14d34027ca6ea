"""Schemas of the channels of notifications and of the conditions that last."""

from dataclasses import dataclass, field
from typing import Annotated, Literal, TypedDict

from app.web.api.schemas.values import Moment, TriggerId
from app.web.validation import Constraints

ChannelKind = Literal["webhook", "slack", "email"]
ConditionName = Literal[
    "breaker_open",
    "dead_letters",
    "dead_letters_total",
    "no_worker",
    "oldest_waiting",
    "refusals",
    "database",
    "disk_low",
    "deduplication_lost",
]


@dataclass(frozen=True, slots=True)
class NewChannelBody:
    """A channel to add: its name, kind, address, and what it is notified of."""

    name: Annotated[str, Constraints(shortest=1, longest=100)]
    kind: ChannelKind
    """Form of its messages."""
    address: Annotated[str, Constraints(shortest=1, longest=2_000)]
    """An http(s) address, or mail addresses separated by commas."""
    trigger_id: TriggerId | None = None
    """The only trigger whose conditions are notified; null: all conditions."""
    conditions: list[ConditionName] = field(default_factory=list)
    """The kinds of conditions that are notified; empty: all kinds."""


class NotificationChannel(TypedDict):
    """A channel without its secret; of its address only the host is shown."""

    id: int
    name: str
    kind: ChannelKind
    """Form of its messages."""
    address: str
    trigger_id: int | None
    conditions: list[ConditionName]
    created_at: Moment | None
    created_by: str | None
    waiting: int
    """Messages that were not sent yet."""
    last_sent_at: Moment | None
    """Time of the last message that was sent."""
    failure_count: int
    """Failures since the last message that was sent."""
    last_error: str | None
    """Reason of the last failure."""
    last_error_at: Moment | None
    """Time of the last failure."""


class CreatedChannel(NotificationChannel):
    """A new channel with the secret that signs its webhooks, which is shown only once."""

    secret: str | None


class LastingCondition(TypedDict):
    """A condition that lasts."""

    condition: ConditionName
    """Kind of the condition."""
    trigger_id: int | None
    since: Moment | None
    notified_at: Moment | None
    """Time at which it was notified; null if not yet."""


class Notifications(TypedDict):
    """The channels, and the conditions that last, oldest first."""

    channels: list[NotificationChannel]
    """The channels by id."""
    conditions: list[LastingCondition]


class Enqueued(TypedDict):
    """A test message waits for a worker."""

    status: Literal["enqueued"]
