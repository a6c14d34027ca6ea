"""https://docs.slack.dev/apis/events-api/"""

import json
from typing import Any

from tests.unit.intake.sources.identities.requests import form


def event(identity: str, **members: Any) -> dict[str, Any]:
    inner = {"type": "message", "channel": "C1", "ts": "1.2"}
    return {"type": "event_callback", "event_id": identity, "event": inner} | members


EVENTS = [event("Ev1"), event("Ev2"), event("Ev3", event={"type": "app_mention", "ts": "1.2"})]
REDELIVERIES = [(event("Ev1"), event("Ev1", event_time=2))]
KEPT = [(event("Ev1"), ["Ev1"])]
UNKEYED = [
    form({"command": "/berth", "text": "7", "trigger_id": "1.2.3"}),
    form({"payload": json.dumps({"type": "block_actions", "trigger_id": "1.2.3"})}),
]
