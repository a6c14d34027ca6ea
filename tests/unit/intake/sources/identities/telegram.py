"""https://core.telegram.org/bots/api#update"""

EVENTS = [
    {"update_id": 10000, "message": {"message_id": 1, "text": "7"}},
    {"update_id": 10001, "edited_message": {"message_id": 1, "text": "8"}},
    {"update_id": 10002, "edited_message": {"message_id": 1, "text": "9"}},
]
REDELIVERIES = [(EVENTS[0], EVENTS[0])]
KEPT = [(EVENTS[0], ["10000"])]
UNKEYED = [{"message": {"message_id": 1}}]
