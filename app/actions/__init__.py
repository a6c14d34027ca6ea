"""What can be done about an event; each action is found by the name in `triggers.action_type`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from app.actions import command, evolution_go, http, noop, plugins, script
from app.actions.plugins import Plugin
from app.actions.work import Work
from app.errors import ActionFailed, HookonceError, InvalidTrigger
from app.lifecycle import CONFIGURATION

Action = Callable[[Work], str]
"""Does the work and returns a summary of what came of it; raises ActionFailed if nothing did."""

ACTIONS: dict[str, Action] = {
    "evolution_go": evolution_go.run,
    "http": http.run,
    "noop": noop.run,
    "prompt": command.run,
    "script": script.run,
    "skill": command.run,
}
"""Built in: no plug-in takes one of these names."""
_VALIDATORS: dict[str, Callable[[str], None]] = {
    "evolution_go": evolution_go.validate,
    "http": http.validate,
    "noop": noop.validate,
    "prompt": command.validate,
    "script": script.validate,
    "skill": command.validate,
}


@dataclass(frozen=True, slots=True)
class ActionInfo:
    """An action of this installation, for a person to read."""

    name: str
    comes_from: str
    problem: str | None = None


def named(action_type: str) -> Action | None:
    """The action of this name, or None if this installation has none."""
    if action_type in ACTIONS:
        return ACTIONS[action_type]
    plugin = plugins.named(action_type)
    if plugin is None:
        return None
    return plugin.action or partial(_broken, plugin)


def built_in(action_type: str) -> bool:
    """Whether the action keeps its own time limit, as all of ours do."""
    return action_type in ACTIONS


def names() -> list[str]:
    """Every action that a trigger may name."""
    return sorted({*ACTIONS, *plugins.names()})


def described() -> Iterator[ActionInfo]:
    """Every action, and every plug-in that does not become one."""
    yield from (ActionInfo(name, "built in") for name in sorted(ACTIONS))
    for plugin in filter(None, map(plugins.named, plugins.names())):
        taken = f"not used: {plugin.name!r} is built in" if plugin.name in ACTIONS else None
        yield ActionInfo(plugin.name, plugin.package, taken or plugin.problem)


def validate(action_type: str, payload: str) -> None:
    """Raises InvalidTrigger, with a sentence, where the action cannot work with this payload.

    A plug-in checks its payloads itself, if it has a function `validate`.
    """
    check = _VALIDATORS.get(action_type) or _of_plugin(action_type)
    if not payload.strip():
        raise InvalidTrigger("a trigger needs a payload: what its action shall run or call")
    check(payload)


def _of_plugin(action_type: str) -> Callable[[str], None]:
    plugin = plugins.named(action_type)
    if plugin is None:
        raise InvalidTrigger(f"there is no action {action_type!r}; there are {', '.join(names())}")
    if plugin.action is None:
        raise InvalidTrigger(_unusable(plugin))
    return partial(_checked_by, plugin)


def _checked_by(plugin: Plugin, payload: str) -> None:
    check = getattr(plugin.action, "validate", None)
    if check is None:
        return
    try:
        check(payload)
    except HookonceError as error:
        raise InvalidTrigger(str(error)) from error
    except Exception as error:
        raise InvalidTrigger(f"the action {plugin.name!r} refuses the payload: {error}") from error


def _broken(plugin: Plugin, _work: Work) -> str:
    raise ActionFailed(_unusable(plugin), permanent=True, reason=CONFIGURATION)


def _unusable(plugin: Plugin) -> str:
    return f"the action {plugin.name!r} of {plugin.package} cannot be used: {plugin.problem}"
