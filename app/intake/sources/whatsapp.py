"""Webhooks of the WhatsApp Cloud API.

https://developers.facebook.com/docs/graph-api/webhooks/getting-started
"""

from collections.abc import Iterator
from datetime import datetime

from app.errors import Unverified
from app.intake.message import Event, Json, Request, Source, SourceFacts, WebhookResponse
from app.intake.signatures import hmac_sha256_hex, require_match
from app.intake.sources.payload import at, content_digest, identity, text

ITEMS = {
    "messages": "message",
    "statuses": "status",
    "message_echoes": "message_echo",
    "calls": "call",
}
"""The lists in a change, each with the event type of its items."""
OTHER_PERSON = {"message_echoes": ("to", "to_user_id"), "calls": ("to", "to_user_id")}
"""Members with the person to whom the business wrote or whom it called, by list."""
PERSON = (
    "from",
    "from_user_id",
    "recipient_participant_id",
    "recipient_participant_user_id",
    "recipient_id",
    "recipient_user_id",
)
"""Members of an item with the person whom it is about; the first that a contact has counts."""
PARTICIPANT = ("recipient_participant_id", "recipient_participant_user_id")
"""Members of a group's status with the participant who received or read the message."""
FORBIDDEN = WebhookResponse(403, {"error": "forbidden"})
FACTS = SourceFacts(
    documentation="https://developers.facebook.com/docs/graph-api/webhooks/getting-started",
    signature="X-Hub-Signature-256: sha256=<hex>, HMAC-SHA256 over the body with the app secret",
    handshake="GET with hub.mode=subscribe: answered with hub.challenge as text if "
    "hub.verify_token is right, otherwise with 403",
    events="one for each of messages[], statuses[], message_echoes[] and calls[]; one for a change "
    "that has none of them",
    provider_key="id of a message or an echo; id and status of a status, in a group with the "
    "participant, of a payment with the digest of payment; id and event of a call; the digest of "
    "history[] and of groups[]",
    provider_key_signed=True,
    answer="200",
    retries="up to 7 days",
    retry_seconds=604_800,
    unverified="the ids of changes of other kinds: those have no key",
)


def verify(request: Request, secret: str, _now: datetime, _tolerance: float | None) -> None:
    """Verify X-Hub-Signature-256: `sha256=<hex>`."""
    expected = "sha256=" + hmac_sha256_hex(secret, request.body)
    require_match([request.headers.get("x-hub-signature-256", "")], expected)


def verify_token(secret: str) -> str:
    """Return a verify token for Meta's settings, so that the app secret is not entered there."""
    return hmac_sha256_hex(secret, b"hub.verify_token")[:32]


def greeting(request: Request, secret: str) -> WebhookResponse:
    """Answer Meta's GET that checks the address: its challenge, or 403 if the token is wrong."""
    presented = request.query.get("hub.verify_token", "")
    if not secret or request.query.get("hub.mode") != "subscribe":
        return FORBIDDEN
    accepted = (_same(presented, secret), _same(presented, verify_token(secret)))
    return (
        WebhookResponse(200, request.query.get("hub.challenge", "")) if any(accepted) else FORBIDDEN
    )


def events(_request: Request, payload: Json) -> list[Event]:
    """Return one event for each message and each status; one for any other kind of change."""
    events_of_changes = [
        event
        for entry in _dicts(at(payload, "entry"))
        for change in _dicts(entry.get("changes"))
        for event in _events_of(payload, entry, change)
    ]
    unknown = {"event_type": "unknown", "source": "whatsapp", "data": payload}
    return events_of_changes or [Event(payload, unknown)]


def provider_key(_request: Request, event: Event) -> tuple[str, ...] | None:
    """Return the id of the item, and what else tells two events with this id apart."""
    if not event.batched:
        return None
    kind, item = event.normalised.get("event_type"), event.payload
    if kind in ("message", "message_echo"):
        return identity(at(item, "id"))
    if kind == "call":
        return identity(at(item, "id"), at(item, "event"))
    return _status_key(item) if kind == "status" else _change_key(item)


def _status_key(status: Json) -> tuple[str, ...] | None:
    """Return id and status, in a group with the participant, of a payment with its content.

    A refund and a second try to pay come under the id and the status of the payment.
    """
    key = identity(at(status, "id"), at(status, "status"))
    if key is None:
        return None
    participant = tuple(filter(None, [text(status.get(name)) for name in PARTICIPANT]))
    payment = status.get("payment")
    return (*key, *participant, *((content_digest(payment),) if payment else ()))


def _change_key(change: Json) -> tuple[str, ...] | None:
    """Return the digest of a part of the history, or of what was done to groups; else None.

    Both are numbered by Meta, in `chunk_order` and `request_id`; other changes can recur.
    """
    value = at(change, "value")
    for name, number in (("history", ("metadata", "chunk_order")), ("groups", ("request_id",))):
        items = _dicts(at(value, name))
        if items and all(text(at(item, *number)) for item in items):
            phone_number_id = text(at(value, "metadata", "phone_number_id"))
            return (name, phone_number_id, content_digest(items))
    return None


def _events_of(
    payload: dict[str, Json], entry: dict[str, Json], change: dict[str, Json]
) -> Iterator[Event]:
    context = {
        "source": "whatsapp",
        "account_id": entry.get("id"),
        "field": change.get("field"),
        "phone_number_id": at(change, "value", "metadata", "phone_number_id"),
    }
    items = [(name, item) for name in ITEMS for item in _items(change, name)]
    for (name, item), contact in zip(items, _contacts(change, items), strict=True):
        fields = {"event_type": ITEMS[name], "contact": contact, "data": item}
        alone = _alone(payload, entry, _with_only(change, name, item, contact))
        yield Event(item, context | fields, batched=True, alone=alone)
    if not items:
        alone = _alone(payload, entry, change)
        data = change.get("value") or alone
        fields = {"event_type": change.get("field") or "unknown", "data": data}
        yield Event(change, context | fields, batched=True, alone=alone)


def _with_only(change: dict[str, Json], name: str, item: Json, contact: Json) -> dict[str, Json]:
    """Return the change with this item and its contact alone, not those of other people."""
    lists = {*ITEMS, "contacts"}
    value = {key: each for key, each in change["value"].items() if key not in lists}
    contacts = {} if contact is None else {"contacts": [contact]}
    return change | {"value": value | contacts | {name: [item]}}


def _alone(payload: Json, entry: dict[str, Json], change: dict[str, Json]) -> dict[str, Json]:
    return dict(payload) | {"entry": [entry | {"changes": [change]}]}


def _items(change: dict[str, Json], name: str) -> list[Json]:
    items = at(change, "value", name)
    return items if isinstance(items, list) else []


def _contacts(change: dict[str, Json], items: list[tuple[str, Json]]) -> list[Json]:
    """Return for each item the contact that it is about, or None.

    A change lists the contacts of all its items together. A single contact belongs to the items of
    a single person, even under another number: Brazil's numbers have two forms.
    """
    contacts = _dicts(at(change, "value", "contacts"))
    if not contacts:
        return [None] * len(items)
    by_id = {
        text(contact.get(name)): contact
        for contact in reversed(contacts)
        for name in ("user_id", "wa_id")
    }
    people = [_people(name, item) for name, item in items]
    is_one_person = len(contacts) == 1 and len(set(people)) == 1
    other = contacts[0] if is_one_person else None
    return [next((by_id[each] for each in ids if each in by_id), other) for ids in people]


def _people(name: str, item: Json) -> tuple[str, ...]:
    """Return the ids under which a contact may be the person whom the item is about."""
    if not isinstance(item, dict):
        return ()
    members = OTHER_PERSON.get(name, ()) + PERSON
    return tuple(filter(None, [text(item[member]) for member in members if member in item]))


def _dicts(value: Json) -> list[dict[str, Json]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _same(presented: str, expected: str) -> bool:
    try:
        require_match([presented], expected)
    except Unverified:
        return False
    return True


SOURCE = Source(
    "whatsapp",
    verify,
    events,
    greeting=greeting,
    provider_key=provider_key,
    keyed_by_default=True,
    body_bytes=3 * 1_048_576,
    facts=FACTS,
)
