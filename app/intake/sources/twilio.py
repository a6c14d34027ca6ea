"""Twilio's webhooks. https://www.twilio.com/docs/usage/webhooks/webhooks-security"""

import base64
import hashlib
import hmac
import re
from datetime import datetime
from urllib.parse import parse_qsl

from app.errors import Unverified
from app.intake.message import (
    EMPTY,
    FORM,
    OK,
    Event,
    Json,
    Request,
    Source,
    SourceFacts,
    WebhookResponse,
)
from app.intake.signatures import BAD, MISSING, digest, require_match
from app.intake.sources.payload import at, identity, text

FACTS = SourceFacts(
    documentation="https://www.twilio.com/docs/usage/webhooks/webhooks-security",
    signature="X-Twilio-Signature: <base64>, HMAC-SHA1 over the address and the form's parameters; "
    "for JSON over the address, which contains the body's hash as bodySHA256",
    events="one for each request, or for each item where the body is a list",
    provider_key="I-Twilio-Idempotency-Token, otherwise MessageSid and MessageStatus in the body, "
    "or the ids of a recording, conference, transcription or call's progress; for a list the id of "
    "each item",
    provider_key_signed=False,
    answer="2xx within 15 s; TwiML to an incoming message or call: <Response/>",
    answer_seconds=15,
    retries="1; more if the address ends in #rc=<number>",
    retry_seconds=60,
    unverified="I-Twilio-Idempotency-Token; lists of events from Event Streams",
)
_SERVER = re.compile(r"(https?)://([^/?#@:\[\]]+)(:\d+)?(?=[/?#]|$)", re.IGNORECASE)
_DEFAULT_PORT = {"http": ":80", "https": ":443"}
NO_INSTRUCTIONS = WebhookResponse(200, "<Response/>", "text/xml; charset=utf-8")
"""Empty TwiML: anything else than TwiML is an error in Twilio's debugger, and plain text is sent as
a message. A call that it answers ends."""
CALL_PROGRESS = "call-progress-events"
"""The CallbackSource of a call's status callbacks, whose SequenceNumber counts within the call."""
IDS = (
    ("RecordingSid", "RecordingStatus"),
    ("ConferenceSid", "StatusCallbackEvent", "SequenceNumber"),
    ("TranscriptionSid", "TranscriptionEvent", "SequenceId"),
)
"""Parameters that identify a status callback, where there is no token and no message."""
_STATUSES = ("MessageStatus", "SmsStatus", "CallStatus")


def verify(request: Request, secret: str, _now: datetime, _tolerance: float | None) -> None:
    """Verify X-Twilio-Signature: `<base64>`; some Twilio products sign the port, others do not."""
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
    """Return one event, or one for each item if the body is a list."""
    if isinstance(payload, list) and payload:
        return [Event(item, _normalised(item), batched=True, alone=[item]) for item in payload]
    return [Event(payload, _normalised(payload))]


def provider_key(request: Request, event: Event) -> tuple[str, ...] | None:
    """Return the token, which is the same on a retry; for an item of a list its id.

    All items of a list come with the same token, so it cannot tell them apart.
    """
    if event.batched:
        return identity(at(event.payload, "id"))
    token = identity(request.headers.get("i-twilio-idempotency-token"))
    payload = event.payload
    status = text(at(payload, "MessageStatus")) or text(at(payload, "SmsStatus"))
    return token or identity(at(payload, "MessageSid"), status) or _callback_key(payload)


def response(request: Request, payload: Json) -> WebhookResponse:
    """Return empty TwiML, which a message or a call expects; to Conversations an empty body."""
    if request.content_type != FORM:
        return OK
    is_of_conversations = text(at(payload, "EventType")).startswith("on")
    return EMPTY if is_of_conversations else NO_INSTRUCTIONS


def _callback_key(payload: Json) -> tuple[str, ...] | None:
    ids = [*IDS]
    if at(payload, "CallbackSource") == CALL_PROGRESS:
        ids.append(("CallSid", "CallStatus", "SequenceNumber"))
    keys = (identity(*(at(payload, name) for name in names)) for names in ids)
    return next(filter(None, keys), None)


def _normalised(item: Json) -> dict[str, Json]:
    """Return the normalised event.

    Most of Twilio's requests have no event type, so it is derived from the id: message or call.
    """
    subject = "message" if at(item, "MessageSid") else "call" if at(item, "CallSid") else "unknown"
    statuses = [at(item, name) for name in _STATUSES if at(item, name)]
    return {
        "event_type": at(item, "EventType") or at(item, "type") or subject,
        "source": "twilio",
        "status": statuses[0] if statuses else None,
        "from": at(item, "From"),
        "to": at(item, "To"),
        "data": item,
    }


def _require_signed_body(request: Request) -> None:
    """Refuse a body that is not signed.

    A form's parameters are part of the signed text. Of any other body, the signed address must
    contain the hash.
    """
    signed_hash = request.query.get("bodySHA256", "")
    if signed_hash:
        require_match([signed_hash.lower()], hashlib.sha256(request.body).hexdigest())
    elif request.body and request.content_type != FORM:
        raise Unverified(BAD)


def _parameters(request: Request) -> str:
    """Return the form's names and values, sorted and joined; equal pairs count once."""
    if request.content_type != FORM:
        return ""
    form = request.body.decode("utf-8", "replace")
    return "".join(name + value for name, value in sorted(set(parse_qsl(form, True))))


def _addresses(url: str) -> list[str]:
    """Return the address unchanged, without its port, and with the default port of its scheme."""
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
    "twilio",
    verify,
    events,
    response=response,
    provider_key=provider_key,
    keyed_by_default=True,
    facts=FACTS,
)
