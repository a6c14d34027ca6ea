"""Send a WhatsApp text through Evolution Go: an answer to whoever sent the event, or to anyone.

https://github.com/EvolutionAPI/evolution-go (POST /send/text with the instance's `apikey`)
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from urllib3.util import Url

from app.actions import http, http_client, options
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
"""Where an event says who wrote, and what: the places of the older system, then Evolution Go's."""
OURS_FROM = ("data.key.fromMe", "data.Info.IsFromMe")
_FIELD = re.compile(r"\{\{|\}\}|\{([\w-]+(?:\.[\w-]+)*)\}")
_PERSON = re.compile(r"(\d+)(?::\d+)?@(?:s\.whatsapp\.net|c\.us)")
"""A person's address, with the device that was used; groups and others are kept as they are."""


@dataclass(frozen=True, slots=True)
class TextMessage:
    """Where to send what, as the trigger has it."""

    url: Url
    apikey: str
    number: str | None = None
    """None: whoever the event is from."""
    text: str | None = None
    """With fields of the event in braces; None: the event's own text."""
    timeout_seconds: float | None = None


def run(work: Work) -> str:
    """What Evolution Go answered, with a status of 2xx; the key is in nothing that is kept."""
    return send(work, http_client.client(work.settings.hookonce_egress_allow))


def validate(payload: str) -> None:
    """Raises InvalidTrigger, with a sentence, for a payload that cannot work."""
    read(payload)


def send(work: Work, client: Client) -> str:
    """`run`, with a client that a test may choose."""
    message = options.of(work, read)
    event = json_object(work.event_data) or {}
    if message.number is None and any(found(event, place) is True for place in OURS_FROM):
        return "nothing sent: the message is one of our own"
    said = {
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
    answer = client.post(message.url, json.dumps(said).encode(), headers, limit)
    return http.accepted(answer, [message.apikey])


def read(payload: str) -> TextMessage:
    """The message that a payload describes: an object of OPTIONS."""
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
    """The text with the event's values in the place of {dotted.paths}; {{ and }} are braces."""

    def value(field: re.Match[str]) -> str:
        if field[1] is None:
            return field[0][0]
        content = found(event, field[1])
        if content is None or isinstance(content, Mapping | list):
            raise ActionFailed(
                f"the text asks for {field[0]}, and the event has no such text",
                permanent=True,
                reason=REJECTED,
            )
        return json.dumps(content) if isinstance(content, bool) else str(content)

    return _FIELD.sub(value, template)


def found(event: Mapping[str, Any], place: str) -> Any:
    """What stands at this dotted path: in the event, else in what its sender wrote; else None."""
    for inside in (event, event.get("data")):
        value = _at(inside, place.split("."))
        if value is not None:
            return value
    return None


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
        f"the event holds no {what}, and the payload names none",
        permanent=True,
        reason=CONFIGURATION,
    )
