"""Decide which thread answers a request that has arrived."""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from app.cooperative import SMALL_REQUEST_BYTES


class ThreadChoice:
    """The threads that the application asks for by two attributes, if it has them.

    `cooperative_prefix`: small POST requests to such a path wait through app.cooperative alone.
    `probe_paths`: each of these paths has a thread of its own, so that an orchestrator and a
    monitor get their answers while the pool is busy.
    """

    def __init__(self, application: Any, pool: ThreadPoolExecutor) -> None:
        prefix = getattr(application, "cooperative_prefix", None)
        probes = getattr(application, "probe_paths", ())
        self.prefix = f"POST {prefix}".encode() if prefix else b""
        self._pool = pool
        self._probes = {path.encode(): ThreadPoolExecutor(1) for path in probes}
        paths = b"|".join(map(re.escape, self._probes))
        self._probe = re.compile(rb"(?:GET|HEAD) (%s)[ ?]" % paths)

    def is_cooperative(self, request: bytes) -> bool:
        """Return whether the answering thread may answer this whole request."""
        is_small = len(request) < SMALL_REQUEST_BYTES
        return bool(self.prefix) and is_small and request.startswith(self.prefix)

    def pool_for(self, request: bytes) -> ThreadPoolExecutor:
        """Return the threads that answer this request."""
        match = self._probe.match(request) if self._probes else None
        return self._probes[match[1]] if match else self._pool

    def close(self) -> None:
        """End the threads of the probes."""
        for pool in self._probes.values():
            pool.shutdown(wait=False)
