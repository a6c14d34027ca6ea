"""https://docs.stripe.com/api/events/object"""

from typing import Any


def event(identity: str, **members: Any) -> dict[str, Any]:
    return {"id": identity, "object": "event", "data": {"object": {"id": "sub_1"}}} | members


EVENTS = [event("evt_1"), event("evt_2"), {"id": "evt_3", "object": "v2.core.event"}]
REDELIVERIES = [(event("evt_1"), event("evt_1", pending_webhooks=2))]
KEPT = [(event("evt_1"), ["evt_1"])]
UNKEYED = [{"object": "event"}]
