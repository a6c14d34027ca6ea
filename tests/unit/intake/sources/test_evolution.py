"""Evolution API and Evolution Go: secrets, tokens, and WhatsApp's message ids."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from app.errors import Unverified
from app.intake import parse, redact
from app.intake.message import Event, Source
from app.intake.sources.evolution import GO, SOURCE
from tests.support import factories, samples
from tests.support.samples import NOW, SECRET, Sent

MADE_AT = int(NOW.timestamp())
CLAIMS = {"iat": MADE_AT, "exp": MADE_AT + 600, "app": "evolution", "action": "webhook"}


def encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def token(claims: object = CLAIMS, secret: str = SECRET, header: object = None) -> str:
    head = encoded(json.dumps(header or {"alg": "HS256", "typ": "JWT"}).encode())
    signed = f"{head}.{encoded(json.dumps(claims).encode())}"
    digest = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{encoded(digest)}"


def bearing(value: str) -> Sent:
    return Sent({"Authorization": f"Bearer {value}"}, b"{}")


def check(sent: Sent, source: Source = SOURCE, secret: str = SECRET) -> None:
    source.verify(factories.request(sent), secret, NOW, source.tolerance_seconds)


def refusal(sent: Sent, source: Source = SOURCE) -> str:
    with pytest.raises(Unverified) as caught:
        check(sent, source)
    return caught.value.reason


def events_of(source: Source, case: str) -> list[Event]:
    request = factories.request(samples.sample(source.name, case))
    return source.events(request, parse.payload(request))


def keys_of(source: Source, payload: object) -> list[tuple[str, ...] | None]:
    request = factories.request(Sent())
    return [source.provider_key(request, event) for event in source.events(request, payload)]


def expiring(seconds: int) -> dict[str, Any]:
    return CLAIMS | {"exp": MADE_AT + seconds}


def test_a_token_made_with_the_secret_is_verified() -> None:
    check(bearing(token()))


def test_a_token_is_honoured_for_half_an_hour_beyond_its_life() -> None:
    check(bearing(token(expiring(-1800))))

    assert refusal(bearing(token(expiring(-1801)))) == "stale"


def test_a_trigger_without_a_tolerance_honours_a_token_for_ever() -> None:
    request = factories.request(bearing(token(expiring(-(10**9)))))

    SOURCE.verify(request, SECRET, NOW, None)


def test_a_token_made_with_another_secret_is_refused() -> None:
    assert refusal(bearing(token(secret="another"))) == "bad_signature"


def test_a_token_with_other_claims_is_refused() -> None:
    head, _, signature = token().split(".")
    forged = encoded(json.dumps(expiring(10**9)).encode())

    assert refusal(bearing(f"{head}.{forged}.{signature}")) == "bad_signature"


@pytest.mark.parametrize("algorithm", ["none", "None", "HS512", "RS256"])
def test_a_token_proves_nothing_without_its_signature(algorithm: str) -> None:
    unsigned = token(header={"alg": algorithm}).rpartition(".")[0] + "."

    assert refusal(bearing(unsigned)) == "bad_signature"


@pytest.mark.parametrize(
    "claims",
    [{}, [], 7, None, {"exp": None}, {"exp": True}, {"exp": "soon"}, {"exp": 1e300}],
    ids=repr,
)
def test_a_token_that_never_ends_is_refused(claims: object) -> None:
    assert refusal(bearing(token(claims))) == "bad_signature"


def test_a_token_may_end_beyond_all_reckoning() -> None:
    check(bearing(token({"exp": 10**400})))


def test_a_signed_text_that_is_no_token_is_refused() -> None:
    for text in ("", "a", "a.b", "a.!", "a." + encoded(b"{"), "a." + encoded(b"\xff")):
        digest = hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).digest()

        assert refusal(bearing(f"{text}.{encoded(digest)}")) == "bad_signature"


@pytest.mark.parametrize("value", ["..", ".", "a.b.c", "schlüssel.ü.ö", "\udcff.a.b"], ids=ascii)
def test_a_malformed_token_is_refused(value: str) -> None:
    assert refusal(bearing(value)) == "bad_signature"


@pytest.mark.parametrize("source", [SOURCE, GO], ids=lambda source: source.name)
@pytest.mark.parametrize(
    "sent",
    [
        Sent(path_secret=SECRET),
        Sent({"X-Webhook-Secret": SECRET}),
        Sent({"apikey": SECRET}),
        bearing(SECRET),
    ],
    ids=["path", "its own header", "apikey", "bearer"],
)
def test_the_secret_itself_is_verified(source: Source, sent: Sent) -> None:
    check(sent, source)


@pytest.mark.parametrize("source", [SOURCE, GO], ids=lambda source: source.name)
def test_without_a_secret_it_is_refused(source: Source) -> None:
    assert refusal(Sent(), source) == "missing_signature"
    assert refusal(Sent(path_secret="another"), source) == "bad_signature"


@pytest.mark.parametrize("added", ["/messages-upsert", "/"])
def test_a_segment_that_the_sender_adds_behind_the_secret_changes_nothing(added: str) -> None:
    check(Sent(path_secret=SECRET + added))


@pytest.mark.parametrize("path", ["another/" + SECRET, SECRET + "/a/b", "/" + SECRET, "/"])
def test_a_secret_anywhere_else_in_the_path_is_none(path: str) -> None:
    assert refusal(Sent(path_secret=path)) == "bad_signature"


def test_evolution_go_makes_no_tokens() -> None:
    assert refusal(bearing(token()), GO) == "bad_signature"


def test_a_message_is_identified_by_its_instance_chat_and_id() -> None:
    (event,) = events_of(SOURCE, "messages_upsert")

    key = SOURCE.provider_key(factories.request(Sent()), event)

    assert key == (
        "harbour-office",
        "messages.upsert",
        "5511900000001@s.whatsapp.net",
        "3EB0C767D097B7C7C030",
    )


def test_an_update_is_identified_by_the_message_and_its_status() -> None:
    (event,) = events_of(SOURCE, "messages_update")

    key = SOURCE.provider_key(factories.request(Sent()), event)

    assert key == ("harbour-office", "messages.update", "3EB0C767D097B7C7C030", "READ")


@pytest.mark.parametrize(
    "payload",
    [
        {"event": "connection.update", "instance": "i", "data": {"state": "open"}},
        {"event": "messages.update", "instance": "i", "data": {"status": "READ"}},
        {"event": "messages.upsert", "data": {"key": {"remoteJid": "r", "id": "k"}}},
        {"event": "messages.set", "instance": "i", "data": [{"key": {"id": "k"}}]},
    ],
    ids=["no message", "no id", "no instance", "a list"],
)
def test_half_an_id_is_none(payload: object) -> None:
    assert keys_of(SOURCE, payload) == [None]


def test_a_message_of_evolution_go_is_identified_by_its_instance_and_id() -> None:
    (event,) = events_of(GO, "message")

    key = GO.provider_key(factories.request(Sent()), event)

    assert key == ("8a7b6c5d-4e3f-4a1b-8c9d-0e1f2a3b4c5d", "Message", "3A5F0D2C9B7E41F6A8D0")


def test_the_id_of_a_message_may_stand_where_the_documentation_has_it() -> None:
    payload = {"event": "Message", "instanceId": "i", "data": {"key": {"id": "k"}}}

    assert keys_of(GO, payload) == [("i", "Message", "k")]


def test_a_receipt_is_an_event_for_each_message_that_was_read() -> None:
    first, second = events_of(GO, "receipt")

    assert first.payload["data"]["MessageIDs"] == ["3A5F0D2C9B7E41F6A8D1"]
    assert second.payload["data"]["MessageIDs"] == ["3A5F0D2C9B7E41F6A8D2"]
    assert second.normalised == {
        "event_type": "Receipt",
        "source": "evolution_go",
        "state": "Read",
        "data": second.payload,
    }


def test_each_message_of_a_receipt_has_its_own_key() -> None:
    keys = [GO.provider_key(factories.request(Sent()), one) for one in events_of(GO, "receipt")]

    place = ("8a7b6c5d-4e3f-4a1b-8c9d-0e1f2a3b4c5d", "Receipt")
    who = ("5511900000001@s.whatsapp.net", "5511900000001@s.whatsapp.net")
    assert keys == [
        (*place, "3A5F0D2C9B7E41F6A8D1", "Read", *who),
        (*place, "3A5F0D2C9B7E41F6A8D2", "Read", *who),
    ]


def test_a_message_read_by_two_people_of_a_group_has_two_keys() -> None:
    receipt = json.loads(samples.sample("evolution_go", "receipt").body)
    other = receipt | {"data": receipt["data"] | {"Sender": "5511900000002@s.whatsapp.net"}}

    assert set(keys_of(GO, receipt)).isdisjoint(keys_of(GO, other))


@pytest.mark.parametrize("ids", [None, [], "x", {"a": 1}])
def test_a_receipt_about_nothing_is_one_event_without_a_key(ids: object) -> None:
    payload = {"event": "Receipt", "instanceId": "i", "state": "Read", "data": {"MessageIDs": ids}}

    assert keys_of(GO, payload) == [None]


@pytest.mark.parametrize("source", [SOURCE, GO], ids=lambda source: source.name)
def test_the_senders_own_secrets_are_not_stored(source: Source) -> None:
    assert source.redacted >= {"apikey", "instanceToken", "token"}
    assert source.keyed_by_default


def test_the_address_that_an_event_tells_is_not_stored_since_the_secret_may_stand_in_it() -> None:
    (event,) = events_of(SOURCE, "messages_upsert")

    stored = redact.event(event, SOURCE.redacted)

    assert stored.normalised["data"]["destination"] == redact.REDACTED
