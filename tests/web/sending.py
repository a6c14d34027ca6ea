"""Posting to the application as a sender would, now: its clock is the real one."""

from typing import Any

from falcon import testing

from app import clock
from tests import senders
from tests.senders import Sent


def post(client: testing.TestClient, trigger_id: object, sent: Sent, **more: Any) -> testing.Result:
    """What the sender is answered."""
    secret = f"/{sent.path_secret}" if sent.path_secret else ""
    path = f"/api/triggers/webhook/{trigger_id}{secret}"
    return client.simulate_post(path, headers=sent.headers, body=sent.body, **more)


def signed(source: str, sent: Sent, secret: str = senders.SECRET) -> Sent:
    return senders.signed(source, sent, secret=secret, at=clock.now())


def signed_sample(source: str, case: str) -> Sent:
    return signed(source, senders.sample(source, case))


def message(key: str = "m-1") -> Sent:
    """A signed request of a custom sender with this key."""
    return senders.json_request("custom", {"messageId": key})
