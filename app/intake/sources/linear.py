"""Linear. https://linear.app/developers/webhooks"""

from datetime import datetime

from app.intake.message import Event, Json, Request, Source
from app.intake.signatures import hmac_sha256_hex, require_match
from app.intake.sources.reading import at

# The older system read the name with X-; proxies were configured for it.
SIGNATURE_HEADERS = ("linear-signature", "x-linear-signature")


def verify(request: Request, secret: str, _now: datetime, _tolerance: float | None) -> None:
    """Linear-Signature: `<hex>`. No time limit by default: Linear retries for six hours."""
    presented = [request.headers.get(name, "") for name in SIGNATURE_HEADERS]
    require_match(presented, hmac_sha256_hex(secret, request.body))


def events(_request: Request, payload: Json) -> list[Event]:
    """One event a request."""
    event = {
        "event_type": at(payload, "type") or "unknown",
        "source": "linear",
        "action": at(payload, "action"),
        "data": at(payload, "data"),
    }
    return [Event(payload, event)]


SOURCE = Source("linear", verify, events)
