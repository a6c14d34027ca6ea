"""Triggers as the API takes and gives them."""

from dataclasses import dataclass
from typing import Annotated, Literal, TypedDict

from app.web.api.schemas.executions import Execution
from app.web.api.schemas.values import (
    JsonObject,
    Lifetime,
    Listed,
    Moment,
    Name,
    Paging,
    Text,
    Word,
)
from app.web.validation import Constraints


@dataclass(frozen=True, slots=True)
class TriggersAsked(Paging):
    """Which triggers."""

    type: Literal["webhook", "event"] | None = None
    source: Word | None = None
    enabled: bool | None = None


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
    secret: Annotated[str, Constraints(shortest=1, longest=255)] | None = None
    remote_trigger_id: Word | None = None
    source_plugin: Word | None = None
    idempotency_key_from: list[Word] | Word | None = None
    missing_key: Literal["accept", "refuse"] | None = None
    tolerance_seconds: Annotated[float, Constraints(least=0, most=1e9)] | None = None
    retry_policy: JsonObject | Text | None = None
    max_concurrency: Annotated[int, Constraints(least=1, most=1000)] | None = None
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
    tolerance_seconds: Annotated[float, Constraints(least=0, most=1e9)] | None = None
    retry_policy: JsonObject | Text | None = None
    max_concurrency: Annotated[int, Constraints(least=1, most=1000)] | None = None
    keep_payload_seconds: Lifetime | None = None
    keep_rows_seconds: Lifetime | None = None


@dataclass(frozen=True, slots=True)
class TestBody:
    """What the made-up event carries."""

    data: JsonObject | None = None


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


class TriggerPage(Listed):
    """Triggers, newest first."""

    triggers: list[Trigger]


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
