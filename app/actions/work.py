"""What an action is given to do its work with."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from app.settings import Settings

SUMMARY_CHARACTERS = 4000
"""How much of what an action says is kept."""


@dataclass(frozen=True, slots=True)
class Work:
    """One attempt, as its action sees it: the event, what to do about it, and the limits."""

    execution_id: int
    attempt_number: int
    action_type: str
    action_payload: str
    event_data: str
    """The normalised event as JSON text."""
    body: bytes | None
    """The request as it came, or would have come with this event alone; None if it was pruned."""
    content_type: str | None
    trigger_id: int
    trigger_slug: str
    trigger_secret: str
    settings: Settings
    agent: str = ""
    """Who is to do it, where rows of the older system name someone."""
    chain_id: int = 0
    """The first execution of the replay chain that this one belongs to; left out, this one."""

    def __post_init__(self) -> None:
        if not self.chain_id:
            object.__setattr__(self, "chain_id", self.execution_id)


def without(hidden: Iterable[str], text: str) -> str:
    """The text with *** in the place of what must not be kept, also as JSON writes it."""
    for secret in hidden:
        for written in {secret, json.dumps(secret)[1:-1]}:
            text = text.replace(written, "***") if written else text
    return text


def summary(text: str) -> str:
    """The text, cut to what is kept, and free of what a database cannot hold."""
    text = text.replace("\0", "\N{REPLACEMENT CHARACTER}").strip()
    text = text.encode("utf-8", "replace").decode()
    if len(text) <= SUMMARY_CHARACTERS:
        return text
    return text[: SUMMARY_CHARACTERS - 1] + "…"
