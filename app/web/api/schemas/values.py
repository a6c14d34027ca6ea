"""Types of the schemas' fields with their limits, and the paging fields that all lists share."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypedDict

from app.db.paging import PagePosition
from app.triggers.fields import LONGEST_WORD
from app.web.validation import Constraints

TriggerId = Annotated[int, Constraints(least=1, most=2**31 - 1)]


ExecutionId = Annotated[int, Constraints(least=1, most=2**63 - 1)]


TokenId = Annotated[int, Constraints(least=1, most=2**31 - 1)]


ChannelId = Annotated[int, Constraints(least=1, most=2**31 - 1)]


Name = Annotated[str, Constraints(shortest=1, longest=200)]


Word = Annotated[str, Constraints(longest=LONGEST_WORD)]


Text = Annotated[str, Constraints(longest=100_000)]


Key = Annotated[str, Constraints(shortest=1, longest=255)]


HttpStatus = Annotated[int, Constraints(least=100, most=599)]


EventType = Annotated[str, Constraints(shortest=1, longest=200)]


SearchedText = Annotated[str, Constraints(shortest=1, longest=200)]


PageNumber = Annotated[int, Constraints(least=1, most=1_000_000)]


PerPage = Annotated[int, Constraints(least=1, most=100)]


TolerantPageNumber = Annotated[int, Constraints(least=1, most=1_000_000, tolerant=True)]


TolerantPerPage = Annotated[int, Constraints(least=1, most=100, tolerant=True)]


TolerantOffset = Annotated[int, Constraints(least=0, most=100_000_000, tolerant=True)]


TolerantFlag = Annotated[bool | None, Constraints(tolerant=True)]


Json = Any


JsonObject = dict[str, Any]


Status = Literal[
    "pending", "running", "retrying", "completed", "failed", "failed_retryable", "replayed"
]


Moment = Annotated[str, Constraints(form="date-time")]
"""A time in UTC, `2026-01-31T23:59:59.000000Z`."""


MomentGiven = Annotated[str, Constraints(longest=40, form="date-time")]
"""A time in ISO 8601; UTC if it has no offset."""


Reason = Literal[
    "auth",
    "rate_limited",
    "timeout",
    "connection",
    "target_error",
    "rejected",
    "configuration",
    "script_failed",
    "lease_lost",
    "internal",
    "cancelled",
    "unknown",
]


Category = Literal["transient", "permanent"]


@dataclass(frozen=True, slots=True)
class Description:
    """The description of a member for people who read the OpenAPI document."""

    text: str
    example: Any = None


@dataclass(frozen=True, slots=True)
class Paging:
    """Position in a list that is sorted newest first: a page number, or an id to continue from."""

    page: PageNumber = 1
    per_page: PerPage = 20
    before_id: ExecutionId | None = None
    after_id: ExecutionId | None = None

    def position(self) -> PagePosition:
        return PagePosition(self.page, self.per_page, self.before_id, self.after_id)


@dataclass(frozen=True, slots=True)
class TolerantPaging(Paging):
    """Paging of the lists that the older system had too: numbers that cannot be are corrected.

    That system's page, and the scripts of its users, rely on it. `limit` and `offset` are another
    way to say `per_page` and `page`.
    """

    page: TolerantPageNumber = 1
    per_page: TolerantPerPage = 20
    limit: TolerantPerPage = 0
    offset: TolerantOffset = 0

    def position(self) -> PagePosition:
        per_page = self.limit or self.per_page
        page = self.offset // per_page + 1 if self.offset else self.page
        return PagePosition(page, per_page, self.before_id, self.after_id)


class Listed(TypedDict):
    """Paging fields that every list has beside its rows."""

    total: int
    total_exact: bool
    """False if counting stopped early: there are more than `total`."""
    page: int
    pages: int
    next: int | None
    """The before_id of the next page; null on the last."""
