"""https://developer.paddle.com/webhooks/respond-to-webhooks"""

from typing import Any


def sent(event_id: str, notification_id: str = "ntf_1") -> dict[str, Any]:
    return {"event_id": event_id, "event_type": "a.b", "notification_id": notification_id}


EVENTS = [sent("evt_1"), sent("evt_2")]
REDELIVERIES = [(sent("evt_1"), sent("evt_1", "ntf_2"))]
KEPT = [(sent("evt_1"), ["evt_1"])]
UNKEYED = [{"notification_id": "ntf_1"}]
