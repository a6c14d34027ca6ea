"""Slack: the signature, the challenge, and the events of its requests."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.errors import Unreadable, Unverified
from app.intake import parse
from app.intake.message import FORM, Event, WebhookResponse
from app.intake.sources.slack import SOURCE
from tests.support import factories, samples
from tests.support.samples import NOW, SECRET, Sent

MENTION = samples.sample("slack", "app_mention")


def check(sent: Sent, secret: str = SECRET, now: datetime = NOW) -> None:
    SOURCE.verify(factories.request(sent), secret, now, SOURCE.tolerance_seconds)


def refusal(sent: Sent, secret: str = SECRET) -> str:
    with pytest.raises(Unverified) as caught:
        check(sent, secret)
    return caught.value.reason


def event_of(case: str) -> Event:
    request = factories.request(samples.sample("slack", case))
    (event,) = SOURCE.events(request, parse.payload(request))
    return event


def normalised(case: str) -> dict[str, Any]:
    return dict(event_of(case).normalised)


def test_slacks_own_example_is_verified() -> None:
    # https://docs.slack.dev/authentication/verifying-requests-from-slack
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow"
        b"&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner"
        b"&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands"
        b"%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    headers = {
        "X-Slack-Request-Timestamp": "1531420618",
        "X-Slack-Signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    }

    check(
        Sent(headers, body),
        "8f742231b10e8888abcd99yyyzzz85a5",
        datetime.fromtimestamp(1531420618, UTC),
    )


def test_what_slack_signed_is_verified() -> None:
    check(samples.signed("slack", MENTION))


def test_an_altered_body_is_refused() -> None:
    altered = replace(samples.signed("slack", MENTION), body=MENTION.body.replace(b"7", b"8"))

    assert refusal(altered) == "bad_signature"


def test_another_secret_is_refused() -> None:
    assert refusal(samples.signed("slack", MENTION), "another") == "bad_signature"


def test_a_replaced_timestamp_is_refused() -> None:
    sent = samples.signed("slack", MENTION)
    later = {"X-Slack-Request-Timestamp": str(int(NOW.timestamp()) + 1)}

    assert refusal(replace(sent, headers=sent.headers | later)) == "bad_signature"


@pytest.mark.parametrize("header", ["X-Slack-Signature", "X-Slack-Request-Timestamp"])
@pytest.mark.parametrize("value", ["", None])
def test_without_its_proof_it_is_refused(header: str, value: str | None) -> None:
    headers = dict(samples.signed("slack", MENTION).headers)
    del headers[header]
    if value is not None:
        headers[header] = value

    assert refusal(Sent(headers, MENTION.body)) == "missing_signature"


@pytest.mark.parametrize("value", ["v0=", "v0=0", "v1=" + "0" * 64, "schlüssel", "\udcff"])
def test_a_malformed_signature_is_refused(value: str) -> None:
    headers = samples.signed("slack", MENTION).headers | {"X-Slack-Signature": value}

    assert refusal(Sent(headers, MENTION.body)) == "bad_signature"


@pytest.mark.parametrize("timestamp", ["now", "1e9", "-1", "٣", "\udcff", "9" * 400], ids=ascii)
def test_a_timestamp_that_is_no_time_is_refused(timestamp: str) -> None:
    signed = f"v0:{timestamp}:".encode("utf-8", "surrogatepass") + MENTION.body
    headers = {
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": "v0=" + samples.sha256_hex(SECRET, signed),
    }

    assert refusal(Sent(headers, MENTION.body)) == "bad_signature"


@pytest.mark.parametrize("seconds", [-301, 301])
def test_a_signature_counts_for_five_minutes_either_way(seconds: int) -> None:
    sent = samples.signed("slack", MENTION, at=NOW + timedelta(seconds=seconds))

    assert refusal(sent) == "stale"


def test_a_mention_is_normalised() -> None:
    event = normalised("app_mention")

    assert event.pop("data")["event_id"] == "Ev0MDYGDKJ"
    assert event == {
        "event_type": "app_mention",
        "source": "slack",
        "team_id": "T061EG9R6",
        "channel": "C061EG9SL",
        "user": "U061F7AUR",
    }


def test_a_slash_command_is_normalised() -> None:
    event = normalised("slash_command")

    assert event.pop("data")["text"] == "7 tonight"
    assert event == {
        "event_type": "/berth",
        "source": "slack",
        "team_id": "T061EG9R6",
        "channel": "C061EG9SL",
        "user": "U061F7AUR",
    }


def test_a_button_is_normalised_from_the_json_in_its_form() -> None:
    event = normalised("block_actions")

    assert event["data"]["actions"][0]["value"] == "7"
    assert event["event_type"] == "block_actions"
    assert (event["team_id"], event["user"]) == ("T061EG9R6", "U061F7AUR")


def test_a_form_that_holds_no_json_is_unreadable() -> None:
    request = factories.request(Sent({"Content-Type": FORM}, b"payload=%7B"))

    with pytest.raises(Unreadable):
        SOURCE.events(request, parse.payload(request))


def test_the_challenge_is_given_back() -> None:
    request = factories.request(samples.sample("slack", "ping"))

    answer = SOURCE.handshake(request, parse.payload(request))

    challenge = "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"
    assert answer == WebhookResponse(200, {"challenge": challenge})


def test_a_mention_is_no_handshake() -> None:
    request = factories.request(MENTION)

    assert SOURCE.handshake(request, parse.payload(request)) is None


@pytest.mark.parametrize(
    ("case", "key"),
    [("app_mention", ("Ev0MDYGDKJ",)), ("slash_command", None), ("block_actions", None)],
)
def test_only_events_have_an_id(case: str, key: tuple[str, ...] | None) -> None:
    assert SOURCE.provider_key(factories.request(Sent()), event_of(case)) == key


def test_slack_is_keyed_by_its_own_id() -> None:
    assert SOURCE.keyed_by_default


def test_the_old_verification_token_is_not_stored() -> None:
    assert SOURCE.redacted == {"token"}
