"""The threads of a server process share a few malloc heaps, without large bodies."""

import subprocess
import sys

import pytest

from app.server.process_setup import MALLOC_ARENAS
from tests.support.databases import ROOT

HEAPS = """
import ctypes, os, sys, tempfile, threading
from app.server import process_setup
{}
libc = ctypes.CDLL(None)
if not hasattr(libc, "mallopt"):
    sys.exit("no glibc")
together = threading.Barrier(24)
def allocate():
    together.wait()
    held = [bytes(50_000) for _ in range(50)]
    together.wait()
threads = [threading.Thread(target=allocate) for _ in range(24)]
for thread in threads: thread.start()
for thread in threads: thread.join()
path = tempfile.mktemp().encode()
libc.fopen.restype = ctypes.c_void_p
file = libc.fopen(path, b"w")
libc.malloc_info(0, ctypes.c_void_p(file))
libc.fclose(ctypes.c_void_p(file))
print(open(path).read().count("<heap nr="))
os.unlink(path)
"""


def printed(program: str, first: str) -> int:
    command = [sys.executable, "-c", program.format(first)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if "no glibc" in ended.stderr:
        pytest.skip("only glibc has such heaps")
    return int(ended.stdout)


def test_threads_share_the_heaps_once_they_are_limited() -> None:
    assert printed(HEAPS, "") > MALLOC_ARENAS
    assert printed(HEAPS, "process_setup.limit_malloc()") <= MALLOC_ARENAS


MAPPED = """
import ctypes, sys
from app.server import process_setup
{}
libc = ctypes.CDLL(None)
if not hasattr(libc, "mallinfo2"):
    sys.exit("no glibc")
class Usage(ctypes.Structure):
    _fields_ = [(str(number), ctypes.c_size_t) for number in range(10)]
libc.mallinfo2.restype = Usage
mapped = lambda: getattr(libc.mallinfo2(), "4")  # hblkhd, the bytes of mapped blocks
larger = bytearray(8_000_000)
del larger
before = mapped()
kept = bytearray(2_000_000)
print(mapped() - before)
"""


def test_a_large_block_is_mapped_by_itself_also_after_a_larger_one() -> None:
    assert printed(MAPPED, "") == 0
    assert printed(MAPPED, "process_setup.limit_malloc()") >= 2_000_000
