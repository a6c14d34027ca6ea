"""Adyen's standard webhooks.

Adyen signs eight fields of each item and not the body, so the body is parsed before it is verified.
https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures
"""

import base64
from datetime import datetime

from app.errors import Unreadable, Unverified
from app.intake import parse
from app.intake.message import OK, Event, Json, Request, Source, SourceFacts, WebhookResponse
from app.intake.signatures import BAD, MISSING, digest, require_match
from app.intake.sources.payload import at, text
from app.intake.sources.secret_formats import of_hex

SIGNED_FIELDS = (
    ("pspReference",),
    ("originalReference",),
    ("merchantAccountCode",),
    ("merchantReference",),
    ("amount", "value"),
    ("amount", "currency"),
    ("eventCode",),
    ("success",),
)
FIELD_WITH_COLONS = ("merchantReference",)
KEY_PARTS = ("pspReference", "eventCode", "success", "originalReference")
REPORT = "REPORT_AVAILABLE"
REPORT_PARTS = ("merchantAccountCode", "eventDate")
"""Further parts of a report's key.

Its `pspReference` is the name of a file, which each merchant account has, and which is the same
when the report is made anew.
"""


def verify(request: Request, secret: str, _now: datetime, _tolerance: float | None) -> None:
    """Verify `additionalData.hmacSignature` of every item; one bad item refuses the request.

    Adyen does not sign reports: such an item is passed over here, and is no event.
    """
    try:
        items = _items(parse.payload(request))
    except Unreadable as error:
        raise Unverified(BAD) from error
    if not items:
        raise Unverified(MISSING)
    key = _key(secret)
    for item in items:
        if not _is_unsigned_report(item):
            expected = base64.b64encode(digest(key, _signed(item))).decode()
            require_match([_presented(item)], expected)


def events(_request: Request, payload: Json) -> list[Event]:
    """Return one event for each item; a payload without items is one event of type `unknown`.

    A report that is not signed is none: anyone could have sent it, with any address to fetch.
    """
    live = at(payload, "live")
    items = _items(payload)
    if not items:
        return [Event(payload, _normalised(payload, live), batched=True)]
    return [
        Event(item, _normalised(item, live), batched=True, alone=_alone(live, item))
        for item in items
        if not _is_unsigned_report(item)
    ]


def handshake(_request: Request, payload: Json) -> WebhookResponse | None:
    """Acknowledge a request that has nothing but reports that are not signed.

    Refused, they would be sent for 30 days, and Adyen would hold back the payments behind them.
    """
    items = _items(payload)
    return OK if items and all(map(_is_unsigned_report, items)) else None


def provider_key(_request: Request, event: Event) -> tuple[str, ...] | None:
    """Return the fields by which Adyen finds duplicates, and the modified payment's reference."""
    is_report = at(event.payload, "eventCode") == REPORT
    names = KEY_PARTS + REPORT_PARTS if is_report else KEY_PARTS
    parts = tuple(_field(at(event.payload, name)) for name in names)
    return parts if parts[0] and parts[1] else None


def _is_unsigned_report(item: Json) -> bool:
    return at(item, "eventCode") == REPORT and not _presented(item)


def _presented(item: Json) -> str:
    return text(at(item, "additionalData", "hmacSignature"))


def _alone(live: Json, item: Json) -> dict[str, Json]:
    return {"live": live, "notificationItems": [{"NotificationRequestItem": item}]}


def _normalised(item: Json, live: Json) -> dict[str, Json]:
    return {
        "event_type": at(item, "eventCode") or "unknown",
        "source": "adyen",
        "success": at(item, "success"),
        "live": live,
        "data": item,
    }


def _items(payload: Json) -> list[Json]:
    listed = at(payload, "notificationItems")
    if not isinstance(listed, list):
        return []
    return [at(each, "NotificationRequestItem") for each in listed]


def _signed(item: Json) -> bytes:
    """Return the signed text: the fields joined by colons, without escaping, as Adyen does.

    A colon inside a field could make one field look like two, and the signature would still match.
    Only `merchantReference` may therefore contain colons: then the text can be split in one way.
    """
    fields = {path: _field(at(item, *path)) for path in SIGNED_FIELDS}
    if any(":" in field for path, field in fields.items() if path != FIELD_WITH_COLONS):
        raise Unverified(BAD)
    return ":".join(fields.values()).encode("utf-8", "surrogatepass")


def _field(value: Json) -> str:
    """Return a field as it is signed; Adyen sends `success` as text or as a boolean."""
    return str(value).lower() if isinstance(value, bool) else text(value)


def _key(secret: str) -> bytes:
    try:
        return of_hex(secret)
    except ValueError as error:
        raise Unverified(BAD) from error


SOURCE = Source(
    "adyen",
    verify,
    events,
    handshake,
    provider_key=provider_key,
    keyed_by_default=True,
    facts=SourceFacts(
        documentation="https://docs.adyen.com/development-resources/webhooks/secure-webhooks/"
        "verify-hmac-signatures",
        signature="additionalData.hmacSignature of every item: HMAC-SHA256 in base64 over eight "
        "fields joined by colons; the secret is the HMAC key in hex",
        handshake="a REPORT_AVAILABLE without a signature: answered 200, no event",
        events="one for each of notificationItems[]",
        provider_key="pspReference, eventCode, success and originalReference of each item; of a "
        "report also merchantAccountCode and eventDate",
        provider_key_signed=True,
        answer="any 2xx within 10 s",
        answer_seconds=10,
        retries="up to 30 days, at growing intervals",
        retry_seconds=2_592_000,
        unverified="whether Adyen ever sends a colon in a field other than merchantReference "
        "(refused); webhooks that sign the whole body in a header are not supported",
    ),
)
