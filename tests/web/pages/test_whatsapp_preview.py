"""Recipient and text of a WhatsApp message, in the format of every sender of such messages."""

import pytest

from app.intake import parse, sources
from app.web.pages import whatsapp_preview
from app.web.pages.whatsapp_preview import MessagePreview
from tests.support import factories, samples
from tests.support.samples import Sent


def shown(source: str, sent: Sent) -> list[MessagePreview | None]:
    """Return the preview of each event of the request, as it is stored."""
    request = factories.request(sent)
    events = sources.named(source).events(request, parse.payload(request))
    return [whatsapp_preview.message(parse.stored(event)) for event in events]


@pytest.mark.parametrize(
    ("source", "case", "messages"),
    [
        (
            "evolution",
            "messages_upsert",
            [MessagePreview("5511900000001@s.whatsapp.net", "/status berço 7")],
        ),
        ("evolution", "messages_update", [MessagePreview("5511900000001@s.whatsapp.net", None)]),
        (
            "evolution_go",
            "message",
            [MessagePreview("5511900000001@s.whatsapp.net", "/status berço 7")],
        ),
        (
            "whatsapp",
            "messages_and_statuses",
            [
                MessagePreview("5511900000001", "berço 7?"),
                MessagePreview("5511900000002", "berth 8?"),
                MessagePreview("5511900000001", None),
                MessagePreview("5511900000001", None),
            ],
        ),
        ("whatsapp", "template_status", [None]),
        (
            "custom",
            "n8n_whatsapp",
            [MessagePreview("5511900000001@s.whatsapp.net", "/status berço 7\nplease")],
        ),
        ("github", "push", [None]),
    ],
)
def test_a_message_is_read_as_its_sender_writes_it(
    source: str, case: str, messages: list[MessagePreview | None]
) -> None:
    assert shown(source, samples.sample(source, case)) == messages


@pytest.mark.parametrize(
    ("said", "command"),
    [
        ({"data": {"message": {"extendedTextMessage": {"text": "stop"}}}}, "stop"),
        ({"data": {"Message": {"extendedTextMessage": {"text": "stop"}}}}, "stop"),
        ({"command": "stop"}, "stop"),
        ({"text": "stop"}, "stop"),
        ({"text": {"body": "stop"}}, "stop"),
        ({"button": {"payload": "p", "text": "stop"}}, "stop"),
        ({"interactive": {"button_reply": {"id": "1", "title": "stop"}}}, "stop"),
        ({"interactive": {"list_reply": {"id": "1", "title": "stop"}}}, "stop"),
        ({"text": {"body": ["stop"]}}, None),
        ({"text": True}, None),
    ],
)
def test_what_was_typed_and_what_was_pressed_are_both_commands(
    said: dict[str, object], command: str | None
) -> None:
    assert whatsapp_preview.message({"data": {"phone": "351000", **said}}) == MessagePreview(
        "351000", command
    )


@pytest.mark.parametrize("event", [None, 7, "no json", "[" * 20_000, [], {"data": "x"}, {}])
def test_what_is_no_message_is_shown_as_none(event: object) -> None:
    assert whatsapp_preview.message(event) is None
