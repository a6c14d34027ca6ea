"""The entries of the journal as they are kept in memory until they are written."""

from dataclasses import dataclass, replace
from datetime import datetime

from app.intake.message import Admission, Request, Verdict, WebhookTrigger
from app.stats.counters import NOBODY

TRIED_BYTES = 1_048_576
"""Bytes of the largest body that is kept in memory for the diagnosis of its signature."""
NOTED_EVENTS = 20
"""Most duplicates of one request that the journal names."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A delivery that became no execution, with the request in memory for its diagnosis."""

    trigger_id: int
    outcome: str
    at: datetime
    request: Request
    size: int
    """Bytes of the request's body, also where the body itself is not kept."""
    trigger: WebhookTrigger | None = None
    """The trigger as it was received with; None if the request ended before it was looked up."""
    detail: str = ""
    key: str | None = None
    execution_id: int | None = None
    """The execution that has the key of a duplicate."""
    digest: str | None = None
    """Digest of a mismatch's payload: with the execution it names the kept payload."""
    events: int = 1

    @property
    def memory_bytes(self) -> int:
        """Return about how many bytes the entry takes while it waits to be written."""
        headers = sum(len(name) + len(value) for name, value in self.request.headers.items())
        return 2_000 + len(self.request.body) + headers


def of_request(
    request: Request, outcome: str, at: datetime, trigger: WebhookTrigger | None
) -> Entry:
    """Return the entry of a request with its body, unless that is too large to be tried."""
    kept = request if len(request.body) <= TRIED_BYTES else replace(request, body=b"")
    trigger_id = NOBODY if trigger is None else trigger.id
    return Entry(trigger_id, outcome, at, kept, len(request.body), trigger)


def of_duplicate(
    request: Request,
    trigger: WebhookTrigger,
    admission: Admission,
    verdict: Verdict,
    at: datetime,
) -> Entry:
    """Return the entry of a duplicate, without its body: its execution has the same one."""
    return Entry(
        trigger_id=trigger.id,
        outcome=verdict.outcome,
        at=at,
        request=replace(request, body=b""),
        size=len(request.body),
        trigger=trigger,
        key=admission.key,
        execution_id=verdict.execution_id,
        digest=verdict.mismatch,
    )
