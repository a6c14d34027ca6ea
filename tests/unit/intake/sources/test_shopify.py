"""Shopify: the signature, and the event type and key from the headers."""

from dataclasses import replace

import pytest

from app.errors import Unverified
from app.intake import parse
from app.intake.message import Event
from app.intake.sources.shopify import SOURCE
from tests.support import factories, samples
from tests.support.samples import NOW, SECRET, Sent

ORDER = samples.sample("shopify", "orders_create")
WEBHOOK_ID = "X-Shopify-Webhook-Id"
EVENT_ID = "98880550-7158-44d4-b7cd-2c97c8a091b5"


def refusal(sent: Sent, secret: str = SECRET) -> str:
    with pytest.raises(Unverified) as caught:
        SOURCE.verify(factories.request(sent), secret, NOW, None)
    return caught.value.reason


def key_of(headers: dict[str, str]) -> tuple[str, ...] | None:
    return SOURCE.provider_key(factories.request(Sent(headers)), Event({}, {}))


def test_a_signature_made_elsewhere_is_verified() -> None:
    # printf '{"id":1}' | openssl dgst -sha256 -hmac hush -binary | base64
    headers = {"X-Shopify-Hmac-Sha256": "VnKUjZsLuN5iZWjn5EntcBVCF9kMN43LglzCE1/GSeY="}

    SOURCE.verify(factories.request(Sent(headers, b'{"id":1}')), "hush", NOW, None)


def test_what_shopify_signed_is_verified() -> None:
    SOURCE.verify(factories.request(samples.signed("shopify", ORDER)), SECRET, NOW, None)


def test_an_altered_body_is_refused() -> None:
    altered = replace(samples.signed("shopify", ORDER), body=ORDER.body + b"\n")

    assert refusal(altered) == "bad_signature"


def test_another_secret_is_refused() -> None:
    assert refusal(samples.signed("shopify", ORDER), "another") == "bad_signature"


@pytest.mark.parametrize("headers", [{}, {"X-Shopify-Hmac-Sha256": ""}])
def test_without_a_signature_it_is_refused(headers: dict[str, str]) -> None:
    assert refusal(Sent(headers, ORDER.body)) == "missing_signature"


@pytest.mark.parametrize("value", ["=", "0" * 64, "schlüssel", "\udcff", "AAAA===="], ids=ascii)
def test_a_malformed_signature_is_refused(value: str) -> None:
    assert refusal(Sent({"X-Shopify-Hmac-Sha256": value}, ORDER.body)) == "bad_signature"


def test_the_signature_in_hex_is_refused() -> None:
    digest = samples.sha256_hex(SECRET, ORDER.body)

    assert refusal(Sent({"X-Shopify-Hmac-Sha256": digest}, ORDER.body)) == "bad_signature"


def test_an_order_is_normalised() -> None:
    request = factories.request(ORDER)

    (event,) = SOURCE.events(request, parse.payload(request))

    said = dict(event.normalised)
    assert said.pop("data")["order_number"] == 1042
    assert said == {
        "event_type": "orders/create",
        "source": "shopify",
        "shop": "harbour-sample.myshopify.com",
        "api_version": "2026-01",
        "triggered_at": "2026-03-05T09:22:59.913224871Z",
    }


def test_an_event_under_two_topics_has_two_keys() -> None:
    paid = ORDER.headers | {"X-Shopify-Topic": "orders/paid"}

    assert key_of(ORDER.headers) == (EVENT_ID, "orders/create")
    assert key_of(paid) == (EVENT_ID, "orders/paid")


@pytest.mark.parametrize("missing", [["X-Shopify-Topic"], ["X-Shopify-Event-Id", WEBHOOK_ID]])
def test_half_an_id_is_none(missing: list[str]) -> None:
    headers = {name: value for name, value in ORDER.headers.items() if name not in missing}

    assert key_of(headers) is None


def test_without_the_id_of_the_event_that_of_the_delivery_is_the_key() -> None:
    headers = {name: value for name, value in ORDER.headers.items() if name != "X-Shopify-Event-Id"}

    assert key_of(headers) == (ORDER.headers[WEBHOOK_ID], "orders/create")


def test_shopify_is_keyed_by_its_own_id() -> None:
    assert SOURCE.keyed_by_default


def test_headers_under_their_new_names_are_read_as_the_old_ones() -> None:
    old = samples.signed("shopify", ORDER)
    new = replace(old, headers={n.removeprefix("X-"): value for n, value in old.headers.items()})
    request = factories.request(new)

    SOURCE.verify(request, SECRET, NOW, None)
    (event,) = SOURCE.events(request, parse.payload(request))

    assert event.normalised["event_type"] == "orders/create"
    assert event.normalised["shop"] == ORDER.headers["X-Shopify-Shop-Domain"]
    assert SOURCE.provider_key(request, event) == key_of(ORDER.headers)
    assert refusal(replace(new, body=new.body + b"\n")) == "bad_signature"


def test_the_action_of_an_event_stands_beside_its_data() -> None:
    request = factories.request(Sent({"Shopify-Topic": "Product"}))

    (event,) = SOURCE.events(request, {"topic": "Product", "action": "update"})

    assert event.normalised["action"] == "update"
