"""Twilio. https://www.twilio.com/docs/usage/webhooks/webhooks-security"""

import base64
import hashlib
import hmac
import re
from datetime import datetime
from urllib.parse import parse_qsl

from app.errors import Unverified
from app.intake.message import FORM, Event, Json, Request, Source, SourceFacts
from app.intake.signatures import BAD, MISSING, digest, require_match
from app.intake.sources.payload import at, identity, text

FACTS = SourceFacts(
    documentation="https://www.twilio.com/docs/usage/webhooks/webhooks-security",
    signature="X-Twilio-Signature: <base64>, HMAC-SHA1 over the address and the form's parameters; "
    "for JSON over the address, which holds the body's hash as bodySHA256",
    events="one for each request, or for each item where the body is a list",
    provider_key="I-Twilio-Idempotency-Token, else MessageSid and MessageStatus in the body; "
    "id of each item of a list",
    provider_key_signed=False,
    answer="any 2xx within 15 s",
    answer_seconds=15,
    retries="1, unless the address asks for more with #rc=",
    retry_seconds=60,
    unverified="I-Twilio-Idempotency-Token; lists of events from Event Streams",
)
_SERVER = re.compile(r"(https?)://([^/?#@:\[\]]+)(:\d+)?(?=[/?#]|$)", re.IGNORECASE)
_DEFAULT_PORT = {"http": ":80", "https": ":443"}
_STATUSES = ("MessageStatus", "SmsStatus", "CallStatus")


def verify(request: Request, secret: str, _now: datetime, _tolerance: float | None) -> None:
    """X-Twilio-Signature: `<base64>`; some of Twilio's parts sign the port, others do not."""
    presented = request.headers.get("x-twilio-signature", "")
    if not presented:
        raise Unverified(MISSING)
    _require_signed_body(request)
    parameters = _parameters(request)
    expected = [_signature(secret, url + parameters) for url in _addresses(request.url)]
    matches = [hmac.compare_digest(_bytes(presented), _bytes(value)) for value in expected]
    if not any(matches):
        raise Unverified(BAD)


def events(_request: Request, payload: Json) -> list[Event]:
    """One event a request, or one for each item where the body is a list."""
    if isinstance(payload, list) and payload:
        return [Event(item, _normalised(item), batched=True, alone=[item]) for item in payload]
    return [Event(payload, _normalised(payload))]


def provider_key(request: Request, event: Event) -> tuple[str, ...] | None:
    """The token is the same when Twilio tries again; a list has one for all its items."""
    if event.batched:
        return identity(at(event.payload, "id"))
    token = identity(request.headers.get("i-twilio-idempotency-token"))
    sent = event.payload
    status = text(at(sent, "MessageStatus")) or text(at(sent, "SmsStatus"))
    return token or identity(at(sent, "MessageSid"), status)


def _normalised(said: Json) -> dict[str, Json]:
    """Twilio's requests rarely name their event: what they are about names them."""
    subject = "message" if at(said, "MessageSid") else "call" if at(said, "CallSid") else "unknown"
    statuses = [at(said, name) for name in _STATUSES if at(said, name)]
    return {
        "event_type": at(said, "EventType") or at(said, "type") or subject,
        "source": "twilio",
        "status": statuses[0] if statuses else None,
        "from": at(said, "From"),
        "to": at(said, "To"),
        "data": said,
    }


def _require_signed_body(request: Request) -> None:
    """Only a form's body is signed itself; any other must be the one that the address names."""
    named = request.query.get("bodySHA256", "")
    if named:
        require_match([named.lower()], hashlib.sha256(request.body).hexdigest())
    elif request.body and request.content_type != FORM:
        raise Unverified(BAD)


def _parameters(request: Request) -> str:
    """Every name with its value, in order; a value that a name has twice counts once."""
    if request.content_type != FORM:
        return ""
    sent = request.body.decode("utf-8", "replace")
    return "".join(name + value for name, value in sorted(set(parse_qsl(sent, True))))


def _addresses(url: str) -> list[str]:
    """The address as it came, and with and without the port that its scheme implies."""
    server = _SERVER.match(url)
    if server is None:
        return [url]
    bare, rest = f"{server[1]}://{server[2]}", url[server.end() :]
    return [url, bare + rest, bare + _DEFAULT_PORT[server[1].lower()] + rest]


def _signature(secret: str, signed: str) -> str:
    return base64.b64encode(digest(_bytes(secret), _bytes(signed), "sha1")).decode()


def _bytes(value: str) -> bytes:
    return value.encode("utf-8", "surrogatepass")


SOURCE = Source(
    "twilio", verify, events, provider_key=provider_key, keyed_by_default=True, facts=FACTS
)
