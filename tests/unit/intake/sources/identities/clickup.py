"""https://developer.clickup.com/docs/webhooktaskpayloads"""

from typing import Any


def sent(event: str, *history: str, **members: Any) -> dict[str, Any]:
    items = {"history_items": [{"id": each} for each in history]}
    return {"webhook_id": "7fa3", "event": event, "task_id": "1vj"} | items | members


EVENTS = [
    sent("taskCreated", "280"),
    sent("taskStatusUpdated", "280"),
    sent("taskStatusUpdated", "281"),
    sent("taskUpdated", "280", "281"),
    sent("taskUpdated", "280", webhook_id="7fa4"),
]
REDELIVERIES = [(sent("taskCreated", "280"), sent("taskCreated", "280"))]
KEPT = [(sent("taskCreated", "280"), ['["7fa3","taskCreated","280"]'])]
UNKEYED = [
    sent("taskDeleted"),
    {"webhook_id": "7fa3", "event": "listCreated", "list_id": "162"},
    sent("keyResultUpdated", goal_id="9d5", key_result_id="00f"),
]
