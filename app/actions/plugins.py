"""Actions of other packages, found by the entry-point group `hookonce.actions`.

https://packaging.python.org/en/latest/specifications/entry-points/
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

GROUP = "hookonce.actions"


@dataclass(frozen=True, slots=True)
class Plugin:
    """An action of another package: `action` to call, or the `problem` that prevents it."""

    name: str
    package: str
    action: Callable[..., Any] | None = None
    problem: str | None = None


_lock = threading.Lock()
_used: dict[str, Plugin] = {}


@cache
def _offered() -> dict[str, list[EntryPoint]]:
    offered: dict[str, list[EntryPoint]] = {}
    for point in entry_points(group=GROUP):
        offered.setdefault(point.name, []).append(point)
    return offered


def names() -> list[str]:
    """Return the names of the installed packages' actions, without loading any."""
    return sorted(_offered())


def named(name: str) -> Plugin | None:
    """Return the plug-in of this name, loaded at the first call; None if there is none."""
    if name not in _offered():
        return None
    with _lock:
        if name not in _used:
            _used[name] = _loaded(name, _offered()[name])
        return _used[name]


def _loaded(name: str, points: list[EntryPoint]) -> Plugin:
    packages = ", ".join(sorted({_package(point) for point in points}))
    if len({point.value for point in points}) > 1:
        return Plugin(name, packages, problem=f"more than one package offers it: {packages}")
    try:
        action = points[0].load()
    except (Exception, SystemExit) as error:
        return Plugin(name, packages, problem=f"{type(error).__name__}: {error}")
    if not callable(action):
        return Plugin(name, packages, problem=f"{points[0].value} is not callable")
    return Plugin(name, packages, action)


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value
