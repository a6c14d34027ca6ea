"""A request signed by `trigger send` passes the source's own verification."""

import pytest

from app import clock
from app.errors import InvalidTrigger
from app.intake import signing, sources, verify
from app.intake.message import WebhookTrigger
from tests.support import factories
from tests.support.samples import SECRET, Sent

BEYOND_HEADERS = {"adyen", "discord", "mercadopago", "standard", "twilio"}
"""Sources whose proof is not in headers alone."""
BODY = b'{"hello": "world"}'


@pytest.mark.parametrize("source", sorted(set(sources.names()) - BEYOND_HEADERS))
def test_a_fired_request_is_verified(source: str) -> None:
    headers = signing.signed_headers(source, SECRET, BODY)
    trigger = WebhookTrigger(1, source, SECRET, enabled=True)

    verified = verify.check(trigger, factories.request(Sent(headers, BODY)), clock.now())

    assert verified.name == source


@pytest.mark.parametrize(
    ("source", "secret"),
    [*((source, SECRET) for source in BEYOND_HEADERS), ("custom", ""), ("custom", None)],
)
def test_a_source_that_cannot_be_signed_for_is_refused(source: str, secret: str | None) -> None:
    with pytest.raises(InvalidTrigger):
        signing.signed_headers(source, secret, BODY)
