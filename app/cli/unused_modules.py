"""Stand in for modules that SQLAlchemy imports and a short command does not use.

`asyncio` and `importlib.metadata` bring TLS, sockets and e-mail along, and take a sixth of the time
that a command needs to start.
"""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

NAMES = ("asyncio", "importlib.metadata")


class StandIn(ModuleType):
    """A module that is loaded when something in it is first used."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real(), name)

    def real(self) -> ModuleType:
        """Return the module itself, loaded, and leave its place among the modules to it."""
        _give_way(self)
        return importlib.import_module(self.__name__)


class _Asyncio(StandIn):
    def iscoroutine(self, value: object) -> bool:
        """Answer as `asyncio.iscoroutine`, of which SQLAlchemy takes hold while it loads."""
        return bool(self.real().iscoroutine(value))


@contextmanager
def deferred() -> Iterator[None]:
    """Let imports in the block get a stand-in; afterwards others get the module itself."""
    kinds = {"asyncio": _Asyncio}
    added = [kinds.get(name, StandIn)(name) for name in NAMES if name not in sys.modules]
    for module in added:
        sys.modules[module.__name__] = module
    try:
        yield
    finally:
        for module in added:
            _give_way(module)


def _give_way(module: StandIn) -> None:
    if sys.modules.get(module.__name__) is module:
        del sys.modules[module.__name__]
