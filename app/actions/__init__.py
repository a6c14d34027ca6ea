"""What can be done about an event; each action is found by the name in `triggers.action_type`."""

from collections.abc import Callable

from app.actions import http, script
from app.actions.work import Work

Action = Callable[[Work], str]
"""Does the work and returns a summary of what came of it; raises ActionFailed if nothing did."""

ACTIONS: dict[str, Action] = {"http": http.run, "script": script.run}


def named(action_type: str) -> Action | None:
    """The action of this name, or None if this installation has none."""
    return ACTIONS.get(action_type)
