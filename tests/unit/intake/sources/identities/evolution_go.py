"""whatsmeow.go and docs/wiki of github.com/EvolutionAPI/evolution-go."""

from typing import Any

CHAT = "15005550009@s.whatsapp.net"
OTHER = "15005550008@s.whatsapp.net"


def sent(event: str, data: Any, **members: Any) -> dict[str, Any]:
    return {"event": event, "data": data, "instanceId": "0f3c", "instanceName": "a"} | members


def documented(event: str, data: Any, instance: str = "sales") -> dict[str, Any]:
    return {"event": event, "instance": instance, "data": data}


def message(identity: str, **data: Any) -> dict[str, Any]:
    return sent("Message", {"Info": {"ID": identity, "Chat": CHAT}} | data)


def receipt(who: str = CHAT, chat: str = "12036@g.us", **members: Any) -> dict[str, Any]:
    data = {"Chat": chat, "Sender": who, "MessageIDs": ["3EB0A", "3EB0B"], "Type": "read"}
    return sent("Receipt", data | members.pop("data", {}), **members)


def call(event: str, identity: str = "C1", **data: Any) -> dict[str, Any]:
    return sent(event, {"CallID": identity, "From": CHAT} | data)


KEY = {"remoteJid": CHAT, "fromMe": False, "id": "3EB0C5A2"}
EVENTS = [
    message("3EB0A"),
    message("3EB0B"),
    message("3EB0A", IsUnavailable=True, UnavailableType="view_once"),
    sent("Message", {"Info": {"ID": "3EB0A"}}, instanceId="0f3d"),
    sent("SendMessage", {"Info": {"ID": "3EB0A"}}),
    documented("MESSAGE", {"key": KEY}),
    documented("MESSAGE", {"key": KEY}, "support"),
    documented("MESSAGE", {"key": KEY | {"id": "3EB0C5A3"}}),
    documented("CALL", {"id": "ABC", "from": CHAT}),
    documented("CALL", {"id": "ABD", "from": CHAT}),
    documented("READ_RECEIPT", {"MessageIDs": ["3EB0A"], "Type": "read", "Sender": CHAT}),
    receipt(state="Read"),
    receipt(OTHER, state="Read"),
    receipt(state="Delivered"),
    receipt(chat="12037@g.us", state="Read"),
    receipt(),
    receipt(data={"Type": ""}),
    receipt(data={"Type": "played"}),
    call("CallOffer"),
    call("CallAccept"),
    call("CallAccept", From=OTHER),
    call("CallTerminate"),
    call("CallOffer", "C2"),
    sent("CallReject", {"callId": "C1", "from": CHAT}),
    sent("CallReject", {"callId": "C1", "from": OTHER}),
    sent("UndecryptableMessage", {"id": "3EB0A", "chat": CHAT}),
    documented("receipt", {"MessageIDs": ["3EB0A", "3EB0C"], "Type": "read", "Sender": CHAT}),
]
REDELIVERIES = [
    (message("3EB0A"), message("3EB0A") | {"instanceToken": "another"}),
    (receipt(state="Read"), receipt(state="Read")),
    (call("CallOffer"), call("CallOffer")),
]
KEPT = [
    (message("3EB0A"), ['["0f3c","Message","3EB0A"]']),
    (
        receipt(state="Read", data={"MessageIDs": ["3EB0A"]}),
        [f'["0f3c","Receipt","3EB0A","Read","12036@g.us","{CHAT}"]'],
    ),
]
UNKEYED = [
    sent("Star", {"messageId": "3EB0A", "chat": CHAT, "starred": True}),
    sent("Presence", {"From": CHAT}, state="online"),
    sent("CallRelayLatency", {"CallID": "C1", "From": CHAT}),
    sent("GroupInfo", {"JID": "12036@g.us"}),
    sent("Connected", {"status": "open"}),
    sent("CallOffer", {"From": CHAT}),
]
