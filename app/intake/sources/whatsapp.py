"""The WhatsApp Cloud API. https://developers.facebook.com/docs/graph-api/webhooks/getting-started"""

from collections.abc import Iterator
from datetime import datetime

from app.errors import Unverified
from app.intake.message import Event, Json, Request, Source, SourceFacts, WebhookResponse
from app.intake.signatures import hmac_sha256_hex, require_match
from app.intake.sources.payload import at, identity

ITEMS = {"messages": "message", "statuses": "status"}
"""The lists inside a change, and what one of their items is called."""
FORBIDDEN = WebhookResponse(403, {"error": "forbidden"})
FACTS = SourceFacts(
    documentation="https://developers.facebook.com/docs/graph-api/webhooks/getting-started",
    signature="X-Hub-Signature-256: sha256=<hex>, HMAC-SHA256 over the body with the app secret",
    handshake="GET with hub.mode=subscribe: hub.challenge as text where hub.verify_token is right, "
    "else 403",
    events="one for each of messages[] and statuses[], or for a change that has neither",
    provider_key="of each item: messages[].id, or statuses[].id and statuses[].status",
    provider_key_signed=True,
    answer="200",
    retries="up to 7 days",
    retry_seconds=604_800,
    unverified="the ids of changes that carry neither messages nor statuses: those have no key",
)


def verify(request: Request, secret: str, _now: datetime, _tolerance: float | None) -> None:
    """X-Hub-Signature-256: `sha256=<hex>`."""
    expected = "sha256=" + hmac_sha256_hex(secret, request.body)
    require_match([request.headers.get("x-hub-signature-256", "")], expected)


def verify_token(secret: str) -> str:
    """A verify token for Meta's form, so that the app secret need not be typed in there."""
    return hmac_sha256_hex(secret, b"hub.verify_token")[:32]


def greeting(request: Request, secret: str) -> WebhookResponse:
    """Meta asks, when the address is entered, whether it is ours; it wants its challenge back."""
    presented = request.query.get("hub.verify_token", "")
    if not secret or request.query.get("hub.mode") != "subscribe":
        return FORBIDDEN
    accepted = (_same(presented, secret), _same(presented, verify_token(secret)))
    return (
        WebhookResponse(200, request.query.get("hub.challenge", "")) if any(accepted) else FORBIDDEN
    )


def events(_request: Request, payload: Json) -> list[Event]:
    """One event for each message and each status; a change of another kind is one event."""
    found = [
        event
        for entry in _dicts(at(payload, "entry"))
        for change in _dicts(entry.get("changes"))
        for event in _events_of(payload, entry, change)
    ]
    whole = {"event_type": "unknown", "source": "whatsapp", "data": payload}
    return found or [Event(payload, whole)]


def provider_key(_request: Request, event: Event) -> tuple[str, ...] | None:
    """A message has an id; a status is the message's id and what became of it."""
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
        said = {"event_type": ITEMS[name], "contact": contact, "data": item}
        alone = _alone(payload, entry, _only(change, name, item, contact))
        yield Event(item, context | said, batched=True, alone=alone)
    if not items:
        said = {"event_type": change.get("field") or "unknown", "data": change.get("value")}
        alone = _alone(payload, entry, change)
        yield Event(change, context | said, batched=True, alone=alone)


def _only(change: dict[str, Json], name: str, item: Json, contact: Json) -> dict[str, Json]:
    """The change with nobody's item but this one."""
    lists = {*ITEMS, "contacts"}
    value = {key: said for key, said in change["value"].items() if key not in lists}
    about = {} if contact is None else {"contacts": [contact]}
    return change | {"value": value | about | {name: [item]}}


def _alone(payload: Json, entry: dict[str, Json], change: dict[str, Json]) -> dict[str, Json]:
    return dict(payload) | {"entry": [entry | {"changes": [change]}]}


def _items(change: dict[str, Json], name: str) -> list[Json]:
    items = at(change, "value", name)
    return items if isinstance(items, list) else []


def _contact(change: dict[str, Json], item: Json) -> Json:
    """Who the item is about, as the change lists people: not each of them beside each item."""
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
