"""What the steps of receiving hand to each other, and what a source has to say."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from app.executions.retention import Retention
from app.log import RequestContext
from app.stats import outcomes

Json = Any
"""What JSON can say: dict, list, str, int, float, bool or None."""
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request as it arrived. `headers` has lower-case names."""

    trigger_id: str
    headers: Mapping[str, str]
    body: bytes
    presented_secret: str | None = None
    """The secret as a path segment, from senders that sign nothing."""
    url: str = ""
    """The whole address as the sender called it; some senders sign it."""
    query: Mapping[str, str] = field(default_factory=dict)
    request_context: RequestContext | None = None
    """What log lines about it belong to."""

    @property
    def content_type(self) -> str:
        """The media type alone, in lower case: `application/json`; empty if none was sent."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def form(self) -> dict[str, str]:
        """The body read as a form; the last value of a repeated name."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class WebhookTrigger:
    """A configured webhook, as far as receiving needs it."""

    id: int
    source: str
    secret: str
    enabled: bool
    event_filter: Mapping[str, Json] = field(default_factory=dict)
    tolerance_seconds: float | None = None
    """None: as the source has it."""
    key_from: tuple[str, ...] = ()
    """Where the idempotency key comes from; empty: the default places."""
    key_required: bool = False
    keep_rows_seconds: float | None = None
    """How long what has finished is kept and its key counts; None: as by default."""
    previous_secret: str = ""
    previous_secret_expires_at: datetime | None = None
    """Until when the secret before this one is as good; None: it is not."""


_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"))
"""`json.dumps` makes a new one for each call that asks for anything out of the ordinary."""


@dataclass(frozen=True, slots=True)
class Event:
    """What one request says: what the sender wrote, and our normalised reading of it."""

    payload: Json
    normalised: Mapping[str, Json]
    batched: bool = False
    """Whether the request may carry others; then `payload` is this event's own part of it."""
    alone: Json = None
    """What the request would have said with this event alone, where `payload` is less than that."""

    def text(self) -> str:
        """The normalised event as JSON in ASCII, which both databases store unchanged.

        Raises ValueError for what JSON cannot say, such as a number beyond all bounds.
        """
        return _ENCODER.encode(self.normalised)


@dataclass(frozen=True, slots=True)
class Admission:
    """An event on its way into the database, with the key that it may enter with once."""

    event_data: str
    key: str | None
    digest: str | None = None
    """Of its payload, to tell whether another event under the key says the same."""
    body: bytes | None = None
    """What is kept of a request that carries other events too, in JSON; None: the request's own."""

    @property
    def size(self) -> int:
        """How much is kept because of this event alone."""
        return len(self.event_data) + len(self.body or b"")


@dataclass(frozen=True, slots=True)
class AdmissionRequest:
    """The events of one request that are to be admitted."""

    trigger_id: int
    admissions: list[Admission]
    request: Request
    lifetimes: Retention | None = None
    """How long executions, and with them their keys, are kept; None: keys never expire."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of an event: the execution that stands for it, and as one of `outcomes`, how."""

    execution_id: int
    outcome: str
    mismatch: str | None = None
    """The digest of its payload, where the execution was admitted with another."""

    @property
    def duplicate(self) -> bool:
        """Whether the execution stood already."""
        return self.outcome in outcomes.REPEATED


@dataclass(frozen=True, slots=True)
class WebhookResponse:
    """What the sender is told. A body that is no text is sent as JSON."""

    status: int
    body: Json


OK = WebhookResponse(200, {"status": "ok"})
FORBIDDEN = WebhookResponse(403, {"error": "forbidden"})


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What an operator should know about a source, in words; `hookonce source show` prints it."""

    documentation: str = ""
    """The address of the sender's own words on this."""
    signature: str = ""
    handshake: str = "none"
    """What it sends only to hear whether someone is there, and what it is answered."""
    events: str = "one for each request"
    """How a request becomes events."""
    provider_key: str = ""
    """Where the source's own id of an event stands."""
    provider_key_signed: bool = False
    """Whether the signature covers that id: if not, who replays a request can change it."""
    answer: str = "any 2xx"
    answer_seconds: float | None = None
    """Within how long the sender wants it; None where its documentation names no number."""
    retries: str = "unknown"
    retry_seconds: float | None = None
    """How long after the first delivery the last retry may come; None: not known."""
    unverified: str = ""
    """What of all this was not read in the sender's own documentation or code."""


@dataclass(frozen=True, slots=True)
class Source:
    """Who sends: how to verify it, how to read it, and what it expects to hear."""

    name: str
    verify: Callable[[Request, str, datetime, float | None], None]
    """(request, secret, now, tolerance in seconds or None for no limit): returns if the request
    proves the secret; raises Unverified(reason) if it does not."""
    events: Callable[[Request, Json], list[Event]]
    handshake: Callable[[Request, Json], WebhookResponse | None] = lambda _request, _payload: None
    """The answer to a request that only asks whether someone is there; such a one is no event."""
    greeting: Callable[[Request, str], WebhookResponse] | None = None
    """(request, secret): the answer to a GET that asks whether this address is the operator's."""
    provider_key: Callable[[Request, Event], tuple[str, ...] | None] = lambda _request, _event: None
    """The parts of the source's own id of an event; None where the event carries none."""
    keyed_by_default: bool = False
    """Whether the source's own id is the key, and the default places only where it has none."""
    tolerance_seconds: float | None = None
    """How old or far ahead a signed timestamp may be, unless the trigger says otherwise."""
    redacted: frozenset[str] = frozenset()
    """Names whose values are secrets, anywhere in the payload: never stored."""
    refusal_status: int | None = None
    """The status this sender needs for a bad signature, whatever the operator chose."""
    facts: SourceFacts = SourceFacts()
