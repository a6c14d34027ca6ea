"""WebhookController and the channel services of github.com/EvolutionAPI/evolution-api."""

from typing import Any

CHAT = "15005550009@s.whatsapp.net"
GROUP = "12036@g.us"
KEY = {"remoteJid": CHAT, "fromMe": False, "id": "3EB0C5A2"}


def sent(event: str, data: Any, instance: str = "harbour", **members: Any) -> dict[str, Any]:
    whole = {"event": event, "instance": instance, "data": data}
    return whole | {"date_time": "2026-01-05T08:00:00.000Z"} | members


def edit(timestamp: Any, event: str = "messages.edited", text: str = "8") -> dict[str, Any]:
    content = {"key": KEY, "type": "MESSAGE_EDIT", "editedMessage": {"conversation": text}}
    return sent(event, content | ({} if timestamp is None else {"timestampMs": timestamp}))


def update(**members: Any) -> dict[str, Any]:
    data = {"keyId": "3EB0", "remoteJid": CHAT, "fromMe": True, "messageId": "cm5xyz"}
    return sent("messages.update", data | members)


def call(status: str, identity: str = "C1") -> dict[str, Any]:
    data = {"id": identity, "from": CHAT, "chatId": CHAT, "status": status, "isVideo": False}
    return sent("call", data)


def vote(option: str) -> list[dict[str, Any]]:
    return [{"name": option, "voters": [CHAT]}]


EVENTS = [
    sent("messages.upsert", {"key": KEY}),
    sent("messages.upsert", {"key": KEY}, "quay"),
    sent("messages.upsert", {"key": KEY | {"remoteJid": GROUP}}),
    sent("messages.upsert", {"key": KEY | {"id": "3EB0C5A3"}}),
    sent("send.message", {"key": KEY}),
    sent("messages.delete", KEY),
    sent("messages.delete", KEY | {"id": "3EB0C5A3", "status": "DELETED"}),
    edit("1767600060000"),
    edit("1767600120000"),
    edit("1767600060000", "send.message.update"),
    edit({"low": 1, "high": 2, "unsigned": True}),
    edit({"low": 3, "high": 2, "unsigned": True}),
    edit(None),
    edit(None, text="9"),
    update(status="DELIVERY_ACK"),
    update(status="READ"),
    update(status="READ", remoteJid=GROUP, participant=CHAT),
    update(status="READ", remoteJid=GROUP, participant="15005550008@s.whatsapp.net"),
    update(status="READ", remoteJid="status@broadcast", participant="15@lid"),
    update(status="SERVER_ACK", pollUpdates=vote("7")),
    update(status="SERVER_ACK", pollUpdates=vote("8")),
    update(status="SERVER_ACK", message={"editedMessage": {"conversation": "7"}}),
    update(status="SERVER_ACK", message={"editedMessage": {"conversation": "8"}}),
    update(message={"editedMessage": {"conversation": "7"}}),
    update(message={"editedMessage": {"conversation": "8"}}),
    update(pollUpdates=vote("7")),
    update(participant=CHAT),
    update(keyId=None, id="3EB1", status="READ"),
    call("offer"),
    call("terminate"),
    call("offer", "C2"),
]
REDELIVERIES = [
    (sent("messages.delete", KEY), sent("messages.delete", KEY | {"status": "DELETED"})),
    (edit("1767600060000"), edit("1767600060000") | {"destination": "https://b.example"}),
    (update(), update() | {"destination": "https://b.example"}),
    (call("offer"), call("offer") | {"date_time": "2026-01-05T08:00:05.000Z"}),
]
KEPT = [
    (
        sent("messages.upsert", {"key": KEY}),
        [f'["harbour","messages.upsert","{CHAT}","3EB0C5A2"]'],
    ),
    (update(status="READ"), ['["harbour","messages.update","3EB0","READ"]']),
    (
        update(status="READ", participant="15005550006@s.whatsapp.net", pollUpdates=[]),
        ['["harbour","messages.update","3EB0","READ"]'],
    ),
]
UNKEYED = [
    sent("messages.starred", {"messageId": "cm5xyz", "starred": True}),
    sent("connection.update", {"state": "open"}),
    sent("presence.update", {"id": CHAT, "presences": {}}),
    sent("qrcode.updated", {"qrcode": {"code": "2@"}}),
    sent("group-participants.update", {"id": GROUP, "participants": [CHAT], "action": "add"}),
    sent("chats.update", [{"remoteJid": CHAT}]),
    sent("messages.update", {"status": "READ"}),
    sent("call", {"status": "offer"}),
]
