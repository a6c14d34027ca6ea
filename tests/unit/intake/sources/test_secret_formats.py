"""A secret in a wrong format is refused when it is entered, not when events fail."""

import base64

import pytest

from app.errors import Unverified
from app.intake import sources
from app.intake.sources import secret_formats
from tests.support import factories, samples

KEY = base64.b64encode(b"k" * 24).decode()


@pytest.mark.parametrize(
    ("source", "secret"),
    [
        ("adyen", "44AA1b"),
        ("discord", 64 * "a"),
        ("standard", "whsec_" + KEY),
        ("standard", KEY.rstrip("=")),
        ("gitlab", "whsec_" + KEY),
        ("gitlab", "any token"),
        ("custom", "anything"),
        ("github", "whsec_"),
        ("of an older system", "anything"),
    ],
)
def test_what_can_be_a_secret_is_one(source: str, secret: str) -> None:
    assert secret_formats.mistake(source, secret) is None


@pytest.mark.parametrize(
    ("source", "secret"),
    [
        *(("adyen", secret) for secret in ("not hex", "abc", " ")),
        *(("discord", secret) for secret in ("not hex", 62 * "a", 66 * "a", " ")),
        *(("standard", secret) for secret in ("whsec_", "whsec_not base64", "p@ssw0rd", "é")),
        *(("gitlab", secret) for secret in ("whsec_", "whsec_!")),
    ],
)
def test_what_can_be_none_is_told_in_a_sentence(source: str, secret: str) -> None:
    said = secret_formats.mistake(source, secret)

    assert said
    assert said.startswith(f"the secret of source {source!r} must be ")
    case = next(case for name, case in samples.names() if name == source)
    sent = samples.signed(source, samples.sample(source, case))
    with pytest.raises(Unverified):
        sources.named(source).verify(factories.request(sent), secret, samples.NOW, None)
