"""An event that is sent on is signed so that a receiver of Standard Webhooks verifies it."""

import base64
import hashlib
import hmac

import pytest

from app.actions import http
from tests.support import samples

# https://github.com/standard-webhooks/standard-webhooks/tree/main/libraries
SECRET = "whsec_plJ3nmyCDGBKInavdOK15jsl"
MESSAGE_ID = "msg_loFOjxBNrRLzqYUf"
TIMESTAMP = 1731705121
BODY = b'{"event_type":"ping","data":{"success":true}}'
PUBLISHED = "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="


def test_the_signature_is_the_published_one() -> None:
    assert http.signature(SECRET, MESSAGE_ID, TIMESTAMP, BODY) == PUBLISHED


def test_our_receiver_agrees_with_the_published_one() -> None:
    key = base64.b64decode("plJ3nmyCDGBKInavdOK15jsl")

    assert samples.standard_signature(key, MESSAGE_ID, str(TIMESTAMP), BODY) == PUBLISHED


@pytest.mark.parametrize("secret", ["plain words", "whsec_not base64!", "whsec_abc", "whsec_", "ü"])
def test_a_secret_that_encodes_no_key_is_its_own_key(secret: str) -> None:
    message = b"id.1." + BODY
    expected = hmac.new(secret.encode(), message, hashlib.sha256).digest()

    assert http.signature(secret, "id", 1, BODY) == "v1," + base64.b64encode(expected).decode()
