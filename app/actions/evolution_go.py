"""Send a WhatsApp text through Evolution Go: to the sender of the event, or to a fixed number.

https://github.com/EvolutionAPI/evolution-go (POST /send/text with the instance's `apikey`)
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from urllib3.util import Url

from app.actions import http, http_client, options
from app.actions.exchange import SentRequest
from app.actions.http_client import Client
from app.actions.work import Work
from app.errors import ActionFailed, InvalidTrigger
from app.lifecycle import CONFIGURATION, REJECTED
from app.tolerant_json import json_object

OPTIONS = ("url", "apikey", "number", "text", "timeout_seconds")
PATH = "/send/text"
NUMBER_FROM = (
    "data.key.remoteJid",
    "data.remoteJid",
    "data.Info.Chat",
    "data.Info.Sender",
    "phone",
    "from",
)
TEXT_FROM = (
    "data.message.conversation",
    "data.message.extendedTextMessage.text",
    "data.Message.conversation",
    "data.Message.extendedTextMessage.text",
    "command",
    "text",
)
"""Paths of the sender's number and of the text in an event: the older system's first, then those
of Evolution Go."""
OURS_FROM = ("data.key.fromMe", "data.Info.IsFromMe")
"""Paths that are true in a message that this number sent itself."""
_FIELD = re.compile(r"\{\{|\}\}|\{([\w-]+(?:\.[\w-]+)*)\}")
_PERSON = re.compile(r"(\d+)(?::\d+)?@(?:s\.whatsapp\.net|c\.us)")
"""A person's address, with the device; addresses of groups and others are sent unchanged."""


@dataclass(frozen=True, slots=True)
class TextMessage:
    """The message that a trigger's payload describes."""

    url: Url
    apikey: str
    number: str | None = None
    """The recipient; None: the sender of the event."""
    text: str | None = None
    """Text with fields of the event in braces; None: the event's own text."""
    timeout_seconds: float | None = None


def run(work: Work) -> str:
    """Send the message and return Evolution Go's response; the stored summary never has the key."""
    return send(work, http_client.client(work.settings.hookonce_egress_allow))


def validate(payload: str) -> None:
    """Raise InvalidTrigger, with a sentence, if the payload cannot work."""
    read(payload)


def send(work: Work, client: Client) -> str:
    """Do as `run`, with a client that a test may choose."""
    message = options.of(work, read)
    event = json_object(work.event_data) or {}
    if message.number is None and any(found(event, place) is True for place in OURS_FROM):
        return "nothing sent: the message was sent by this number"
    fields = {
        "number": message.number or _recipient(event),
        "text": _text(event) if message.text is None else filled(message.text, event),
    }
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Hookonce",
        "apikey": message.apikey,
        "Idempotency-Key": str(work.chain_id),
    }
    limit = message.timeout_seconds or work.settings.hookonce_http_timeout_seconds
    body = json.dumps(fields).encode()
    request = SentRequest(str(message.url), headers, body, str(work.chain_id))
    response = client.post(
        message.url, body, headers, limit, sending=partial(http.note_sent, work, request)
    )
    return http.accepted(response, work)


def read(payload: str) -> TextMessage:
    """Return the message that a payload describes: a JSON object of OPTIONS."""
    given = options.options(payload, OPTIONS)
    base = options.address(given)
    if base.query is not None or base.fragment is not None:
        raise InvalidTrigger("the option 'url' is Evolution Go's address, without ? or #")
    apikey = options.words(given, "apikey")
    if apikey is None or not options.is_header_value(apikey):
        raise InvalidTrigger("the option 'apikey' must be the instance's key")
    path = (base.path or "").rstrip("/").removesuffix(PATH) + PATH
    return TextMessage(
        base._replace(path=path),
        apikey.strip(),
        options.words(given, "number"),
        options.words(given, "text"),
        options.seconds(given),
    )


def filled(template: str, event: Mapping[str, Any]) -> str:
    """Return the text with the event's values for {dotted.paths}; {{ and }} are braces."""

    def value(field: re.Match[str]) -> str:
        if field[1] is None:
            return field[0][0]
        content = found(event, field[1])
        if content is None or isinstance(content, Mapping | list):
            raise ActionFailed(
                f"the text needs {field[0]}, and the event has no such value",
                permanent=True,
                reason=REJECTED,
            )
        return json.dumps(content) if isinstance(content, bool) else str(content)

    return _FIELD.sub(value, template)


def found(event: Mapping[str, Any], place: str) -> Any:
    """Return the value at this dotted path of the event, else of its `data`; else None."""
    values = (_at(inside, place.split(".")) for inside in (event, event.get("data")))
    return next((value for value in values if value is not None), None)


def _at(value: Any, names: Sequence[str]) -> Any:
    for name in names:
        if isinstance(value, list) and name.isascii() and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        else:
            value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _recipient(event: Mapping[str, Any]) -> str:
    number = _first_text(event, NUMBER_FROM, "number to answer to")
    person = _PERSON.fullmatch(number)
    return person[1] if person else number


def _text(event: Mapping[str, Any]) -> str:
    return _first_text(event, TEXT_FROM, "text")


def _first_text(event: Mapping[str, Any], places: tuple[str, ...], what: str) -> str:
    for place in places:
        value = found(event, place)
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
            return str(value)
    raise ActionFailed(
        f"the event has no {what}, and the payload of the trigger gives none",
        permanent=True,
        reason=CONFIGURATION,
    )
