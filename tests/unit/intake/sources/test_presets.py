"""Sources that are declared as data: published vectors, events, the challenge, older rows."""

import hmac
from typing import Any

import pytest

from app import clock
from app.errors import Unverified
from app.intake import parse, sources, verify
from app.intake.message import Request, WebhookTrigger
from app.intake.sources import more_presets, preset, presets
from app.masking import is_harmless_name
from tests.support import factories, samples
from tests.support.samples import NOW, SECRET, Sent

PRESETS = {each.name: each for each in (*presets.PRESETS, *more_presets.PRESETS)}
ATLASSIAN = "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"
VECTORS = [
    ("bitbucket", "X-Hub-Signature", ATLASSIAN, b"Hello World!", "It's a Secret to Everybody"),
    ("jira", "X-Hub-Signature", ATLASSIAN, b"Hello World!", "It's a Secret to Everybody"),
    (
        "circleci",
        "circleci-signature",
        "v1=734cc62f32841568f45715aeb9f4d7891324e6d948e4c6c60c0621cdac48623a",
        b"hello world",
        "secret",
    ),
    (
        "circleci",
        "circleci-signature",
        "v1=daa220016c8f29a8b214fbfc3671aeec2145cfb1e6790184ffb38b6d0425fa00",
        b"lalala",
        "another-secret",
    ),
    (
        "circleci",
        "circleci-signature",
        "v1=9be2242094a9a8c00c64306f382a7f9d691de910b4a266f67bd314ef18ac49fa",
        b"an-important-request-payload",
        "hunter123",
    ),
]


@pytest.mark.parametrize(("source", "header", "signature", "body", "secret"), VECTORS)
def test_a_published_vector_is_verified(
    source: str, header: str, signature: str, body: bytes, secret: str
) -> None:
    request = Request("1", {header.lower(): signature}, body)
    sources.named(source).verify(request, secret, NOW, None)
    with pytest.raises(Unverified):
        sources.named(source).verify(request, secret + "x", NOW, None)


def case_of(source: str) -> Sent:
    (case,) = [case for name, case in samples.names() if name == source]
    return samples.sample(source, case)


@pytest.mark.parametrize("source", PRESETS)
def test_a_request_that_is_signed_as_documented_is_verified(source: str) -> None:
    known = sources.named(source)
    sent = samples.signed(source, case_of(source))
    request = factories.request(sent)

    known.verify(request, SECRET, NOW, known.tolerance_seconds)
    for changed in (sent.body + b" ", sent.body[:-2]):
        with pytest.raises(Unverified):
            known.verify(factories.request(Sent(sent.headers, changed)), SECRET, NOW, None)


@pytest.mark.parametrize("source", PRESETS)
def test_the_events_of_the_sample_have_a_type_and_a_key(source: str) -> None:
    request = factories.request(case_of(source))
    known = sources.named(source)

    for event in known.events(request, parse.payload(request)):
        assert event.normalised["source"] == source
        assert event.normalised["event_type"] != "unknown"
        assert event.normalised["data"]
        assert known.provider_key(request, event)


@pytest.mark.parametrize("each", PRESETS.values(), ids=lambda each: each.name)
def test_a_preset_has_facts_and_passes_on_harmless_headers_only(each: preset.Preset) -> None:
    assert each.facts.documentation.startswith("https://")
    assert all(is_harmless_name(name) for name in each.event_headers)
    assert each.facts.retries != "unknown" or "retries" in each.facts.unverified
    signed = all(place.startswith(preset.BODY) for places in each.key for place in places)
    assert each.facts.provider_key_signed == signed


@pytest.mark.parametrize("source", PRESETS)
def test_a_row_of_the_older_system_with_this_name_is_verified_as_it_was(source: str) -> None:
    """Until now the name was unknown, and so was handled like `custom`."""
    signature = hmac.digest(SECRET.encode(), b"{}", "sha256").hex()
    trigger = WebhookTrigger(1, source, SECRET, enabled=True)

    verify.check(trigger, Request("1", {"x-webhook-signature": signature}, b"{}"), clock.now())
    own = str(PRESETS[source].verification["header"]).lower()
    both = {"x-webhook-signature": signature, own: "x"}
    with pytest.raises(Unverified):
        verify.check(trigger, Request("1", both, b"{}"), clock.now())


@pytest.mark.parametrize("source", PRESETS)
@pytest.mark.parametrize("payload", [None, 7, "x", [], [7], {}, {"event": 7}, {"payload": []}])
def test_a_payload_of_any_shape_is_one_event(source: str, payload: Any) -> None:
    known = sources.named(source)
    request = Request("1", {}, b"")
    events = known.events(request, payload)
    assert len(events) == 1
    for event in events:
        known.provider_key(request, event)
        event.text()


ZOOM = {"event": "endpoint.url_validation", "payload": {"plainToken": "qgg8vlvZRS6UYooatFL8Aw"}}


def test_zooms_challenge_is_answered_with_the_hmac_of_the_token() -> None:
    """https://developers.zoom.us/docs/api/webhooks/#validate-your-webhook-endpoint"""
    response = more_presets.zoom_challenge(Request("1", {}, b""), ZOOM, SECRET)

    assert response is not None
    assert response.body == {
        "plainToken": "qgg8vlvZRS6UYooatFL8Aw",
        "encryptedToken": hmac.digest(SECRET.encode(), b"qgg8vlvZRS6UYooatFL8Aw", "sha256").hex(),
    }
    for other in ({}, {"event": "endpoint.url_validation"}, ZOOM | {"event": "meeting.started"}):
        assert more_presets.zoom_challenge(Request("1", {}, b""), other, SECRET) is None
