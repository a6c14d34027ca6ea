"""Schemas of the journal of deliveries."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypedDict

from app.stats.journal import DeliveryFilter
from app.web.api.schemas.values import (
    ExecutionId,
    Key,
    Listed,
    Moment,
    MomentGiven,
    Paging,
    TriggerId,
    Word,
)
from app.web.time_field import moment
from app.web.validation import Constraints

DeliveryId = Annotated[int, Constraints(least=1, most=2**63 - 1)]
Outcome = Literal[
    "refused",
    "duplicate",
    "mismatch",
    "filtered",
    "error",
    "refused_unknown_trigger",
    "refused_disabled_trigger",
    "refused_no_secret",
    "refused_missing_signature",
    "refused_bad_signature",
    "refused_stale",
    "refused_too_large",
    "refused_malformed",
    "refused_missing_key",
    "duplicate_race",
    "error_unavailable",
    "error_unexpected",
]
"""An outcome, or a word for several: `refused` means every refusal."""


@dataclass(frozen=True, slots=True)
class DeliveriesQuery(Paging):
    """Filters of a list of deliveries that became no execution."""

    trigger_id: TriggerId | None = None
    outcome: Outcome | None = None
    since: MomentGiven | None = None
    """Received at or after this time."""
    until: MomentGiven | None = None
    """Received before this time."""
    request_id: Annotated[str, Constraints(shortest=1, longest=200)] | None = None
    key: Key | None = None
    address: Annotated[str, Constraints(shortest=1, longest=100)] | None = None
    execution_id: ExecutionId | None = None
    """The execution that has the key of a duplicate."""
    key_prefix: Key | None = None
    """Beginning of the key."""
    source: Word | None = None
    """Sender of the trigger, such as `github`."""

    def filters(self) -> DeliveryFilter:
        return DeliveryFilter(
            trigger_id=self.trigger_id,
            outcome=self.outcome,
            since=moment("since", self.since),
            until=moment("until", self.until),
            request_id=self.request_id,
            key=self.key,
            address=self.address,
            execution_id=self.execution_id,
            key_prefix=self.key_prefix,
            source=self.source,
        )


class DeliveryFinding(TypedDict):
    """A reason for which a signature was refused, found by trying."""

    code: str
    """The finding as one word."""
    detail: str


class Delivery(TypedDict):
    """A delivery that became no execution."""

    id: int
    trigger_id: int
    trigger: str
    at: Moment | None
    outcome: str
    detail: str | None
    address: str | None
    request_id: str | None
    idempotency_key: str | None
    execution_id: int | None
    """The execution that has the key of a duplicate, also of an accepted one."""
    digest: str | None
    """SHA-256 of a mismatch's payload."""
    size: int
    """Bytes of the body."""
    events: int
    """Events of the request that this entry is about."""
    more: int
    """Deliveries like this one that followed too fast to have entries of their own."""
    more_until: Moment | None
    """Time of the last of them."""
    accepted_at: Moment | None
    accepted_by: str | None
    accepted_execution_id: int | None
    body_kept: str
    """`whole`, `redacted`, `partial`, `too_large` or `none`; the first two can be accepted."""
    content_type: str | None
    diagnosis: list[DeliveryFinding]
    """The change that would have made the signature valid."""


class DeliveryPage(Listed):
    """Deliveries that became no execution, newest first."""

    deliveries: list[Delivery]
    """The deliveries of this page."""


class DeliveryDifference(TypedDict):
    """A value that differs between the payload of an execution and that of a mismatch."""

    path: str
    """Place in the payload, such as `data.items[0].price`."""
    change: Literal["added", "removed", "changed"]
    """The kind of difference."""
    stored: Any
    """Value in the payload of the execution."""
    received: Any
    """Value in the payload of the mismatch."""


class DeliveryDetail(Delivery):
    """A delivery with its headers, its body, and what a mismatch changed."""

    headers: dict[str, Any]
    """Headers of the request, without secrets."""
    body: str | None
    """The body as far as it is kept, redacted."""
    differences: list[DeliveryDifference] | None
    """Null if this is no mismatch, or one of the payloads is no longer kept."""
    differences_more: int
    """Differences beyond those that are listed."""


class AcceptResult(TypedDict):
    """The executions that the events of an accepted delivery became."""

    status: Literal["accepted", "duplicate"]
    """`duplicate`: each event's key was known, and nothing new runs."""
    execution_ids: list[int]
    duplicates_of: list[int]
    """The executions that have the key of an event already."""
