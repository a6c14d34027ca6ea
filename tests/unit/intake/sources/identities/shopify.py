"""https://shopify.dev/docs/apps/build/webhooks/ignore-duplicates"""

from tests.support.samples import Sent
from tests.unit.intake.sources.identities.requests import with_headers


def sent(topic: str = "orders/paid", event: str = "e-1", webhook: str = "w-1") -> Sent:
    names = {"X_Shopify_Event_Id": event, "X_Shopify_Webhook_Id": webhook}
    ids = {name: value for name, value in names.items() if value}
    return with_headers({"id": 1}, X_Shopify_Topic=topic, **ids)


def new(handle: str = "", event: str = "e-9", **body: str) -> Sent:
    """Return a delivery of Shopify's Events, whose headers have no X-."""
    headers = {"Shopify_Topic": "Product", "Shopify_Event_Id": event}
    named = headers | ({"Shopify_Handle": handle} if handle else {})
    return with_headers({"topic": "Product"} | body, **named)


EVENTS = [
    new(),
    new("prices"),
    new("stock"),
    new(handle="prices", event="e-10"),
    sent(),
    sent("orders/updated"),
    sent(event="e-2"),
    sent(event="", webhook="w-1"),
    sent(event="", webhook="w-2"),
    sent("orders/updated", event="", webhook="w-2"),
]
REDELIVERIES = [
    (
        new("prices"),
        with_headers(
            {"topic": "Product", "handle": "prices"},
            Shopify_Topic="Product",
            Shopify_Event_Id="e-9",
            Shopify_Webhook_Id="w-3",
        ),
    ),
    (sent(), sent(webhook="w-2")),
    (sent(event=""), sent(event="")),
]
KEPT = [(sent(), ['["e-1","orders/paid"]'])]
UNKEYED = [sent(event="", webhook=""), sent(topic="")]
