"""The samples are signed as the real senders publish it."""

import json
from urllib.parse import parse_qsl

import pytest

from tests.support import samples


def test_our_github_signature_is_the_one_in_githubs_documentation() -> None:
    # https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    signed = samples.signed(
        "github", samples.Sent(body=b"Hello, World!"), secret="It's a Secret to Everybody"
    )

    assert signed.headers["X-Hub-Signature-256"] == (
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    )


@pytest.mark.parametrize(("source", "case"), samples.names())
def test_a_sample_is_a_request_without_a_proof(source: str, case: str) -> None:
    sample = samples.sample(source, case)

    is_form = "form" in sample.headers["Content-Type"]
    assert parse_qsl(sample.body.decode()) if is_form else json.loads(sample.body)
    assert "signature" not in " ".join(sample.headers).lower()
