"""A message is short, has nothing that a stranger wrote but names, and no name can do harm."""

import json
from datetime import UTC, datetime

import pytest

from app.notifications import message
from app.notifications.conditions import ALL_TRIGGERS, KINDS, TEST
from app.notifications.message import IN_JSON, SHOWN, Letter
from app.notifications.states import BEGAN, OVER, Message

AT = datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)
HOSTILE = "<!channel> & @all `x`\r\nBcc: all@acme.example\x1b[31m\u202e"


def letter(*messages: Message) -> Letter:
    return Letter("ntf_1", messages, AT, "https://hooks.acme.example")


def news(kind: str = "breaker_open", event: str = BEGAN, name: str = "Orders") -> Message:
    content = {"trigger": name, "number": 12, "since": "2026-01-31T23:59:00.000000Z"}
    return Message(kind, 3, event, content)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("event", [BEGAN, OVER])
def test_every_kind_has_a_sentence_and_a_page(kind: str, event: str) -> None:
    (entry,) = json.loads(message.as_json(letter(news(kind, event))))["data"]["notifications"]

    assert not {"{", "}"} & set(entry["text"] + entry["url"])
    assert entry["url"].startswith("https://hooks.acme.example/")
    assert entry["condition"] == kind


def test_a_name_reaches_a_chat_without_mention_link_or_line() -> None:
    text = json.loads(message.as_chat(letter(news(name=HOSTILE))))["text"]

    assert "<" not in text
    assert text.count("\n") == 0
    quoted = text.split("`")
    assert "@all" in quoted[1]
    assert "@all" not in quoted[0] + quoted[2]
    assert not {"\x1b", "\u202e"} & set(text)


def test_a_name_adds_no_header_to_a_mail() -> None:
    mail = message.as_mail(letter(news(name=HOSTILE)), "h@acme.example", ["ops@acme.example"])

    assert mail["Bcc"] is None
    assert mail["To"] == "ops@acme.example"
    assert mail["Message-ID"] == "<ntf_1@acme.example>"
    assert b"\x1b" not in mail.as_bytes()


def test_many_messages_are_counted_and_not_all_shown() -> None:
    many = letter(*[news()] * (IN_JSON + 5))

    data = json.loads(message.as_json(many))["data"]
    text = json.loads(message.as_chat(many))["text"]
    mail = message.as_mail(many, "h@acme.example", ["ops@acme.example"])

    assert (len(data["notifications"]), data["omitted"]) == (IN_JSON, 5)
    assert text.endswith(f"and {IN_JSON + 5 - SHOWN} more")
    assert f"and {IN_JSON + 5 - SHOWN} more" in mail.get_content()
    assert len(mail["Subject"]) <= 200


def test_the_title_is_trouble_rather_than_a_recovery() -> None:
    title = letter(news(event=OVER), news("no_worker")).title

    assert title == "No worker runs: events are accepted, and no execution is run (and 1 more)"


def test_a_test_message_says_that_it_is_one() -> None:
    test = Message(TEST, ALL_TRIGGERS, BEGAN, {"since": None})

    (entry,) = json.loads(message.as_json(letter(test)))["data"]["notifications"]

    assert entry["text"] == "This is a test notification"
    assert entry["url"].endswith("/notifications")
