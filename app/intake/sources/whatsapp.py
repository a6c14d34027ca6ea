"""Webhooks of the WhatsApp Cloud API.

https://developers.facebook.com/docs/graph-api/webhooks/getting-started
"""

from collections.abc import Iterator
from datetime import datetime

from app.errors import Unverified
from app.intake.message import Event, Json, Request, Source, SourceFacts, WebhookResponse
from app.intake.signatures import hmac_sha256_hex, require_match
from app.intake.sources.payload import at, identity

ITEMS = {"messages": "message", "statuses": "status"}
"""The lists in a change, each with the event type of its items."""
FORBIDDEN = WebhookResponse(403, {"error": "forbidden"})
FACTS = SourceFacts(
    documentation="https://developers.facebook.com/docs/graph-api/webhooks/getting-started",
    signature="X-Hub-Signature-256: sha256=<hex>, HMAC-SHA256 over the body with the app secret",
    handshake="GET with hub.mode=subscribe: answered with hub.challenge as text if "
    "hub.verify_token is right, otherwise with 403",
    events="one for each of messages[] and statuses[]; one for a change that has neither",
    provider_key="for each item messages[].id, or statuses[].id and statuses[].status",
    provider_key_signed=True,
    answer="200",
    retries="up to 7 days",
    retry_seconds=604_800,
    unverified="the ids of changes with neither messages nor statuses: those have no key",
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
    """Return the id of a message; for a status, the message's id and the status."""
    kind = event.normalised.get("event_type")
    if event.batched and kind == "message":
        return identity(at(event.payload, "id"))
    if event.batched and kind == "status":
        return identity(at(event.payload, "id"), at(event.payload, "status"))
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
    for name, item in items:
        contact = _contact(change, item)
        fields = {"event_type": ITEMS[name], "contact": contact, "data": item}
        alone = _alone(payload, entry, _with_only(change, name, item, contact))
        yield Event(item, context | fields, batched=True, alone=alone)
    if not items:
        fields = {"event_type": change.get("field") or "unknown", "data": change.get("value")}
        alone = _alone(payload, entry, change)
        yield Event(change, context | fields, batched=True, alone=alone)


def _with_only(change: dict[str, Json], name: str, item: Json, contact: Json) -> dict[str, Json]:
    """Return the change with this item alone, and with its contact alone.

    So an event never contains messages or contacts of other people.
    """
    lists = {*ITEMS, "contacts"}
    value = {key: each for key, each in change["value"].items() if key not in lists}
    contacts = {} if contact is None else {"contacts": [contact]}
    return change | {"value": value | contacts | {name: [item]}}


def _alone(payload: Json, entry: dict[str, Json], change: dict[str, Json]) -> dict[str, Json]:
    return dict(payload) | {"entry": [entry | {"changes": [change]}]}


def _items(change: dict[str, Json], name: str) -> list[Json]:
    items = at(change, "value", name)
    return items if isinstance(items, list) else []


def _contact(change: dict[str, Json], item: Json) -> Json:
    """Return the contact that the item is about.

    A change lists the contacts of all its items together. A single contact belongs to every item.
    """
    contacts = _dicts(at(change, "value", "contacts"))
    wanted = at(item, "from") or at(item, "recipient_id")
    same = [contact for contact in contacts if contact.get("wa_id") == wanted]
    found = same or (contacts if len(contacts) == 1 else [])
    return found[0] if found else None


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
    facts=FACTS,
)
