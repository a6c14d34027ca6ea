"""Evolution API and Evolution Go, two gateways to WhatsApp that do not sign their requests.

The secret comes as the last segment of the webhook's path, or as a static header that the operator
configures there. Evolution API can instead send a token (JWT) that it signed with the secret.
https://doc.evolution-api.com/v2/en/configuration/webhooks
"""

import base64
from datetime import datetime

from app.errors import Unreadable, Unverified
from app.intake import strict_json
from app.intake.message import Event, Json, Request, Source, SourceFacts
from app.intake.signatures import BAD, STALE, digest, require_match, require_secret
from app.intake.sources import custom
from app.intake.sources.payload import at, content_digest, identity, text

SECRET_HEADERS = ("x-webhook-secret", "apikey")
LEEWAY_SECONDS = 1800.0
"""Seconds that a token is accepted after it expired.

Evolution API makes one token per event, valid for 10 minutes, and retries the event for 20 minutes
or longer with the same token.
"""
BODY_BYTES = 24 * 1_048_576
"""Bytes of the largest body: WhatsApp's largest video, 16 MiB, as base64, and what is around it."""
REDACTED = frozenset({"apikey", "instanceToken", "token"})
# Evolution API includes the webhook's address in each event, and the address may hold the secret.
OWN_ADDRESS = frozenset({"destination"})
EDITS = ("messages.edited", "send.message.update")
"""Events that carry the key of the original message, once for each edit."""
CALLS = ("call", "callaccept", "calloffer", "calloffernotice", "callreject", "callterminate")
"""Events of Evolution Go, in lower case, that happen once to each party of a call.

Others, such as CallRelayLatency, recur and have no key.
"""
CHATS_OF_MANY = ("@g.us", "@broadcast")
"""Endings of the ids of groups and broadcasts, in which each participant reads a message."""
NUMBER_OF_MESSAGE = frozenset({("data", "messageId")})
"""Place of a message's number, the same in all events about it: stars, retries, updates."""
RECEIPTS = ("receipt", "read_receipt")
UNDECRYPTABLE = "undecryptablemessage"
FACTS = SourceFacts(
    documentation="https://doc.evolution-api.com/v2/en/configuration/webhooks",
    signature="none: the secret in the path, in X-Webhook-Secret, apikey or Authorization: Bearer; "
    "or as the bearer token a JWT (HS256, jwt_key), accepted up to 30 minutes after it expired",
    provider_key="instance, event, data.key.remoteJid and data.key.id in the body; "
    "for an update, an edit, a deletion and a call see docs/sources/evolution.md",
    provider_key_signed=False,
    answer="any 2xx; 400, 401, 403, 404 and 422 are final",
    retries="10, the first after 5 s, then at intervals that double up to 300 s",
    retry_seconds=2_400,
    unverified="versions before 2",
)
GO_FACTS = SourceFacts(
    documentation="https://docs.evolutionfoundation.com.br/evolution-go/webhooks",
    signature="none: the secret in the path, in X-Webhook-Secret, apikey or Authorization: Bearer",
    events="one for each request; for a Receipt one for each of data.MessageIDs[]",
    provider_key="instanceId (or instance), event and data.Info.ID (or data.key.id) in the body; "
    "for a Receipt each of data.MessageIDs[] with state, data.Chat and data.Sender; for a call its "
    "id and the party",
    provider_key_signed=False,
    answer="any 2xx",
    retries="5, every 30 s",
    retry_seconds=300,
    unverified="data.key.id, which Evolution Go's documentation shows and its code does not send",
)


def verify(request: Request, secret: str, now: datetime, tolerance: float | None) -> None:
    """Accept the secret itself, or a token (JWT) that is signed with the secret."""
    bearer = _bearer(request)
    if _is_signed_token(secret, bearer):
        _require_unexpired(bearer, now, tolerance)
    else:
        verify_static(request, secret, now, tolerance)


def verify_static(request: Request, secret: str, _now: datetime, _tolerance: float | None) -> None:
    """Accept the secret in the path, in X-Webhook-Secret or apikey, or as a bearer token."""
    static = [request.headers.get(name, "") for name in SECRET_HEADERS]
    require_secret([*_in_path(request), _bearer(request), *static], secret)


def provider_key(_request: Request, event: Event) -> tuple[str, ...] | None:
    """Return WhatsApp's message id, and what else tells two events about this message apart."""
    payload = event.payload
    name, data = at(payload, "event"), at(payload, "data")
    scope = (at(payload, "instance"), name)
    if name == "messages.update":
        return _update_key(text(scope[0]), data)
    if name == "call":
        of_call = identity(*scope, at(data, "id"), at(data, "status"))
        return of_call and (*of_call, text(at(data, "from")))
    key = at(data, "key")
    if name == "messages.delete" and key is None:
        key = data  # a message deleted on the phone: the data is its key alone
    message = identity(*scope, at(key, "remoteJid"), at(key, "id"))
    if name in EDITS and message is not None:
        return (*message, text(at(data, "timestampMs")) or content_digest(data))
    return message


def _update_key(instance: str, data: Json) -> tuple[str, ...] | None:
    """Return message and status; also the participant, the votes of a poll and a changed text.

    Without a status nothing but the content tells two updates apart. `messageId` is no fallback:
    it is Evolution's number of the message, the same in each of its updates.
    """
    ids = (at(data, "keyId"), at(data, "key", "id"), at(data, "id"), at(data, "messageId"))
    message_id = next(filter(None, map(text, ids)), "")
    if not message_id:
        return None
    key, status = (instance, "messages.update", message_id), text(data.get("status"))
    if not status:
        return (*key, content_digest(data))
    of_many = text(data.get("remoteJid")).endswith(CHATS_OF_MANY)
    participant = text(data.get("participant")) if of_many else ""
    content = {name: data[name] for name in ("message", "pollUpdates") if data.get(name)}
    return (*key, status, *filter(None, (participant, content_digest(content) if content else "")))


def go_events(_request: Request, payload: Json) -> list[Event]:
    """Return one event for the request; for a receipt, one for each message that it is about."""
    ids = at(payload, "data", "MessageIDs")
    if _name(payload) not in RECEIPTS or not isinstance(ids, list) or not ids:
        return [Event(payload, custom.normalised("evolution_go", payload))]
    parts = [
        payload | {"data": payload["data"] | {"MessageIDs": [message_id]}} for message_id in ids
    ]
    return [Event(part, _receipt(part), batched=True) for part in parts]


def go_provider_key(_request: Request, event: Event) -> tuple[str, ...] | None:
    """Return WhatsApp's message id; for a receipt also the chat and the sender of the receipt.

    In a group, each member sends a receipt of its own for the same message.
    """
    payload = event.payload
    name, data = _name(payload), at(payload, "data")
    scope = (text(at(payload, "instanceId")) or at(payload, "instance"), at(payload, "event"))
    if event.batched:
        return _receipt_key(scope, payload, data)
    if name in CALLS:
        return _call_key(scope, data)
    if name == UNDECRYPTABLE:
        return identity(*scope, text(at(data, "Info", "ID")) or at(data, "id"))
    message = identity(*scope, text(at(data, "Info", "ID")) or at(data, "key", "id"))
    unavailable = text(at(data, "UnavailableType"))  # its content may come later, under this id
    return (*message, unavailable) if message and unavailable else message


def _receipt_key(
    scope: tuple[Json, ...], payload: Json, data: dict[str, Json]
) -> tuple[str, ...] | None:
    state = text(_state(payload)) or f"type:{text(data.get('Type'))}"
    key = identity(*scope, *data["MessageIDs"], state)
    return key and (*key, text(data.get("Chat")), text(data.get("Sender")))


def _call_key(scope: tuple[Json, ...], data: Json) -> tuple[str, ...] | None:
    """Return the id of the call and the party: each member of a group answers for itself."""
    ids = (text(at(data, name)) for name in ("CallID", "callId", "id"))
    key = identity(*scope, next(filter(None, ids), None))
    return key and (*key, text(at(data, "From")) or text(at(data, "from")))


def _name(payload: Json) -> str:
    """Return the event's name in lower case: documentation and code differ in case."""
    return text(at(payload, "event")).lower()


def _receipt(part: Json) -> dict[str, Json]:
    return custom.normalised("evolution_go", part) | {"state": _state(part)}


def _state(receipt: Json) -> Json:
    return at(receipt, "state") or at(receipt, "data", "state")


def _in_path(request: Request) -> list[str]:
    """Return the secret in the path, also without the segment that webhookByEvents appends."""
    presented = request.presented_secret or ""
    return [presented, presented.rpartition("/")[0]]


def _bearer(request: Request) -> str:
    return request.headers.get("authorization", "").removeprefix("Bearer ")


def _is_signed_token(secret: str, token: str) -> bool:
    """Return True if the token is a JWT with this secret's HS256 signature.

    The algorithm in the JWT's header is ignored: an attacker could write another one there.
    """
    signed, _, presented = token.rpartition(".")
    message = signed.encode("utf-8", "surrogatepass")
    signature = digest(secret.encode("utf-8", "surrogatepass"), message)
    try:
        require_match([presented], base64.urlsafe_b64encode(signature).decode().rstrip("="))
    except Unverified:
        return False
    return True


def _require_unexpired(token: str, now: datetime, leeway_seconds: float | None) -> None:
    try:
        padded = token.split(".")[1] + "=="
        expires_at = at(strict_json.loads(base64.urlsafe_b64decode(padded)), "exp")
    except (ValueError, IndexError, Unreadable) as error:
        raise Unverified(BAD) from error
    if isinstance(expires_at, bool) or not isinstance(expires_at, int):
        raise Unverified(BAD)
    if leeway_seconds is not None and now.timestamp() - leeway_seconds > expires_at:
        raise Unverified(STALE)


SOURCE = Source(
    "evolution",
    verify,
    custom.like("evolution").events,
    provider_key=provider_key,
    keyed_by_default=True,
    other_places=NUMBER_OF_MESSAGE,
    tolerance_seconds=LEEWAY_SECONDS,
    redacted=REDACTED | OWN_ADDRESS,
    body_bytes=BODY_BYTES,
    facts=FACTS,
)
GO = Source(
    "evolution_go",
    verify_static,
    go_events,
    provider_key=go_provider_key,
    keyed_by_default=True,
    other_places=NUMBER_OF_MESSAGE,
    redacted=REDACTED,
    body_bytes=BODY_BYTES,
    facts=GO_FACTS,
)
