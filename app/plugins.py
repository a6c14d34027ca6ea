"""Plug-ins of other packages, found by an entry-point group.

https://packaging.python.org/en/latest/specifications/entry-points/
"""

import importlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from app.errors import MachineTrouble, is_machine_trouble

RELOAD_SECONDS = 10.0
"""Seconds after which a plug-in that failed is loaded again, and new ones are looked for."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """An object of another package: `value` to use, or the `problem` that prevents it."""

    name: str
    package: str
    value: Any = None
    problem: str | None = None
    absent: bool = False
    """True if a module is missing, as it is while its package is being installed."""


class PluginGroup:
    """The plug-ins of one entry-point group; each is loaded once, at its first use.

    `fault` returns what is wrong with a loaded object, or None if it can be used.
    """

    def __init__(self, group: str, fault: Callable[[EntryPoint, Any], str | None]) -> None:
        self._group = group
        self._fault = fault
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Look for the plug-ins anew, as a new process does."""
        self._points: dict[str, list[EntryPoint]] | None = None
        self._used: dict[str, Plugin] = {}
        self._load_again_at: dict[str, float] = {}
        self._look_again_at = 0.0

    def names(self) -> list[str]:
        """Return the names of the installed plug-ins, without loading any."""
        return sorted(self._offered())

    def named(self, name: str, *, look_again: bool = True) -> Plugin | None:
        """Return the plug-in of this name, loaded at the first call; None if there is none.

        `look_again`: an unknown or failed one may have been installed since. Raises MachineTrouble
        if this machine lacks what loading takes: it is loaded at the next call.
        """
        with self._lock:
            if look_again and name not in self._offered():
                self._list_again()
            if name not in self._offered():
                return None
            if name not in self._used or (look_again and self._is_to_load_again(name)):
                self._used[name] = self._loaded(name, self._offered()[name])
                self._load_again_at[name] = time.monotonic() + RELOAD_SECONDS
            return self._used[name]

    def _offered(self) -> dict[str, list[EntryPoint]]:
        points = self._points
        if points is None:
            points = {}
            for point in entry_points(group=self._group):
                points.setdefault(point.name, []).append(point)
            self._points = points
        return points

    def _list_again(self) -> None:
        """Forget the list of packages if it is old: one may have been installed since."""
        if time.monotonic() >= self._look_again_at:
            self._points = None
            importlib.invalidate_caches()
            self._look_again_at = time.monotonic() + RELOAD_SECONDS

    def _is_to_load_again(self, name: str) -> bool:
        if self._used[name].problem is None or time.monotonic() < self._load_again_at[name]:
            return False
        importlib.invalidate_caches()
        return True

    def _loaded(self, name: str, points: list[EntryPoint]) -> Plugin:
        packages = ", ".join(sorted({_package(point) for point in points}))
        if len({point.value for point in points}) > 1:
            return Plugin(name, packages, problem=f"more than one package offers it: {packages}")
        try:
            value = points[0].load()
        except (Exception, SystemExit) as error:
            problem = f"{type(error).__name__}: {error}"
            if is_machine_trouble(error):
                raise MachineTrouble(f"the plug-in {name!r} cannot be loaded: {problem}") from error
            return Plugin(name, packages, problem=problem, absent=isinstance(error, ImportError))
        fault = self._fault(points[0], value)
        return Plugin(name, packages, None if fault else value, problem=fault)


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value
