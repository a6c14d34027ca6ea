"""Rules of the older system that still hold for the triggers that were taken over from it.

It verified the senders of all sources but three by X-Webhook-Signature, and a trigger of type
`event` received webhooks like any other.
"""

import logging
import re
import time
from collections.abc import Callable
from dataclasses import replace

from app import log
from app.intake import sources
from app.intake.message import Request, Source, WebhookTrigger
from app.intake.sources import custom

SAME_THERE = frozenset({"clickup", "custom", "github", "linear", "stripe"})
"""Sources that the older system verified as they are verified here."""
PARSED_THERE = frozenset({"telegram", "discord"})
"""Sources whose requests the older system parsed as they are parsed here."""
SIGNATURE = "x_webhook_signature"
EVENT = "webhook_to_event_trigger"
WARN_SECONDS = 3600.0
"""Seconds between two warnings about the same trigger and rule: each request would be one."""
_HMAC = re.compile(r"(sha256=)?[0-9a-fA-F]{64}")

_NO_HANDSHAKE = custom.SOURCE.handshake

logger = logging.getLogger("hookonce.intake")


def verified_otherwise(source: str) -> bool:
    """Return whether the older system verified this source by X-Webhook-Signature, and we do not.

    A preset accepts both for every trigger. A source of another package was none of that system.
    """
    if source in SAME_THERE or source not in sources.built_in():
        return False
    return sources.named(source).verifier is None


def is_accepted(source: str, previous_secret_expires_at: object, key_from: str | None) -> bool:
    """Return whether a found trigger of this source accepts the signature of the older system.

    Only with the secret that it had there: one that was set here may be a public key, by which
    anybody could sign. Where secrets are public keys the trigger must also have no places of a key:
    one that was made here has some, and is found again after a downgrade to base.
    """
    if previous_secret_expires_at is not None or not verified_otherwise(source):
        return False
    return not (key_from and sources.named(source).checks_curve)


def is_signed(request: Request) -> bool:
    """Return whether the request has a signature in the form of the older system.

    Some senders use X-Signature for another form, and are verified by that.
    """
    return any(_HMAC.fullmatch(request.headers.get(each, "")) for each in custom.SIGNATURE_HEADERS)


def source_of(source: Source) -> Source:
    """Return the source as the older system had it: it parsed only two of them in their own way.

    A ping of Discord is a request of Discord: here it is an event like any other.
    """
    if source.name in PARSED_THERE:
        return replace(
            source, handshake=_NO_HANDSHAKE, challenge=None, response=custom.SOURCE.response
        )
    plain = custom.like(source.name)
    return replace(plain, redacted=source.redacted, redacted_at_top=source.redacted_at_top)


class OlderRulesLog:
    """Warns of each trigger that is still used by a rule of the older system, once an hour."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._warned_at: dict[tuple[int, str], float] = {}

    def note(self, trigger: WebhookTrigger, request: Request) -> None:
        """Warn if the request was accepted by such a rule; it has been verified."""
        if trigger.older_signature and is_signed(request):
            self._warn(trigger, SIGNATURE)
        if trigger.is_event:
            self._warn(trigger, EVENT)

    def _warn(self, trigger: WebhookTrigger, rule: str) -> None:
        key, now = (trigger.id, rule), self._clock()
        if key in self._warned_at and now < self._warned_at[key] + WARN_SECONDS:
            return
        self._warned_at[key] = now
        log.event(logger, logging.WARNING, "older_rule", trigger_id=trigger.id, rule=rule)
