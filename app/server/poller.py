"""Poll sockets with epoll, and with as little Python as that needs.

A kept connection is unregistered and registered again for each of its requests. `selectors` looks
each file up as one of any kind, in six calls for the two: a hundredth of a small webhook's cost.
"""

import select
from collections.abc import Mapping
from selectors import EVENT_READ, EVENT_WRITE, BaseSelector, DefaultSelector, SelectorKey
from typing import Any

_READ, _WRITE = getattr(select, "EPOLLIN", 0), getattr(select, "EPOLLOUT", 0)
_WANTED = {EVENT_READ: _READ, EVENT_WRITE: _WRITE, EVENT_READ | EVENT_WRITE: _READ | _WRITE}


def create() -> BaseSelector:
    """Return a poller; one of `selectors` where the system has no epoll."""
    return Poller() if hasattr(select, "epoll") else DefaultSelector()


class Poller(BaseSelector):
    """A selector of sockets, and of open files by their numbers."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._keys: dict[int, SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> SelectorKey:
        """Report these events of the file; its key has `data`."""
        fd: int = fileobj if isinstance(fileobj, int) else fileobj.fileno()
        self._epoll.register(fd, _WANTED[events])  # FileExistsError if it is registered
        key = self._keys[fd] = SelectorKey(fileobj, fd, events, data)
        return key

    def unregister(self, fileobj: Any) -> SelectorKey:
        """Report no events of the file any more; raise KeyError if it is not registered."""
        key = self._keys.pop(fileobj if isinstance(fileobj, int) else fileobj.fileno())
        try:
            self._epoll.unregister(key.fd)
        except OSError:  # a database driver has closed its socket meanwhile
            return key
        return key

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        """Return the keys with their events, at the latest after so many seconds; None: never."""
        seconds = -1 if timeout is None else max(timeout, 0)
        ready = []
        for fd, happened in self._epoll.poll(seconds, max(len(self._keys), 1)):
            key = self._keys.get(fd)
            if key is not None:
                # an error or a hang-up is reported as each event that is wanted, as by `selectors`
                events = (EVENT_READ if happened & ~_WRITE else 0) | (
                    EVENT_WRITE if happened & ~_READ else 0
                )
                ready.append((key, events & key.events))
        return ready

    def get_map(self) -> Mapping[Any, SelectorKey]:
        """Return the keys by the numbers of their files."""
        return self._keys

    def close(self) -> None:
        """Report nothing any more."""
        self._keys.clear()
        self._epoll.close()
