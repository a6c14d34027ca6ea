"""The record of an attempt is bounded, valid JSON, and without secrets."""

import hashlib
import json
from typing import Any

import pytest

from app.actions import exchange
from app.actions.exchange import (
    LIST_CHARACTERS,
    TEXT_CHARACTERS,
    Exchange,
    HttpResponse,
    ProgramExit,
    SentRequest,
    StartedProgram,
)
from app.masking import MASK
from app.masking.text import BODY_CHARACTERS
from tests.support import factories

URL = "https://shop.example/in?tenant=t-canary&page=2"


def kept(exchanged: Exchange, **work: Any) -> tuple[Any, str | None, Any]:
    """Return the stored objects and the stored body of an exchange."""
    sent, body, response = factories.work(**work, exchange=exchanged).exchanged()
    return json.loads(sent or "null"), body, json.loads(response or "null")


def request(body: bytes = b"{}", url: str = URL, **headers: str) -> SentRequest:
    return SentRequest(url, headers, body, "7")


def test_nothing_is_stored_of_an_attempt_that_sent_nothing() -> None:
    assert kept(Exchange(None, HttpResponse(200, {}))) == (None, None, None)


def test_a_request_is_stored_with_its_masked_address_and_harmless_headers() -> None:
    sent, body, _ = kept(Exchange(request(b"{}", **{"Idempotency-Key": "7", "X-Team": "canary"})))

    assert sent["url"] == f"https://shop.example/in?tenant={MASK}&page=2"
    assert sent["headers"] == {"Idempotency-Key": "7", "X-Team": MASK}
    assert (sent["method"], sent["idempotency_key"]) == ("POST", "7")
    assert (sent["body_bytes"], sent["body_sha256"]) == (2, hashlib.sha256(b"{}").hexdigest())
    assert (sent["body_from"], body) == ("own", "{}")


@pytest.mark.parametrize(
    ("body", "origin"), [(b"as it came", "request"), (b'{"a":1}', "event"), (b"else", "own")]
)
def test_a_body_that_is_stored_elsewhere_is_not_stored_twice(body: bytes, origin: str) -> None:
    work = {"body": b"as it came", "event_data": '{"a":1}'}

    sent, stored, _ = kept(Exchange(request(body)), **work)

    assert sent["body_from"] == origin
    assert (stored is None) == (origin != "own")


def test_a_secret_of_the_action_is_hidden_wherever_it_is_repeated() -> None:
    payload = json.dumps({"url": URL, "headers": {"X-Key": "k-canary"}, "secret": "s-canary"})
    echoed = {"X-Request-Id": "k-canary", "k-canary": "x", "Date": "s-canary", "Via": "t-canary"}
    asked = request(b"own k-canary", **{"User-Agent": "k-canary"})

    everything = kept(Exchange(asked, HttpResponse(500, echoed)), action_payload=payload)

    assert "canary" not in str(everything)
    assert everything[2]["headers"]["X-Request-Id"] == "***"


def test_a_secret_at_the_cut_of_a_body_is_hidden() -> None:
    payload = json.dumps({"url": URL, "secret": "a-long-canary"})
    body = b"x" * (BODY_CHARACTERS - 7) + b"a-long-canary"

    _, stored, _ = kept(Exchange(request(body)), action_payload=payload)

    assert stored is not None
    assert len(stored) <= BODY_CHARACTERS
    assert "a-lon" not in stored


def test_a_hostile_response_takes_little_room() -> None:
    headers = {f"Date-{number}": "x" * 60_000 for number in range(99)} | {"Date": "y" * 60_000}

    _, _, response = kept(Exchange(request(), HttpResponse(200, headers | {"Via": "z" * 9_000})))

    shown = response["headers"]
    assert len(shown) + response["headers_left_out"] == 101
    assert max(len(value) for value in shown.values()) <= TEXT_CHARACTERS
    assert sum(len(name) + len(value) for name, value in shown.items()) <= LIST_CHARACTERS


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "\x1b[31m", "é€\N{PILE OF POO}"])
def test_odd_text_is_stored_as_valid_text(text: str) -> None:
    exchanged = Exchange(request(text.encode("utf-8", "surrogatepass"), Date=text))

    sent, body, _ = factories.work(exchange=exchanged).exchanged()

    for stored in (sent, body):
        assert stored is not None
        assert "\0" not in stored
        stored.encode()
    assert json.loads(sent or "")["url"].startswith(("https://", MASK))


def test_a_command_is_stored_without_the_secrets_of_its_arguments() -> None:
    words = ["/srv/send", "--token", "t-canary", "API_KEY=k-canary", "--to=ana"]

    sent, body, response = kept(Exchange(StartedProgram(words, b"{}", "7"), ProgramExit(3)))

    assert sent["command"] == ["/srv/send", "--token", MASK, f"API_KEY={MASK}", "--to=ana"]
    assert (sent["words_left_out"], body) == (0, None)
    assert response == {"exit_status": 3}


def test_a_signal_is_told_from_an_exit() -> None:
    assert kept(Exchange(StartedProgram(["x"], b"", "7"), ProgramExit(-9)))[2] == {"signal": 9}


def test_a_long_command_is_cut() -> None:
    words = [str(number) * 100 for number in range(200)]

    sent, _, _ = kept(Exchange(StartedProgram(words, b"", "7")))

    assert len(sent["command"]) + sent["words_left_out"] == 200
    assert len("".join(sent["command"])) <= LIST_CHARACTERS


def test_texts_that_cannot_be_told_apart_are_masked() -> None:
    assert exchange._without_secrets(["a\0b", "c"], str) == [MASK, MASK]
