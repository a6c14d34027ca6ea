"""Peers that try to keep a receiver from its honest senders, in a process of their own."""

import asyncio
import contextlib
import multiprocessing
import resource
import socket
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

BEGINNINGS = (
    b"GET /healthz HTTP/1.1\r\nX-",
    b"POST /api/triggers HTTP/1.1\r\nContent-Length: 900000\r\n\r\n",
    b"POST /api/triggers/webhook/1 HTTP/1.1\r\nContent-Length: 90000\r\n\r\n",
    b"POST /api/triggers/webhook/1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n",
)
LARGE_HEAD = b"POST / HTTP/1.1\r\n" + b"".join(
    b"X-%d: %s\r\n" % (number, b"a" * 7_900) for number in range(96)
)
"""A head of 760 KB, each of whose parts gunicorn allows."""
LARGE_HEADS_PER_SECOND = 35


@dataclass(frozen=True, slots=True)
class Attack:
    """A number of peers of each kind."""

    name: str
    dripping: int = 0
    """Peers that send a byte every three seconds."""
    silent: int = 0
    reading_slowly: int = 0
    """Peers that request large responses and read eight bytes a second of them."""
    large_heads: bool = False


ATTACKS = (
    Attack("nobody"),
    Attack("500 dripping", dripping=500),
    Attack("2,500 silent", silent=2_500),
    Attack("100 reading slowly", reading_slowly=100),
    Attack("35 heads of 760 KB a second", large_heads=True),
    Attack("all of these", 500, 2_500, 100, True),
)


@contextlib.contextmanager
def attacking(attack: Attack, port: int) -> Iterator[None]:
    """Attack the port until the block ends; all peers are connected when it begins."""
    ready = multiprocessing.Event()
    process = multiprocessing.Process(target=_run, args=(attack, port, ready), daemon=True)
    process.start()
    ready.wait(60)
    try:
        yield
    finally:
        process.terminate()
        process.join()


def _run(attack: Attack, port: int, ready: "multiprocessing.synchronize.Event") -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(_attack(attack, port, ready.set))


async def _attack(attack: Attack, port: int, ready: Callable[[], object]) -> None:
    kinds: list[tuple[int, Callable[[int, int], Awaitable[None]]]] = [
        (attack.dripping, _drip),
        (attack.silent, _be_silent),
        (attack.reading_slowly, _read_slowly),
        (LARGE_HEADS_PER_SECOND if attack.large_heads else 0, _send_large_heads),
    ]
    peers = []
    for count, kind in kinds:
        for number in range(count):
            peers.append(asyncio.create_task(_for_ever(kind, port, number)))
            await asyncio.sleep(0.001)
    await asyncio.sleep(0.5)
    ready()
    await asyncio.gather(*peers)


async def _for_ever(kind: Callable[[int, int], Awaitable[None]], port: int, number: int) -> None:
    """Begin again whenever the receiver closes the connection."""
    while True:
        with contextlib.suppress(OSError):
            await kind(port, number)
        await asyncio.sleep(0.2)


async def _connected(port: int, receive_buffer: int | None = None) -> socket.socket:
    peer = socket.socket()
    peer.setblocking(False)
    if receive_buffer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    await asyncio.get_running_loop().sock_connect(peer, ("127.0.0.1", port))
    return peer


async def _drip(port: int, number: int) -> None:
    loop = asyncio.get_running_loop()
    with await _connected(port) as peer:
        await loop.sock_sendall(peer, BEGINNINGS[number % len(BEGINNINGS)])
        while True:
            await asyncio.sleep(3)
            await loop.sock_sendall(peer, b"a")


async def _be_silent(port: int, _number: int) -> None:
    with await _connected(port) as peer:
        await asyncio.get_running_loop().sock_recv(peer, 1)


async def _read_slowly(port: int, _number: int) -> None:
    loop = asyncio.get_running_loop()
    with await _connected(port, 4_096) as peer:
        await loop.sock_sendall(peer, b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n" * 100)
        while await loop.sock_recv(peer, 8):
            await asyncio.sleep(1)


async def _send_large_heads(port: int, _number: int) -> None:
    loop = asyncio.get_running_loop()
    with await _connected(port) as peer:
        await loop.sock_sendall(peer, LARGE_HEAD)
        await loop.sock_recv(peer, 1)
    await asyncio.sleep(0.8)
