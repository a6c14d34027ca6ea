"""The input of an action, and its output shortened for storage."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from app import masking
from app.actions.exchange import BodyOrigin, Exchange, StoredExchange, stored
from app.masking import redaction
from app.settings import Settings

SUMMARY_CHARACTERS = 4000
"""Characters of an action's output that are stored."""


@dataclass(frozen=True, slots=True)
class Work:
    """One attempt as its action sees it: the event, the action's payload, and the settings."""

    execution_id: int
    attempt_number: int
    action_type: str
    action_payload: str
    event_data: str
    """The normalised event as JSON text."""
    body: bytes | None
    """The request's body as it came, or this event's share of a batch; None if it was pruned."""
    content_type: str | None
    trigger_id: int
    trigger_slug: str
    trigger_secret: str
    settings: Settings
    agent: str = ""
    """The agent that rows of the older system name; else empty."""
    event_headers: Mapping[str, str] = field(default_factory=dict)
    """The request's headers that describe the event, such as X-GitHub-Event; never a signature."""
    chain_id: int = 0
    """Id of the first execution of the replay chain; if left out, of this execution."""
    exchange: Exchange = field(default_factory=Exchange)
    """The request that left and its response, which the action notes."""

    def __post_init__(self) -> None:
        if not self.chain_id:
            object.__setattr__(self, "chain_id", self.execution_id)

    def hidden(self, text: str) -> str:
        """Return the text without the secrets of this work and of our settings.

        An action calls it before it shortens a text: a secret that is cut off is not found.
        """
        own = (*_payload_secrets(self.action_payload), self.trigger_secret)
        return redaction.hidden((*own, *self.settings.secrets()), text)

    def exchanged(self) -> StoredExchange:
        """Return what the action sent and got back, as it is stored."""
        return stored(self.exchange, self.hidden, self._origin_of)

    def _origin_of(self, body: bytes) -> BodyOrigin:
        if body == self.body:
            return "request"
        return "event" if body == self.event_data.encode("utf-8", "replace") else "own"


@lru_cache(maxsize=redaction.REMEMBERED)
def _payload_secrets(payload: str) -> tuple[str, ...]:
    return tuple(masking.secrets_of(payload))


def summary(text: str) -> str:
    """Return the text as it is stored: shortened, without characters that a database refuses."""
    text = text.replace("\0", "\N{REPLACEMENT CHARACTER}").strip()
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= SUMMARY_CHARACTERS else text[: SUMMARY_CHARACTERS - 1] + "…"
