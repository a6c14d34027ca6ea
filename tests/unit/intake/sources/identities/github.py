"""https://docs.github.com/en/webhooks/webhook-events-and-payloads#delivery-headers"""

from tests.unit.intake.sources.identities.requests import with_headers

PUSH = {"ref": "refs/heads/main"}
EVENTS = [
    with_headers(PUSH, X_GitHub_Event="push", X_GitHub_Delivery="72d3162e"),
    with_headers(PUSH, X_GitHub_Event="push", X_GitHub_Delivery="72d3162f"),
]
REDELIVERIES = [
    (
        with_headers(PUSH, X_GitHub_Delivery="72d3162e"),
        with_headers(PUSH, X_GitHub_Delivery="72d3162e", X_GitHub_Hook_ID="2"),
    ),
]
KEPT = [(EVENTS[0], ["72d3162e"])]
UNKEYED = [with_headers(PUSH, X_GitHub_Event="push")]
