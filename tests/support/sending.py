"""Posting to the application as a sender would, now: its clock is the real one."""

from dataclasses import replace
from typing import Any

from falcon import testing

from app import clock
from tests.support import senders
from tests.support.senders import Sent

FIRST_TRIGGER = "http://127.0.0.1:8000/api/triggers/webhook/1"


def post(client: testing.TestClient, trigger_id: object, sent: Sent, **more: Any) -> testing.Result:
    """What the sender is answered."""
    secret = f"/{sent.path_secret}" if sent.path_secret else ""
    path = f"/api/triggers/webhook/{trigger_id}{secret}"
    asked = {"params": sent.query} if sent.query else {}
    # the one thing in which two answers would differ
    headers = {"X-Request-Id": "of-the-test"} | sent.headers
    return client.simulate_post(path, headers=headers, body=sent.body, **asked, **more)


def signed(source: str, sent: Sent, secret: str = senders.SECRET) -> Sent:
    return senders.signed(source, sent, secret=secret, at=clock.now())


def signed_sample(source: str, case: str) -> Sent:
    """For the first trigger: some senders sign the address that they call."""
    return signed(source, replace(senders.sample(source, case), url=FIRST_TRIGGER))


def message(key: str = "m-1") -> Sent:
    """A signed request of a custom sender with this key."""
    return senders.json_request("custom", {"messageId": key})
