"""https://shopify.dev/docs/apps/build/webhooks/ignore-duplicates"""

from tests.support.samples import Sent
from tests.unit.intake.sources.identities.requests import with_headers


def sent(topic: str = "orders/paid", event: str = "e-1", webhook: str = "w-1") -> Sent:
    names = {"X_Shopify_Event_Id": event, "X_Shopify_Webhook_Id": webhook}
    ids = {name: value for name, value in names.items() if value}
    return with_headers({"id": 1}, X_Shopify_Topic=topic, **ids)


EVENTS = [
    sent(),
    sent("orders/updated"),
    sent(event="e-2"),
    sent(event="", webhook="w-1"),
    sent(event="", webhook="w-2"),
    sent("orders/updated", event="", webhook="w-2"),
]
REDELIVERIES = [(sent(), sent(webhook="w-2")), (sent(event=""), sent(event=""))]
KEPT = [(sent(), ['["e-1","orders/paid"]'])]
UNKEYED = [sent(event="", webhook=""), sent(topic="")]
