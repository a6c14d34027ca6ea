"""Write a batch of messages as JSON, as text for a chat, and as mail. Pure.

A message has names of triggers, numbers and times, and nothing that a sender or a target wrote.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any, NamedTuple

from app import clock
from app.notifications.conditions import ALL_TRIGGERS, KINDS, sentence
from app.notifications.states import OVER, Message

SHOWN = 20
"""Messages of a batch that a chat or a mail shows; the others are counted."""
IN_JSON = 100
"""Messages of a batch that a webhook carries; the others are counted."""
LONGEST_NAME = 200
"""Characters of a trigger's name that are shown."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A batch of messages, and the address of the console for its links."""

    id: str
    messages: Sequence[Message]
    created_at: datetime
    public_url: str

    @property
    def title(self) -> str:
        """The first news that is no recovery, and the number of the others."""
        first = next((each for each in self.messages if each.event != OVER), self.messages[0])
        more = len(self.messages) - 1
        return text_of(first) + (f" (and {more} more)" if more else "")


class Failure(NamedTuple):
    """The reason a letter was not taken, and the wait that the channel asks for."""

    sentence: str
    """It holds no word of the address beyond its host: the path may be a password."""
    retry_after_seconds: float = 0.0


def text_of(message: Message) -> str:
    """Return the sentence of one message."""
    return sentence(
        message.kind,
        plain(message.content.get("trigger") or ""),
        int(message.content.get("number") or 0),
        over=message.event == OVER,
    )


def as_json(letter: Letter) -> bytes:
    """Return the body of a signed webhook."""
    body = {
        "type": "hookonce.notification",
        "timestamp": clock.text(letter.created_at),
        "data": {
            "installation": letter.public_url,
            "title": letter.title,
            "notifications": [_entry(letter, each) for each in letter.messages[:IN_JSON]],
            "omitted": max(0, len(letter.messages) - IN_JSON),
        },
    }
    return json.dumps(body, ensure_ascii=False).encode()


def as_chat(letter: Letter) -> bytes:
    """Return the body that Slack, Mattermost and Rocket.Chat accept: one member, `text`."""
    lines = [_chat_line(letter, each) for each in letter.messages[:SHOWN]]
    if (more := len(letter.messages) - SHOWN) > 0:
        lines.append(f"and {more} more")
    return json.dumps({"text": "\n".join(lines)}, ensure_ascii=False).encode()


def as_mail(letter: Letter, sender: str, recipients: Sequence[str]) -> EmailMessage:
    """Return the mail; its Message-ID is the same however often it is sent."""
    mail = EmailMessage()
    mail["Subject"] = f"[Hookonce] {letter.title}"[:200]
    mail["From"] = sender
    mail["To"] = ", ".join(recipients)
    mail["Date"] = format_datetime(letter.created_at)
    mail["Message-ID"] = f"<{letter.id}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    parts = [_mail_part(letter, each) for each in letter.messages[:SHOWN]]
    if (more := len(letter.messages) - SHOWN) > 0:
        parts.append(f"and {more} more: {letter.public_url}/")
    mail.set_content("\n\n".join(parts) + "\n")
    return mail


def plain(name: str) -> str:
    """Return the name in one line: no control character, no mark-up or mention of a chat."""
    text = "".join(each if each.isprintable() else " " for each in name)
    return " ".join(text.split())[:LONGEST_NAME]


def page_of(public_url: str, message: Message) -> str:
    """Return the address of the console's page that shows the condition."""
    kind = KINDS.get(message.kind)
    path = kind.page if kind else "/notifications"
    return public_url + path.format(trigger_id=message.trigger_id)


def _entry(letter: Letter, message: Message) -> dict[str, Any]:
    of_trigger = message.trigger_id != ALL_TRIGGERS
    return {
        "event": message.event,
        "condition": message.kind,
        "text": text_of(message),
        "advice": _advice(message),
        "trigger_id": message.trigger_id if of_trigger else None,
        "trigger": plain(message.content.get("trigger") or "") if of_trigger else None,
        "number": message.content.get("number"),
        "since": message.content.get("since"),
        "url": page_of(letter.public_url, message),
    }


def _chat_line(letter: Letter, message: Message) -> str:
    """Return the line; a name stands in backquotes, where no chat looks for mentions or links."""
    name = plain(message.content.get("trigger") or "").replace("`", "'")
    number = int(message.content.get("number") or 0)
    quoted = f"`{name}`" if name else ""
    over = message.event == OVER
    text = sentence(message.kind, quoted, number, over=over)
    mark = "✅" if over else "🔴"
    return f"{mark} {_escaped(text)}. {page_of(letter.public_url, message)}"


def _mail_part(letter: Letter, message: Message) -> str:
    since = message.content.get("since")
    lines = [text_of(message) + ".", _advice(message) if message.event != OVER else ""]
    lines += [f"Since {since}." if since else "", page_of(letter.public_url, message)]
    return "\n".join(filter(None, lines))


def _advice(message: Message) -> str:
    kind = KINDS.get(message.kind)
    return kind.advice if kind else ""


def _escaped(text: str) -> str:
    """Escape the three characters that Slack interprets: https://docs.slack.dev/messaging/"""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
