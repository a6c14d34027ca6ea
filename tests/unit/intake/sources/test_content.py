"""The content of an event reaches the action, wherever its sender writes it."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from app.intake import parse, sources
from app.intake.message import FORM
from tests.support import factories
from tests.support.samples import Sent


def normalised(source: str, payload: Any) -> list[dict[str, Any]]:
    """Return the normalised events of a request with this payload as JSON."""
    request = factories.request(
        Sent({"Content-Type": "application/json"}, json.dumps(payload).encode())
    )
    return [dict(event.normalised) for event in sources.named(source).events(request, payload)]


def one(source: str, payload: Any) -> dict[str, Any]:
    (event,) = normalised(source, payload)
    return event


def interaction_of_slack(payload: Any) -> dict[str, Any]:
    request = factories.request(
        Sent({"Content-Type": FORM}, urlencode({"payload": json.dumps(payload)}).encode())
    )
    (event,) = sources.named("slack").events(request, parse.payload(request))
    return dict(event.normalised)


@pytest.mark.parametrize(
    ("source", "payload"),
    [
        ("linear", {"type": "AgentSessionEvent", "agentSession": {"id": "s"}}),
        ("linear", {"type": "IssueSLA", "action": "breached", "issueData": {"id": "i"}}),
        ("linear", {"type": "AppUserNotification", "notification": {"id": "n"}, "data": {}}),
        ("linear", {"type": "OAuthApp", "action": "revoked", "oauthClientId": "o"}),
        ("stripe", {"id": "evt_1", "object": "v2.core.event", "related_object": {"id": "mtr_1"}}),
        ("stripe", {"id": "evt_1", "type": "v2.a.b", "data": {"count": 7}}),
        ("stripe", {"id": "evt_1", "type": "a.b", "data": {"object": {}}}),
    ],
    ids=str,
)
def test_the_payload_is_the_data_where_the_usual_member_is_missing(
    source: str, payload: dict[str, Any]
) -> None:
    assert one(source, payload)["data"] == payload


def test_a_change_of_whatsapp_without_a_value_is_the_data_itself() -> None:
    payload = {"entry": [{"id": "264", "changes": [{"field": "account_update"}]}]}

    assert one("whatsapp", payload)["data"] == payload


def test_what_an_update_changed_stands_beside_the_data_of_linear() -> None:
    update = {"type": "Issue", "data": {"id": "1"}, "updatedFrom": {"title": "Crane"}, "url": "u"}

    event = one("linear", update)

    assert (event["data"], event["updatedFrom"], event["url"]) == (
        {"id": "1"},
        {"title": "Crane"},
        "u",
    )


def test_what_changed_and_whose_it_is_stand_beside_the_object_of_stripe() -> None:
    data = {"object": {"id": "sub_1"}, "previous_attributes": {"status": "past_due"}}

    event = one("stripe", {"id": "evt_1", "account": "acct_1", "context": "c", "data": data})

    assert event["data"] == {"id": "sub_1"}
    assert event["previous_attributes"] == {"status": "past_due"}
    assert (event["id"], event["account"], event["context"]) == ("evt_1", "acct_1", "c")


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (2, "APPLICATION_COMMAND"),
        (3, "MESSAGE_COMPONENT"),
        (4, "APPLICATION_COMMAND_AUTOCOMPLETE"),
        (5, "MODAL_SUBMIT"),
        (6, "unknown"),
        (True, "unknown"),
        ("2", "unknown"),
    ],
)
def test_an_interaction_of_discord_is_named_by_its_type(kind: Any, name: str) -> None:
    event = one("discord", {"type": kind, "application_id": "1", "channel_id": "645"})

    assert (event["event_type"], event["channel_id"]) == (name, "645")


@pytest.mark.parametrize(
    "place",
    [
        {"d": {"channel_id": "7"}},
        {"channel": {"id": "7"}},
        {"event": {"data": {"channel_id": "7"}}},
    ],
    ids=str,
)
def test_the_channel_of_discord_is_found_in_each_kind_of_event(place: dict[str, Any]) -> None:
    assert one("discord", place)["channel_id"] == "7"


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ({"channel": {"id": "C1", "name": "a"}, "user": "U1"}, ("C1", "U1")),
        ({"user": {"id": "U1", "name": "ada"}}, (None, "U1")),
        ({"channel_id": "C1", "user_id": "U1"}, ("C1", "U1")),
        ({"item": {"type": "message", "channel": "C1"}, "user": "U1"}, ("C1", "U1")),
        ({"channel": "C1", "message": {"user": "U1"}, "subtype": "message_changed"}, ("C1", "U1")),
        ({"channel": "C1", "previous_message": {"user": "U1"}}, ("C1", "U1")),
        ({"channel": {"name": "a"}, "user": []}, (None, [])),
    ],
    ids=str,
)
def test_channel_and_user_of_slack_are_ids_in_each_kind_of_event(
    inner: dict[str, Any], expected: tuple[Any, Any]
) -> None:
    event = one("slack", {"type": "event_callback", "event": inner})

    assert (event["channel"], event["user"] or []) == (expected[0], expected[1] or [])


@pytest.mark.parametrize(
    "place", [{"channel": {"id": "C1"}}, {"container": {"channel_id": "C1"}}], ids=str
)
def test_channel_user_and_team_of_an_interaction_are_ids(place: dict[str, Any]) -> None:
    event = interaction_of_slack(
        {"type": "block_actions", "user": {"id": "U1", "team_id": "T1"}} | place
    )

    assert (event["channel"], event["user"], event["team_id"]) == ("C1", "U1", "T1")


@pytest.mark.parametrize(
    "name", ["edited_message", "channel_post", "business_message", "my_chat_member"]
)
def test_each_update_of_telegram_has_its_type_chat_and_sender(name: str) -> None:
    content = {"chat": {"id": 5}, "from": {"username": "ada"}, "text": "berth 8"}

    event = one("telegram", {"update_id": 1, name: content})

    assert (event["event_type"], event["update_type"]) == ("message", name)
    assert (event["chat_id"], event["from_user"], event["text"]) == (5, "ada", "berth 8")


PEOPLE = [
    {"profile": {"name": "Ada"}, "user_id": "US.Ada"},
    {"profile": {"name": "Bea"}, "wa_id": "155"},
]


@pytest.mark.parametrize(
    ("name", "item", "contact"),
    [
        ("messages", {"from_user_id": "US.Ada"}, "Ada"),
        ("messages", {"from": "155"}, "Bea"),
        ("messages", {"from": 155}, "Bea"),
        ("messages", {"from": "999"}, None),
        ("messages", {}, None),
        ("statuses", {"recipient_id": "G", "recipient_participant_id": "155"}, "Bea"),
        ("statuses", {"recipient_user_id": "US.Ada"}, "Ada"),
        ("message_echoes", {"from": "150", "to": "155"}, "Bea"),
        ("calls", {"from": "155", "to": "150"}, "Bea"),
        ("calls", {"from": "150", "to": "155"}, "Bea"),
    ],
    ids=str,
)
def test_an_item_of_whatsapp_gets_the_contact_that_it_is_about(
    name: str, item: dict[str, Any], contact: str | None
) -> None:
    value = {"contacts": PEOPLE, name: [item]}

    found = one("whatsapp", {"entry": [{"changes": [{"value": value}]}]})["contact"]

    assert (found and found["profile"]["name"]) == contact


def test_a_single_contact_is_not_given_to_a_second_person() -> None:
    value = {"contacts": [{"wa_id": "155"}], "messages": [{"from": "155"}, {"from": "156"}]}

    first, second = normalised("whatsapp", {"entry": [{"changes": [{"value": value}]}]})

    assert (first["contact"], second["contact"]) == ({"wa_id": "155"}, None)


@pytest.mark.parametrize(
    ("name", "event_type"), [("message_echoes", "message_echo"), ("calls", "call")]
)
def test_echoes_and_calls_of_whatsapp_are_an_event_each(name: str, event_type: str) -> None:
    value = {name: [{"id": "1"}, {"id": "2"}], "errors": [{"code": 1}]}

    events = normalised("whatsapp", {"entry": [{"id": "264", "changes": [{"value": value}]}]})

    assert [event["data"] for event in events] == value[name]
    assert {event["event_type"] for event in events} == {event_type}


def test_the_query_of_mercado_pago_names_an_event_whose_body_does_not() -> None:
    request = factories.request(Sent(query={"data.id": "7f25", "type": "point_integration_wh"}))

    (event,) = sources.named("mercadopago").events(request, {"id": "7f25", "state": "FINISHED"})

    assert event.normalised["event_type"] == "point_integration_wh"
