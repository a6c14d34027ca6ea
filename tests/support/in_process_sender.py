"""Post to the application in this process, signed with the current time."""

from dataclasses import replace
from typing import Any

from falcon import testing

from app import clock
from tests.support import samples
from tests.support.samples import Sent

FIRST_TRIGGER = "http://127.0.0.1:8000/api/triggers/webhook/1"


def post(client: testing.TestClient, trigger_id: object, sent: Sent, **more: Any) -> testing.Result:
    """Send the request to the trigger; return the response."""
    secret = f"/{sent.path_secret}" if sent.path_secret else ""
    path = f"/api/triggers/webhook/{trigger_id}{secret}"
    asked = {"params": sent.query} if sent.query else {}
    # a fixed id: otherwise two equal answers would differ in it
    headers = {"X-Request-Id": "of-the-test"} | sent.headers
    return client.simulate_post(path, headers=headers, body=sent.body, **asked, **more)


def signed(source: str, sent: Sent, secret: str = samples.SECRET) -> Sent:
    return samples.signed(source, sent, secret=secret, at=clock.now())


def signed_sample(source: str, case: str) -> Sent:
    """Return the signed sample for trigger 1: some senders sign the address that they call."""
    return signed(source, replace(samples.sample(source, case), url=FIRST_TRIGGER))


def message(key: str = "m-1") -> Sent:
    """Return a signed request of a custom sender with this key."""
    return samples.json_request("custom", {"messageId": key})
