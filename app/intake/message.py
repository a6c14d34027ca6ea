"""Types that the steps of receiving pass to each other, and the interface of a source."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import parse_qsl

from app.executions.retention import Retention
from app.intake import json_text
from app.log import RequestContext
from app.stats import outcomes

Json = Any
"""A JSON value: dict, list, str, int, float, bool or None."""
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
    """The whole URL as the sender called it; some senders sign it."""
    query: Mapping[str, str] = field(default_factory=dict)
    request_context: RequestContext | None = None
    """The request that log lines name."""
    address: str = ""
    """The client's IP address, read behind the configured number of proxies."""

    @property
    def content_type(self) -> str:
        """Return the media type alone in lower case: `application/json`; empty if none was sent."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def form(self) -> dict[str, str]:
        """Return the body parsed as a form; of a repeated name the last value counts."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))


class Verifier(Protocol):
    """A way to verify a sender, compiled from a description: see `app.intake.verification`."""

    @property
    def tolerance_seconds(self) -> float | None:
        """Seconds that a signed timestamp may differ from now unless the trigger has a limit."""

    @property
    def uses_secret(self) -> bool:
        """False if a public key, or nothing, is compared: one check does for all secrets."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences on weaknesses of this way, for the operator."""

    def verify(self, request: Request, secret: str, now: datetime, tolerance: float | None) -> None:
        """Return if the request proves the secret; else raise Unverified(reason)."""

    def explain(self, request: Request, secret: str) -> list[str]:
        """Return sentences on what is compared in this request, none of them with the secret."""

    def sign(self, secret: str, body: bytes, at: float, url: str) -> dict[str, str]:
        """Return the headers that a sender would send; raise InvalidTrigger where it cannot be."""

    def mistake(self, secret: str) -> str | None:
        """Return a sentence if this cannot be a secret of the sender, else None."""


@dataclass(frozen=True, slots=True)
class WebhookTrigger:
    """A trigger, as far as receiving needs it."""

    id: int
    source: str
    secret: str
    enabled: bool
    event_filter: Mapping[str, Json] = field(default_factory=dict)
    tolerance_seconds: float | None = None
    """Tolerance of a signed timestamp; None: the source's default."""
    key_from: tuple[str, ...] = ()
    """Parts of the idempotency key; empty: the default places."""
    key_required: bool = False
    max_body_bytes: int | None = None
    keep_rows_seconds: float | None = None
    """Seconds that a finished execution and its key are kept; None: the default."""
    previous_secret: str = ""
    previous_secret_expires_at: datetime | None = None
    """Time until which the previous secret is valid; None: it is not."""
    verifier: Verifier | None = None
    """The trigger's own way to verify, in place of that of its source."""
    older_signature: bool = False
    """True if X-Webhook-Signature, signed with its secret, proves the sender too."""
    is_event: bool = False
    """True for a trigger of type `event` that the older system let receive webhooks."""


_encode = json_text.encoding(allow_nan=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a request: the sender's payload, and its normalised form."""

    payload: Json
    normalised: Mapping[str, Json]
    batched: bool = False
    """True if the request may carry several events; then `payload` is this event's own part."""
    alone: Json = None
    """Payload of a request with this event alone, if `payload` is less than that."""

    def text(self) -> str:
        """Return the normalised event as JSON in ASCII, which both databases store unchanged.

        Raises ValueError for what JSON cannot represent, such as an infinite number.
        """
        return _encode(self.normalised)


@dataclass(frozen=True, slots=True)
class Admission:
    """An event to admit, with its idempotency key."""

    event_data: str
    key: str | None
    digest: str | None = None
    """Digest of the payload, to notice another payload under the same key."""
    former_key: str | None = None
    """The key as earlier versions stored it, if that differs: see `key.former`."""
    body: bytes | None = None
    """This event's part of a request with several, as JSON to store; None: store the whole body."""

    @property
    def size(self) -> int:
        """Return how many characters and bytes are stored for this event alone."""
        return len(self.event_data) + len(self.body or b"")


@dataclass(frozen=True, slots=True)
class AdmissionRequest:
    """The events of one request that are to be admitted."""

    trigger_id: int
    admissions: list[Admission]
    request: Request
    lifetimes: Retention | None = None
    """Retention of executions, and with them their keys; None: keys never expire."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Result of admitting an event: its execution, and one of the `outcomes`."""

    execution_id: int
    outcome: str
    mismatch: str | None = None
    """Digest of the event's payload, if its execution was admitted with another payload."""

    @property
    def duplicate(self) -> bool:
        """Return whether the execution existed already."""
        return self.outcome in outcomes.REPEATED


@dataclass(frozen=True, slots=True)
class WebhookResponse:
    """Response to the sender. A body that is no text is sent as JSON."""

    status: int
    body: Json
    content_type: str = ""
    """Media type of a body that is text; empty: plain text."""


OK = WebhookResponse(200, {"status": "ok"})
EMPTY = WebhookResponse(200, "")
NO_CONTENT = WebhookResponse(204, "")
FORBIDDEN = WebhookResponse(403, {"error": "forbidden"})


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """Facts about a source for operators, as `hookonce source show` prints them."""

    documentation: str = ""
    """URL of the sender's own documentation."""
    signature: str = ""
    handshake: str = "none"
    """Requests that only test the address, and the response to them."""
    events: str = "one for each request"
    """Events in one request."""
    provider_key: str = ""
    """Place of the source's own id of an event."""
    provider_key_signed: bool = False
    """True if the signature covers that id; else a replayed request can change it."""
    answer: str = "any 2xx"
    answer_seconds: float | None = None
    """Seconds that the sender waits for the response; None: its documentation names no number."""
    retries: str = "unknown"
    retry_seconds: float | None = None
    """Seconds from the first delivery to the last retry; None: not known."""
    unverified: str = ""
    """Facts that neither the sender's documentation nor its code confirms."""


def _no_event_id(_request: Request, _event: Event) -> None:
    return None


Verify = Callable[[Request, str, datetime, float | None], None]


@dataclass(frozen=True, slots=True)
class Source:
    """A sender: functions that verify and parse its requests, and the responses it expects."""

    name: str
    verify: Verify
    """Function of (request, secret, now, tolerance in seconds or None for no limit): it returns if
    the request proves the secret, and raises Unverified(reason) if not."""
    events: Callable[[Request, Json], list[Event]]
    handshake: Callable[[Request, Json], WebhookResponse | None] = lambda _request, _payload: None
    """Response to a request that only tests the address, and is no event; None for any other."""
    greeting: Callable[[Request, str], WebhookResponse] | None = None
    """Function of (request, secret): the response to a GET that tests the address."""
    unsigned: Callable[[Request], WebhookResponse | None] = lambda _request: None
    """Response to a request that its sender does not sign and that is no event; else None."""
    response: Callable[[Request, Json], WebhookResponse] = lambda _request, _payload: OK
    """Response to a request whose events are committed, as this sender expects it."""
    provider_key: Callable[[Request, Event], tuple[str, ...] | None] = _no_event_id
    """Parts of the source's own id of an event; None if the event has none."""
    sign: Callable[[str, bytes, str], dict[str, str]] | None = None
    """Function of (secret, body, Unix time as text): the headers that prove the secret, for tests;
    None if headers alone prove nothing."""
    keyed_by_default: bool = False
    """True if the source's own id is the key, and the default places only if there is none."""
    other_places: frozenset[tuple[str, ...]] = frozenset()
    """Default places of a key where this sender writes something else, which events share."""
    tolerance_seconds: float | None = None
    """Seconds that a signed timestamp may be old or ahead, unless the trigger has its own limit."""
    redacted: frozenset[str] = frozenset()
    """Names whose values, anywhere in the payload, are secrets and never stored."""
    redacted_at_top: bool = False
    """True if only the payload's own members are such secrets: deeper names are people's."""
    event_headers: tuple[str, ...] = ()
    """Headers that describe the event, as the sender spells them: the action `http` passes them on.

    Never a signature, a token or another secret.
    """
    body_bytes: int | None = None
    """Bytes of the largest body that this sender documents; None: HOOKONCE_MAX_BODY_BYTES."""
    checks_curve: bool = False
    """True if a request is verified with an elliptic curve, which takes longer than all else."""
    refusal_status: int | None = None
    """Status that this sender needs for a bad signature, whatever the operator chose."""
    challenge: Callable[[Request, Json, str], WebhookResponse | None] | None = None
    """Function of (request, payload, secret): the response to a verified request that asks for a
    proof of the secret, and is no event; None for any other."""
    verifier: Verifier | None = None
    """The description by which `verify` works, if the source is a preset."""
    facts: SourceFacts = SourceFacts()

    @property
    def has_event_id(self) -> bool:
        """Return whether the sender gives its events, or deliveries, an id of its own."""
        return self.provider_key is not _no_event_id
