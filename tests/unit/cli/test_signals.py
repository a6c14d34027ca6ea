"""A Stop set by a signal is seen by every waiting thread, at any moment of a wait."""

import itertools
import subprocess
import sys
import threading
import time
from queue import Empty

import pytest

from app.cli.signals import LONGEST_WAIT_SECONDS, Stop
from tests.support.databases import ROOT
from tests.support.thorough import some

DEADLINE_SECONDS = 120.0
SIGNALLED = """
import os, random, signal, threading
from contextlib import nullcontext
from app.cli.signals import Stop
from app.cli.signals import until_interrupted
from app.cli.worker import stop_on_signal

def alone():
    stop = Stop()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    return stop

for _ in range(100):
    with {made} as stop:
        soon = random.uniform(0, 1e-3)
        threading.Timer(soon, os.kill, (os.getpid(), signal.SIGTERM)).start()
        while not stop.is_set():
            stop.wait({seconds})
        assert stop.wait(0.0)
"""
STOPS = ["nullcontext(alone())", "nullcontext(stop_on_signal())", "until_interrupted()"]


@pytest.mark.parametrize(
    ("seconds", "made"), some(list(itertools.product([0.0, 1e-4, 60.0], STOPS)), one_in=4)
)
def test_a_signal_is_heard_at_whichever_moment_of_a_wait_it_comes(
    made: str, seconds: float
) -> None:
    program = SIGNALLED.format(made=made, seconds=seconds)
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=DEADLINE_SECONDS)


def test_all_who_wait_hear_of_it() -> None:
    stop = Stop()
    heard: list[bool] = []
    waiting = [
        threading.Thread(target=lambda: heard.append(stop.wait(DEADLINE_SECONDS))) for _ in range(3)
    ]
    for each in waiting:
        each.start()

    stop.set()
    began = time.monotonic()
    for each in waiting:
        each.join()

    assert heard == [True] * 3
    assert time.monotonic() - began < DEADLINE_SECONDS / 2


def test_who_is_not_told_waits_as_long_as_it_would() -> None:
    stop = Stop()
    began = time.monotonic()

    assert not stop.wait(0.05)
    assert not stop.wait(-1.0)
    assert not stop.is_set()
    assert time.monotonic() - began >= 0.05


def test_a_signal_that_comes_just_before_a_wait_is_heard_soon() -> None:
    stop, timeouts = Stop(), []

    class Asleep:
        """The queue as a thread sees it whose signal is handled only once its wait ends."""

        def get(self, timeout: float) -> None:
            timeouts.append(timeout)
            stop._is_set = True
            raise Empty

    stop._wake_up = Asleep()  # type: ignore[assignment]

    assert stop.wait(60.0)
    assert timeouts == [pytest.approx(LONGEST_WAIT_SECONDS)]
