"""After large requests the holes in malloc's heaps are given back, at most once a second."""

import subprocess
import sys

import pytest

from app.server.heap import TRIM_SECONDS, HeapTrimmer
from tests.support.databases import ROOT

HOLES = """
from pathlib import Path
from app.server import heap, limit_malloc
limit_malloc()

def pages():
    return int(Path("/proc/self/statm").read_text().split()[1])

blocks = [bytes(100_000) for _ in range(200)]
kept = blocks[9::10]
del blocks
before = pages()
heap.trim()
print(before - pages())
"""


class Clock:
    """A clock that a test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_heaps_are_trimmed_after_large_requests_and_once_a_second() -> None:
    clock, trims = Clock(), []
    heap = HeapTrimmer(lambda: trims.append(clock.now), clock)

    for moment, is_large in (
        (100, False),
        (100.1, True),
        (100.2, True),
        (101.2, False),
        (109, False),
    ):
        clock.now = moment
        if is_large:
            heap.note_large()
        heap.trim_if_due()

    assert trims == [100.1, 101.2]
    assert TRIM_SECONDS == 1.0


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc has malloc_trim")
def test_a_trim_returns_the_holes_of_large_blocks() -> None:
    command = [sys.executable, "-c", HOLES]
    freed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert int(freed) > 2_000  # pages of 4 KiB, of 18 MB in holes
