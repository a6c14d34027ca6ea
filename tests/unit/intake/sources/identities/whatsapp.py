"""https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference"""

from typing import Any


def change(field: str = "messages", **value: Any) -> dict[str, Any]:
    metadata = {"phone_number_id": "277"}
    return {
        "object": "whatsapp_business_account",
        "entry": [
            {"id": "264", "changes": [{"field": field, "value": {"metadata": metadata} | value}]}
        ],
    }


def status(name: str = "read", **members: Any) -> dict[str, Any]:
    item = {"id": "wamid.S", "status": name, "timestamp": "1767600000", "recipient_id": "155"}
    return change(statuses=[item | members])


def payment(name: str = "captured", **transaction: Any) -> dict[str, Any]:
    transaction = {"id": "t-1", "type": "upi", "status": "success"} | transaction
    return status(name, type="payment", payment={"reference_id": "r", "transaction": transaction})


def call(event: str, identity: str = "wacid.C", **members: Any) -> dict[str, Any]:
    item = {"id": identity, "event": event, "from": "155", "timestamp": "1767600000"}
    return change("calls", calls=[item | members])


def echo(identity: str) -> dict[str, Any]:
    item = {"id": identity, "from": "150", "to": "155", "type": "text"}
    return change("smb_message_echoes", message_echoes=[item])


def history(chunk: int, phase: int = 0, text: str = "a") -> dict[str, Any]:
    metadata = {"phase": phase, "chunk_order": chunk, "progress": 50}
    threads = [{"id": "155", "messages": [{"id": "wamid.H", "text": {"body": text}}]}]
    return change("history", history=[{"metadata": metadata, "threads": threads}])


def group(request_id: str, kind: str = "group_create") -> dict[str, Any]:
    item = {"group_id": "G", "type": kind, "request_id": request_id, "timestamp": "1767600000"}
    return change("group_lifecycle_update", groups=[item])


MEMBER = {"recipient_id": "G", "recipient_type": "group"}
EVENTS = [
    change(messages=[{"id": "wamid.1", "from": "155"}, {"id": "wamid.2", "from": "155"}]),
    echo("wamid.E1"),
    echo("wamid.E2"),
    status("sent"),
    status("delivered"),
    status("read"),
    status("played"),
    status("failed"),
    status("read", **MEMBER, recipient_participant_id="155"),
    status("read", **MEMBER, recipient_participant_id="156"),
    status("read", **MEMBER, recipient_participant_user_id="US.1"),
    status("read", **MEMBER, recipient_participant_user_id="US.2"),
    status("delivered", **MEMBER, recipient_participant_id="155"),
    payment(),
    payment("pending", status="pending"),
    payment("pending", status="pending", id="t-2"),
    payment(refunds=[{"id": "rf-1", "status": "pending"}]),
    payment(refunds=[{"id": "rf-1", "status": "success"}]),
    payment(refunds=[{"id": "rf-1", "status": "success"}, {"id": "rf-2", "status": "success"}]),
    call("connect"),
    call("terminate"),
    call("connect", "wacid.D"),
    change("calls", statuses=[{"id": "wacid.C", "status": "RINGING", "type": "call"}]),
    change("calls", statuses=[{"id": "wacid.C", "status": "ACCEPTED", "type": "call"}]),
    history(1),
    history(2),
    history(1, phase=1),
    history(1, text="b"),
    group("r-1"),
    group("r-2"),
    group("r-1", "group_delete"),
]
REDELIVERIES = [
    (
        change(messages=[{"id": "wamid.1", "from": "155"}]),
        change(messages=[{"id": "wamid.1", "from": "155"}], contacts=[{"wa_id": "155"}]),
    ),
    (status(), status(pricing={"billable": True})),
    (payment(), payment()),
    (call("connect"), call("connect")),
]
KEPT = [
    (change(messages=[{"id": "wamid.1"}]), ["wamid.1"]),
    (status(), ['["wamid.S","read"]']),
    (status(recipient_user_id="US.1"), ['["wamid.S","read"]']),
]
UNKEYED = [
    change("message_template_status_update", event="APPROVED", message_template_id=7),
    change("history", history=[{"errors": [{"code": 2593109}]}]),
    change("smb_app_state_sync", state_sync=[{"type": "contact", "action": "add"}]),
    change(messages=[{"from": "155"}], statuses=[{"id": "wamid.S"}], calls=[{"id": "wacid.C"}]),
]
