"""The request that the action `http` sends for an execution, as its trigger is set now.

Attempts record the answer; the request is not recorded, because it follows from the execution.
"""

from collections.abc import Mapping
from typing import Any

from app.actions import http
from app.errors import InvalidTrigger
from app.intake import sources

MADE_AT_SENDING = "made for each attempt"


def of(
    execution: Mapping[str, Any],
    trigger: Mapping[str, Any],
    headers: Mapping[str, Any],
    content_type: str | None,
) -> dict[str, Any] | None:
    """Return address and headers with secrets masked; None for any other action.

    `headers` and `content_type`: those of the stored request; what describes the event is sent.
    """
    if trigger["action_type"] != "http":
        return None
    try:
        target = http.read(trigger["action_payload"] or "")
    except InvalidTrigger:
        return None
    event_id = str(execution["chain"][0]["id"] if execution["chain"] else execution["id"])
    chosen = {name.lower() for name in target.headers}
    passed_on = _of_event(trigger["source"], headers) | {
        "Content-Type": content_type or "application/json",
        "User-Agent": "Hookonce",
        "Accept-Encoding": "identity",
    }
    return {
        "url": str(target.url),
        "headers": {
            **{name: value for name, value in passed_on.items() if name.lower() not in chosen},
            **target.headers,
            "Idempotency-Key": event_id,
            "webhook-id": event_id,
            "webhook-timestamp": MADE_AT_SENDING,
            "webhook-signature": MADE_AT_SENDING,
            "Hookonce-Attempt": f"1 to {max(1, execution['attempt_count'])}",
        },
    }


def _of_event(source: str, headers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the headers of the sender that describe the event."""
    wanted = {name.lower(): name for name in sources.named(source).event_headers}
    return {wanted[name.lower()]: text for name, text in headers.items() if name.lower() in wanted}
