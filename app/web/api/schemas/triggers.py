"""Schemas of triggers in requests and responses."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypedDict

from app.triggers import mistakes
from app.triggers.fields import LONGEST_SECRET
from app.web.api.schemas import trigger_fields
from app.web.api.schemas.executions import Execution
from app.web.api.schemas.queue import Backlog, OpenBreakerState, TriggerPause
from app.web.api.schemas.values import (
    Description,
    JsonObject,
    Listed,
    Moment,
    TolerantFlag,
    TolerantPaging,
    TolerantPerPage,
    Word,
)
from app.web.validation import Constraints


@dataclass(frozen=True, slots=True)
class TriggersAsked(TolerantPaging):
    """A filter of triggers, and the page of the list."""

    per_page: TolerantPerPage = 50
    """Rows of a page: as many as the older system's page shows, which asks for no number."""

    type: Word | None = None
    source: Word | None = None
    source_plugin: Word | None = None
    enabled: TolerantFlag = None


class _Declared:
    """A request whose members the declaration of a trigger's fields names."""

    if TYPE_CHECKING:

        def __init__(self, **members: Any) -> None: ...

        def __getattr__(self, name: str) -> Any: ...


@trigger_fields.new_trigger
class NewTriggerBody(_Declared):
    """A trigger to be created; a field that is left out has its default."""

    other_mistakes = staticmethod(mistakes.of_new)


@trigger_fields.trigger_changes
class TriggerChanges(_Declared):
    """Changes of a trigger; a field that is left out stays as it is."""


@dataclass(frozen=True, slots=True)
class TestBody:
    """The data of the test event."""

    data: JsonObject | None = None
    """The `data` of the test event; null: an example."""


_NOT_SET_BY_A_PERSON = {
    "id": int,
    "slug": str,
    "from_yaml": bool,
    "created_by": int | None,
    "created_at": Moment | None,
    "updated_at": Moment | None,
    "execution_count": int,
    "previous_secret_expires_at": Moment | None,
    "webhook_url": str,
    "warnings": list[str],
    "paused": Annotated[
        TriggerPause | None, Description("The pause of the trigger; null while it is not paused.")
    ],
    "breaker": Annotated[
        OpenBreakerState | None, Description("The open circuit breaker; null while it is closed.")
    ],
    "resuming": Annotated[
        Backlog | None,
        Description("The backlog that begins at a pace after a pause; null if there is none."),
    ],
    "waiting": Annotated[
        int | None,
        Description("Executions that wait because of these, up to 1,000; null if nothing blocks."),
    ],
}
"""Members of a response that no request changes."""

if TYPE_CHECKING:
    Trigger = dict[str, Any]
    TriggerDetail = dict[str, Any]
    MadeTrigger = dict[str, Any]
else:
    Trigger = trigger_fields.answered(
        "Trigger",
        "A trigger. Only the response that creates it or rotates its secret shows the secret.",
        _NOT_SET_BY_A_PERSON,
    )
    TriggerDetail = trigger_fields.answered(
        "TriggerDetail",
        "A trigger with its newest executions.",
        _NOT_SET_BY_A_PERSON | {"executions": list[Execution]},
    )
    MadeTrigger = trigger_fields.answered(
        "MadeTrigger",
        "A new trigger with its secret, which no later response shows.",
        _NOT_SET_BY_A_PERSON | {"secret": str},
    )


class TriggerPage(Listed):
    """Triggers, newest first."""

    triggers: list[Trigger]
    """The triggers of this page."""


@dataclass(frozen=True, slots=True)
class NewSecretBody:
    """The secret that a rotation stores."""

    secret: Annotated[str, Constraints(shortest=1, longest=LONGEST_SECRET)] | None = None
    """A secret that the sender made, such as Stripe's `whsec_...`; null: a random one."""


class NewSecret(TypedDict):
    """A trigger's new secret, which no later response shows, and the end of the old one."""

    secret: str | None
    """The random secret; null if the request had one."""
    previous_secret_expires_at: Moment | None


class Started(TypedDict):
    """A test whose execution is due."""

    status: Literal["started"]
    execution_id: int
