"""https://linear.app/developers/webhooks"""

from tests.unit.intake.sources.identities.requests import with_headers

ISSUE = {"type": "Issue", "action": "update", "data": {"id": "1"}, "webhookTimestamp": 1}
EVENTS = [with_headers(ISSUE, Linear_Delivery="a"), with_headers(ISSUE, Linear_Delivery="b")]
REDELIVERIES = [(EVENTS[0], with_headers(ISSUE | {"webhookTimestamp": 2}, Linear_Delivery="a"))]
KEPT = [(EVENTS[0], ["a"])]
UNKEYED = [ISSUE]
