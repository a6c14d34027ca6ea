"""Who waits at a socket stays awake where that pays, and nowhere else."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from selectors import EVENT_READ, EVENT_WRITE

import pytest

from app.server import spin_wait
from app.server.spin_wait import RESTS, SpinWaiter

NOT_ASLEEP = 0.0
"""Who may sleep for no longer sees only what came while it was awake."""


class Sockets:
    """Two ends; what they do while another is let go first is told by `meanwhile`."""

    def __init__(self) -> None:
        self.here, self.there = socket.socketpair()
        self.given_way = 0
        self.meanwhile: Callable[[], object] = lambda: None

    def give_way(self) -> None:
        self.given_way += 1
        self.meanwhile()

    def say_at(self, turn: int) -> None:
        """Write when the other end has given way so many times."""
        self.meanwhile = lambda: self.given_way == turn and self.there.send(b".")

    def heard(self, waiter: SpinWaiter) -> bool:
        self.given_way = 0
        return waiter.there(self.here.fileno(), EVENT_READ, NOT_ASLEEP)


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sockets]:
    made = Sockets()
    monkeypatch.setattr(spin_wait.os, "sched_yield", made.give_way)
    yield made
    made.here.close()
    made.there.close()


def test_what_comes_within_a_moment_is_met_awake(sockets: Sockets) -> None:
    sockets.say_at(3)

    assert sockets.heard(SpinWaiter(awake=True))
    assert sockets.given_way == 3


def test_where_nothing_is_to_spare_it_sleeps_at_once(sockets: Sockets) -> None:
    sockets.say_at(1)

    assert not sockets.heard(SpinWaiter(awake=False))
    assert sockets.given_way == 0


def test_after_having_been_awake_in_vain_it_sleeps_at_once_for_a_while(sockets: Sockets) -> None:
    waiter = SpinWaiter(awake=True)

    tried = []
    for _ in range(RESTS + 2):
        assert not sockets.heard(waiter)
        tried.append(sockets.given_way > 0)

    assert tried == [True, *[False] * RESTS, True]


def test_as_long_as_that_pays_it_stays_awake(sockets: Sockets) -> None:
    waiter = SpinWaiter(awake=True)
    for _ in range(3):
        sockets.say_at(2)
        assert sockets.heard(waiter)
        sockets.here.recv(1)


@pytest.mark.parametrize("awake", [True, False])
def test_what_takes_longer_is_slept_for(sockets: Sockets, awake: bool) -> None:
    later = threading.Timer(0.05, sockets.there.send, [b"."])
    later.start()

    there = SpinWaiter(awake=awake).there(sockets.here.fileno(), EVENT_READ, 10.0)
    later.join()

    assert there


def test_either_of_two_events_is_enough(sockets: Sockets) -> None:
    either = EVENT_READ | EVENT_WRITE

    assert SpinWaiter(awake=False).there(sockets.here.fileno(), either, NOT_ASLEEP)


@pytest.mark.parametrize("spare", [True, False])
def test_who_is_told_nothing_stays_awake_where_there_is_something_to_spare(
    monkeypatch: pytest.MonkeyPatch, sockets: Sockets, spare: bool
) -> None:
    monkeypatch.setattr(spin_wait, "spinning_pays", lambda: spare)

    sockets.heard(SpinWaiter())

    assert (sockets.given_way > 0) is spare


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where it tells of two cores, and of control groups what a test writes there."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    monkeypatch.setattr(spin_wait, "OURS", tmp_path / "ours")
    monkeypatch.setattr(spin_wait, "CONTROL_GROUPS", tmp_path)
    return tmp_path


@pytest.mark.usefixtures("kernel")
def test_there_is_a_core_to_spare_where_there_are_several(monkeypatch: pytest.MonkeyPatch) -> None:
    assert spin_wait.spinning_pays()
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1})
    assert not spin_wait.spinning_pays()
    monkeypatch.delattr(os, "sched_getaffinity")  # as on macOS
    assert not spin_wait.spinning_pays()


@pytest.mark.parametrize(
    ("ours", "told", "spare"),
    [
        ("0::/", "", True),
        ("0::/", "cpu.max: max 100000", True),
        ("0::/", "cpu.max: 50000 100000", False),
        ("0::/system.slice/hookonce.service", "system.slice/cpu.max: 50000 100000", False),
        ("0::/of/the/host", "cpu.max: 50000 100000", False),
        ("0::/a:b", "a:b/cpu.max: max 100000", True),
        ("3:memory:/\n2:cpuacct,cpu:/a", "cpu/a/cpu.cfs_quota_us: 50000", False),
        ("3:memory:/\n2:cpu,cpuacct:/a", "cpu/a/cpu.cfs_quota_us: -1", True),
        ("3:memory:/a\n2:cpu:/", "cpu/a/cpu.cfs_quota_us: 50000", True),
    ],
)
def test_none_is_to_spare_where_its_time_is_rationed(
    kernel: Path, ours: str, told: str, spare: bool
) -> None:
    spin_wait.OURS.write_text(f"{ours}\n")
    if told:
        name, quota = told.split(": ")
        (kernel / name).parent.mkdir(parents=True, exist_ok=True)
        (kernel / name).write_text(f"{quota}\n")

    assert spin_wait.spinning_pays() is spare


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("ours", [b"garbage\n", b"\n", b"0::/\xff\n"])
def test_none_is_to_spare_where_that_cannot_be_told(ours: bytes) -> None:
    spin_wait.OURS.write_bytes(ours)

    assert not spin_wait.spinning_pays()


@pytest.mark.parametrize("unreadable", [Path.touch, Path.mkdir])
def test_none_is_to_spare_where_the_quota_cannot_be_read(
    kernel: Path, unreadable: Callable[[Path], None]
) -> None:
    spin_wait.OURS.write_text("0::/\n")
    unreadable(kernel / "cpu.max")

    assert not spin_wait.spinning_pays()
