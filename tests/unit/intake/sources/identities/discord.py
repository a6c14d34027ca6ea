"""https://docs.discord.com/developers/interactions/receiving-and-responding"""

from typing import Any


def interaction(identity: str, kind: int = 2) -> dict[str, Any]:
    return {"id": identity, "type": kind, "application_id": "1", "token": "t"}


def event(name: str = "ENTITLEMENT_CREATE", **changes: Any) -> dict[str, Any]:
    inner = {"type": name, "timestamp": "2026-01-05T08:00:00.000001", "data": {"id": "1"}}
    return {"version": 1, "application_id": "1", "type": 1, "event": inner | changes}


EVENTS = [
    interaction("786008729715212338"),
    interaction("786008729715212339", 3),
    event(),
    event("ENTITLEMENT_DELETE"),
    event(timestamp="2026-01-05T08:00:00.000002"),
    event(data={"id": "2"}),
    event() | {"application_id": "2"},
]
REDELIVERIES = [(event(), event() | {"version": 2})]
KEPT = [(interaction("786008729715212338"), ["786008729715212338"])]
UNKEYED = [{"t": "MESSAGE_CREATE", "d": {"id": "1"}}, event(timestamp=None)]
