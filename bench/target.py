"""A target of webhooks that costs as little as can be: a process that answers 200 and counts."""

import asyncio
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_END = b"\r\n\r\n"


@contextmanager
def target() -> Iterator[str]:
    """Its URL, as long as it runs."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}/"
    finally:
        process.terminate()
        process.join()


class _Line(asyncio.Protocol):
    """One kept connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._heard = transport, b""

    def data_received(self, data: bytes) -> None:
        self._heard += data
        while (length := _length(self._heard)) and len(self._heard) >= length:
            self._heard = self._heard[length:]
            self._transport.write(ANSWER)


def _length(heard: bytes) -> int | None:
    """Of the request that begins there, its head and body; None before the head is whole."""
    head, end, _ = heard.partition(_END)
    if not end:
        return None
    stated = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    return len(head) + len(end) + int(stated or 0)


def _serve(ready: Connection) -> None:
    async def forever() -> None:
        server = await asyncio.get_running_loop().create_server(_Line, "127.0.0.1", 0)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(forever())
