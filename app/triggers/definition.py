"""What a trigger may be: one sentence for each description that cannot work."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app import actions
from app.errors import InvalidTrigger
from app.executions import retry_policy
from app.intake.sources import secret_formats

LONGEST_NAME = 200
LONGEST_SECRET = 255
TYPES = ("webhook", "event")
MISSING_KEY = ("accept", "refuse")
MOST_CONCURRENT = 1_000
LONGEST_LIFETIME_SECONDS = 3_153_600_000
"""A hundred years."""


@dataclass(frozen=True, slots=True)
class NewTrigger:
    """A trigger as its operator describes it."""

    name: str
    source: str = "custom"
    action_type: str = "script"
    action_payload: str = ""
    event_filter: str = "{}"
    secret: str | None = None
    """None: one is made up."""
    key_from: tuple[str, ...] = ()
    """Where the idempotency key comes from; empty: the default places."""
    missing_key: str | None = None
    """What becomes of an event without a key: `accept` (also None) or `refuse`."""
    tolerance_seconds: float | None = None
    """How old a signed timestamp may be; None: as the source has it."""
    retry_policy: str | None = None
    """A JSON object; None: the policy that every trigger has."""
    max_concurrency: int | None = None
    """How many of its executions run at once; None: as many as there are workers."""
    keep_payload_seconds: float | None = None
    """How long the payload of what has finished is kept; None: as by default."""
    keep_rows_seconds: float | None = None
    """How long what has finished is kept, and its key counts; None: as by default."""
    type: str = "webhook"
    agent: str | None = None
    enabled: bool = True
    remote_trigger_id: str | None = None
    source_plugin: str | None = None

    def columns(self) -> dict[str, Any]:
        """The columns that describe it; the secret is not one of them."""
        return {
            "name": self.name,
            "slug": slug(self.name),
            "type": self.type,
            "source": self.source,
            "event_filter": self.event_filter,
            "action_type": self.action_type,
            "action_payload": self.action_payload,
            "agent": self.agent,
            "enabled": self.enabled,
            "remote_trigger_id": self.remote_trigger_id,
            "source_plugin": self.source_plugin,
            "idempotency_key_from": key_text(self.key_from),
            "missing_key": self.missing_key,
            "tolerance_seconds": self.tolerance_seconds,
            "retry_policy": self.retry_policy,
            "max_concurrency": self.max_concurrency,
            "keep_payload_seconds": self.keep_payload_seconds,
            "keep_rows_seconds": self.keep_rows_seconds,
        }


def slug(name: str) -> str:
    """The name as it may stand in an address: `Order Paid!` is `order-paid`."""
    return re.sub(r"[^\w]+", "-", name.strip().lower()).strip("-") or "trigger"


def key_text(key_from: tuple[str, ...]) -> str | None:
    """Where the key comes from, as it is stored: one part as it is, several as a JSON list."""
    if len(key_from) > 1:
        return json.dumps(key_from)
    return key_from[0] if key_from else None


def require_valid(
    described: Mapping[str, Any], known_sources: list[str], changed: frozenset[str] | None = None
) -> None:
    """Return if a trigger with these columns can work; else raise InvalidTrigger with all mistakes.

    Where only some are changed, nothing is said about the others: a found row keeps its oddities.
    """
    mistakes = []
    for names, check in _CHECKS:
        if changed is None or changed.intersection(names):
            try:
                check(described, known_sources)
            except InvalidTrigger as error:
                mistakes.append(str(error))
    if mistakes:
        raise InvalidTrigger("; ".join(mistakes))


def require_secret(secret: str | None, source: str | None) -> None:
    """Return if it can be a secret of this source, or is to be made up."""
    if secret is None:
        return
    if not 0 < len(secret) <= LONGEST_SECRET:
        raise InvalidTrigger(f"a secret has 1 to {LONGEST_SECRET} characters")
    mistake = secret_formats.mistake(source or "", secret)
    if mistake:
        raise InvalidTrigger(mistake)


def _name(described: Mapping[str, Any], _sources: list[str]) -> None:
    name = described["name"]
    if not name.strip() or len(name) > LONGEST_NAME:
        raise InvalidTrigger(f"a trigger needs a name of 1 to {LONGEST_NAME} characters")


def _source(described: Mapping[str, Any], sources: list[str]) -> None:
    if described["source"] not in sources:
        raise InvalidTrigger(
            f"there is no source {described['source']!r}; there are {', '.join(sources)}"
        )


def _action(described: Mapping[str, Any], _sources: list[str]) -> None:
    actions.validate(described["action_type"], described["action_payload"] or "")


def _event_filter(described: Mapping[str, Any], _sources: list[str]) -> None:
    try:
        event_filter = json.loads(described["event_filter"])
    except (ValueError, RecursionError) as error:
        raise InvalidTrigger(f"the event filter is not JSON: {error}") from error
    if not isinstance(event_filter, Mapping):
        raise InvalidTrigger('the event filter must be an object such as {"action": "opened"}')


def _retry_policy(described: Mapping[str, Any], _sources: list[str]) -> None:
    if described["retry_policy"] is not None:
        retry_policy.read(described["retry_policy"])


def _max_concurrency(described: Mapping[str, Any], _sources: list[str]) -> None:
    number = described["max_concurrency"]
    if number is not None and not 1 <= number <= MOST_CONCURRENT:
        raise InvalidTrigger(f"max_concurrency is a number from 1 to {MOST_CONCURRENT}")


def _lifetime(name: str) -> Callable[[Mapping[str, Any], list[str]], None]:
    def check(described: Mapping[str, Any], _sources: list[str]) -> None:
        seconds = described[name]
        # NaN lies outside any limits
        if seconds is not None and not 0 <= seconds <= LONGEST_LIFETIME_SECONDS:
            raise InvalidTrigger(f"{name} is a number from 0 to {LONGEST_LIFETIME_SECONDS}")

    return check


def _words(name: str, *words: str) -> Callable[[Mapping[str, Any], list[str]], None]:
    def check(described: Mapping[str, Any], _sources: list[str]) -> None:
        if described[name] not in (None, *words):
            raise InvalidTrigger(f"{name} must be one of {', '.join(words)}")

    return check


_CHECKS: tuple[tuple[tuple[str, ...], Callable[[Mapping[str, Any], list[str]], None]], ...] = (
    (("name",), _name),
    (("source",), _source),
    (("action_type", "action_payload"), _action),
    (("event_filter",), _event_filter),
    (("retry_policy",), _retry_policy),
    (("max_concurrency",), _max_concurrency),
    (("keep_payload_seconds",), _lifetime("keep_payload_seconds")),
    (("keep_rows_seconds",), _lifetime("keep_rows_seconds")),
    (("type",), _words("type", *TYPES)),
    (("missing_key",), _words("missing_key", *MISSING_KEY)),
)
