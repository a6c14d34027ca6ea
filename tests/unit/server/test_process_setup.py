"""The threads of a server process share a few malloc heaps."""

import subprocess
import sys

import pytest

from app.server.process_setup import MALLOC_ARENAS
from tests.support.databases import ROOT

PROGRAM = """
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


def heaps(first: str) -> int:
    command = [sys.executable, "-c", PROGRAM.format(first)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if "no glibc" in ended.stderr:
        pytest.skip("only glibc has such heaps")
    return int(ended.stdout)


def test_threads_share_the_heaps_once_they_are_limited() -> None:
    assert heaps("") > MALLOC_ARENAS
    assert heaps("process_setup.limit_malloc_arenas()") <= MALLOC_ARENAS
