"""Actions of other packages, found by the entry-point group `hookonce.actions`.

https://packaging.python.org/en/latest/specifications/entry-points/
"""

import importlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from app.errors import MachineTrouble, is_machine_trouble

GROUP = "hookonce.actions"
RELOAD_SECONDS = 10.0
"""Seconds after which a plug-in that failed is loaded again, and new ones are looked for."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """An action of another package: `action` to call, or the `problem` that prevents it."""

    name: str
    package: str
    action: Callable[..., Any] | None = None
    problem: str | None = None
    absent: bool = False
    """True if a module is missing, as it is while its package is being installed."""


_lock = threading.Lock()
_used: dict[str, Plugin] = {}
_load_again_at: dict[str, float] = {}
"""Monotonic time by name from which a plug-in that failed is loaded again."""
_look_again_at = 0.0
"""Monotonic time from which the installed packages are listed again for an unknown name."""


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
    """Return the plug-in of this name, loaded at the first call; None if there is none.

    Raises MachineTrouble if this machine lacks what loading takes: it is loaded at the next call.
    """
    with _lock:
        if name not in _offered():
            _list_again()
        if name not in _offered():
            return None
        if name not in _used or _is_to_load_again(name):
            _used[name] = _loaded(name, _offered()[name])
            _load_again_at[name] = time.monotonic() + RELOAD_SECONDS
        return _used[name]


def _list_again() -> None:
    """Forget the list of packages if it is old: one may have been installed since."""
    global _look_again_at
    if time.monotonic() >= _look_again_at:
        _offered.cache_clear()
        importlib.invalidate_caches()
        _look_again_at = time.monotonic() + RELOAD_SECONDS


def _is_to_load_again(name: str) -> bool:
    if _used[name].action is not None or time.monotonic() < _load_again_at[name]:
        return False
    importlib.invalidate_caches()
    return True


def _loaded(name: str, points: list[EntryPoint]) -> Plugin:
    packages = ", ".join(sorted({_package(point) for point in points}))
    if len({point.value for point in points}) > 1:
        return Plugin(name, packages, problem=f"more than one package offers it: {packages}")
    try:
        action = points[0].load()
    except (Exception, SystemExit) as error:
        problem = f"{type(error).__name__}: {error}"
        if is_machine_trouble(error):
            raise MachineTrouble(f"the action {name!r} cannot be loaded: {problem}") from error
        return Plugin(name, packages, problem=problem, absent=isinstance(error, ImportError))
    if not callable(action):
        return Plugin(name, packages, problem=f"{points[0].value} is not callable")
    return Plugin(name, packages, action)


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value
