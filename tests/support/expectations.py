"""The expected result of each sample, written by hand from reading the sample."""

from collections import Counter
from typing import Any

from tests.support import samples

NO_EVENT = {("discord", "ping"), ("github", "ping"), ("slack", "ping")}
SEVERAL_EVENTS = {
    ("evolution_go", "receipt"): 2,
    ("hubspot", "contact_creation"): 2,
    ("whatsapp", "messages_and_statuses"): 4,
}
KEYLESS_SOURCES = {"discord", "github", "linear", "stripe", "telegram"}
"""Sources whose events have a key only if the trigger names one."""
KEYLESS = {
    ("clickup", "task_deleted"),
    ("slack", "block_actions"),
    ("slack", "slash_command"),
    ("whatsapp", "template_status"),
}
REDACTED = {"evolution", "evolution_go", "slack"}
"""Sources that put secrets into the body, so that it is not stored byte for byte."""
SIGNED_INSIDE = {"adyen"}
"""Sources with the signature in the body, so that their samples are stored signed."""

OK = {"status": "ok"}
ANSWERS: dict[tuple[str, str], Any] = {
    ("discord", "interaction"): {"type": 5},
    ("slack", "block_actions"): "",
    ("slack", "slash_command"): "",
    ("twilio", "message_received"): "<Response/>",
    ("twilio", "status_callback"): "<Response/>",
}
"""Bodies of the responses that are not OK."""


def answer(source: str, case: str) -> Any:
    """Return the body of the response to the sample: JSON, or text where it is no JSON."""
    return ANSWERS.get((source, case), OK)


def event_count(source: str, case: str) -> int:
    """Return the number of executions that the sample becomes."""
    if (source, case) in NO_EVENT:
        return 0
    return SEVERAL_EVENTS.get((source, case), 1)


def has_key(source: str, case: str) -> bool:
    """Return True if the sample's events have a key and are therefore admitted only once."""
    return source not in KEYLESS_SOURCES and (source, case) not in KEYLESS


def events_by_source() -> Counter[str]:
    """Return the number of executions that all samples of each source become."""
    counted: Counter[str] = Counter()
    for source, case in samples.names():
        counted[source] += event_count(source, case)
    return +counted
