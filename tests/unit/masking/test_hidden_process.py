"""A process whose variables are hidden keeps them itself, and so do the programs that it starts."""

import os
import subprocess
import sys

from tests.support.databases import ROOT

HIDE = """
import os, subprocess, sys
from app.masking import process
process.hide()
for name in ("THE_SECRET", "PATH"):
    in_c = subprocess.run(["printenv", name], stdout=subprocess.PIPE, text=True).stdout.strip()
    print(os.environ[name] == in_c, sys.argv[1:] == [name, in_c] or name == "PATH")
print("canary" in open("/proc/self/environ").read() if os.getuid() == 0 else False)
"""


def test_variables_that_are_hidden_are_still_passed_on() -> None:
    """A library in C, and a program that gets no list of its own, read the C library's variables.

    Erased in place, they would be empty there.
    """
    environment = {"PATH": os.environ["PATH"], "THE_SECRET": "canary", "PYTHONPATH": str(ROOT)}

    printed = subprocess.run(
        [sys.executable, "-c", HIDE, "THE_SECRET", "canary"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert printed.split() == ["True", "True", "True", "True", "False"]
