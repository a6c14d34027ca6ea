"""Actions do what a trigger asks for about an event; `triggers.action_type` names one.

An action reads its `Work` and answers with a text or an error; it never touches the database.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import EntryPoint
from typing import Any

from app.actions import command, evolution_go, http, noop, script
from app.actions.work import Work
from app.errors import Absent, ActionFailed, HookonceError, InvalidTrigger
from app.lifecycle import CONFIGURATION
from app.plugins import Plugin, PluginGroup

Action = Callable[[Work], str]
"""A function that does the work and returns a summary of it; it raises ActionFailed."""

ACTIONS: dict[str, Action] = {
    "evolution_go": evolution_go.run,
    "http": http.run,
    "noop": noop.run,
    "prompt": command.run,
    "script": script.run,
    "skill": command.run,
}
"""The built-in actions by name: no plug-in can take one of these names."""
_VALIDATORS: dict[str, Callable[[str], None]] = {
    "evolution_go": evolution_go.validate,
    "http": http.validate,
    "noop": noop.validate,
    "prompt": command.validate,
    "script": script.validate,
    "skill": command.validate,
}


def _fault(point: EntryPoint, action: Any) -> str | None:
    return None if callable(action) else f"{point.value} is not callable"


plugins = PluginGroup("hookonce.actions", _fault)


@dataclass(frozen=True, slots=True)
class ActionInfo:
    """One row of the list of actions that this installation has."""

    name: str
    comes_from: str
    problem: str | None = None


def named(action_type: str) -> Action | None:
    """Return the action of this name; None if this installation has none."""
    if action_type in ACTIONS:
        return ACTIONS[action_type]
    plugin = plugins.named(action_type)
    return None if plugin is None else plugin.value or partial(_broken, plugin)


def built_in(action_type: str) -> bool:
    """Return True for a built-in action: these keep their own time limits."""
    return action_type in ACTIONS


def names() -> list[str]:
    """Return the names of all actions that a trigger may have."""
    return sorted({*ACTIONS, *plugins.names()})


def described() -> Iterator[ActionInfo]:
    """Yield every action, and every plug-in that cannot be used, with its problem."""
    yield from (ActionInfo(name, "built in") for name in sorted(ACTIONS))
    for plugin in filter(None, map(plugins.named, plugins.names())):
        taken = f"not used: {plugin.name!r} is built in" if plugin.name in ACTIONS else None
        yield ActionInfo(plugin.name, plugin.package, taken or plugin.problem)


def validate(action_type: str, payload: str) -> None:
    """Raise InvalidTrigger if the action cannot work with this payload.

    A plug-in checks its payloads itself, if it has a function `validate`.
    """
    check = _VALIDATORS.get(action_type) or _of_plugin(action_type)
    if not payload.strip():
        raise InvalidTrigger("a trigger needs a payload: the command or address of its action")
    check(payload)


def _of_plugin(action_type: str) -> Callable[[str], None]:
    plugin = plugins.named(action_type)
    if plugin is None:
        raise InvalidTrigger(f"there is no action {action_type!r}; there are {', '.join(names())}")
    if plugin.problem is not None:
        raise InvalidTrigger(_unusable(plugin))
    return partial(_checked_by, plugin)


def _checked_by(plugin: Plugin, payload: str) -> None:
    check = getattr(plugin.value, "validate", None)
    if check is None:
        return
    try:
        check(payload)
    except HookonceError as error:
        raise InvalidTrigger(str(error)) from error
    except Exception as error:
        raise InvalidTrigger(f"the action {plugin.name!r} refuses the payload: {error}") from error


def _broken(plugin: Plugin, _work: Work) -> str:
    if plugin.absent:
        raise Absent(_unusable(plugin), reason=CONFIGURATION)
    raise ActionFailed(_unusable(plugin), permanent=True, reason=CONFIGURATION)


def _unusable(plugin: Plugin) -> str:
    return f"the action {plugin.name!r} of {plugin.package} cannot be used: {plugin.problem}"
