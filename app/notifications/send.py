"""Send a batch by its channel: a signed webhook, a chat's webhook, or mail."""

import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from urllib3.util import parse_url

from app import clock
from app.actions import http_client, retry_after
from app.actions.http import signature
from app.actions.http_client import Client
from app.errors import ActionFailed
from app.notifications import mail, message
from app.notifications.channels import EMAIL, SLACK, WEBHOOK, Channel
from app.notifications.message import Failure, Letter
from app.settings import Settings

SECONDS = 10.0
"""Seconds that a webhook waits for its response."""


@cache
def _trust() -> ssl.SSLContext:
    return ssl.create_default_context()


@dataclass(frozen=True, slots=True)
class Courier:
    """Sends letters with the settings of this process; a test may choose the trusted authority."""

    settings: Settings
    client: Client
    tls: ssl.SSLContext

    def send(self, channel: Channel, letter: Letter) -> Failure | None:
        """Send the letter; return None once it is taken."""
        try:
            _SENDERS[channel.kind](self, channel, letter)
        except ActionFailed as error:
            wait_seconds = retry_after.seconds(error.retry_after, clock.now())
            return Failure(str(error), wait_seconds or 0.0)
        except (OSError, RuntimeError, MemoryError, ValueError) as error:
            return Failure(f"it could not be sent: {type(error).__name__}")
        return None

    def post(self, channel: Channel, body: bytes, headers: dict[str, str]) -> None:
        """Post the body; raises ActionFailed unless the response is 2xx."""
        url = parse_url(channel.address)
        common = {"Content-Type": "application/json", "User-Agent": "Hookonce"}
        response = self.client.post(url, body, {**common, **headers}, SECONDS)
        if not 200 <= response.status < 300:
            raise ActionFailed(
                f"{url.scheme}://{url.netloc} answered HTTP {response.status}",
                retry_after=response.retry_after,
            )


def courier(settings: Settings) -> Courier:
    """Return the courier of this process, with the egress rules of its settings."""
    return Courier(settings, http_client.client(settings.hookonce_egress_allow), _trust())


def _webhook(courier: Courier, channel: Channel, letter: Letter) -> None:
    body, timestamp = message.as_json(letter), int(time.time())
    headers = {
        "webhook-id": letter.id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(channel.secret or "", letter.id, timestamp, body),
    }
    courier.post(channel, body, headers)


def _chat(courier: Courier, channel: Channel, letter: Letter) -> None:
    courier.post(channel, message.as_chat(letter), {})


def _mail(courier: Courier, channel: Channel, letter: Letter) -> None:
    server = courier.settings.hookonce_smtp_url
    if server is None:
        raise ActionFailed("HOOKONCE_SMTP_URL is not set: no mail can be sent")
    recipients = [each.strip() for each in channel.address.split(",")]
    mail.send(
        message.as_mail(letter, server.sender, recipients), server, courier.client, courier.tls
    )


_SENDERS: dict[str, Callable[[Courier, Channel, Letter], None]] = {
    WEBHOOK: _webhook,
    SLACK: _chat,
    EMAIL: _mail,
}
