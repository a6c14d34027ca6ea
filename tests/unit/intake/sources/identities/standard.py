"""https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md"""

from tests.unit.intake.sources.identities.requests import with_headers

PAID = {"type": "invoice.paid", "data": {"id": 1}}
EVENTS = [
    with_headers(PAID, webhook_id="msg_1"),
    with_headers(PAID, webhook_id="msg_2"),
    with_headers(PAID, svix_id="msg_3", svix_signature="v1,"),
]
REDELIVERIES = [(EVENTS[0], with_headers(PAID, webhook_id="msg_1", webhook_timestamp="2"))]
KEPT = [(EVENTS[0], ["msg_1"])]
UNKEYED = [PAID]
