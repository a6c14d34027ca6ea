"""What each sample must come to, written down by hand from reading it."""

from collections import Counter

from tests.support import senders

NO_EVENT = {("discord", "ping"), ("github", "ping"), ("slack", "ping")}
SEVERAL_EVENTS = {("evolution_go", "receipt"): 2, ("whatsapp", "messages_and_statuses"): 4}
KEYLESS_SOURCES = {"discord", "github", "linear", "stripe", "telegram"}
"""These have a key only where the trigger asks for one."""
KEYLESS = {
    ("clickup", "task_deleted"),
    ("mercadopago", "order_processed"),
    ("slack", "block_actions"),
    ("slack", "slash_command"),
    ("whatsapp", "template_status"),
}
REDACTED = {"evolution", "evolution_go", "slack"}
"""These put secrets of their own into the body, so it is not kept byte for byte."""
SIGNED_INSIDE = {"adyen"}
"""These carry their signatures in the body, so a sample of them is signed as it lies there."""


def event_count(source: str, case: str) -> int:
    """How many executions the sample becomes."""
    if (source, case) in NO_EVENT:
        return 0
    return SEVERAL_EVENTS.get((source, case), 1)


def has_key(source: str, case: str) -> bool:
    """Whether its events are admitted only once."""
    return source not in KEYLESS_SOURCES and (source, case) not in KEYLESS


def events_by_source() -> Counter[str]:
    """How many executions all samples together become, for each source."""
    counted: Counter[str] = Counter()
    for source, case in senders.names():
        counted[source] += event_count(source, case)
    return +counted
