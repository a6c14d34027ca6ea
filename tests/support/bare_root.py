"""A bare Debian made by mmdebstrap, and commands in it: nothing of this machine is in their way."""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import memory_backed
from tests.support.databases import ROOT
from tests.support.programs import require

PACKAGES = "python3-venv,make,ca-certificates,curl,nginx-light,openssl,systemd-sysv,dbus,logrotate"
SOURCES = ("/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list")
MADE_BEFORE = os.environ.get("TESTS_BARE_ROOT")
"""Tarball of such a root, to save the minutes of making one; CI makes it."""
WITHOUT_NAMESPACES = bool(os.environ.get("TESTS_WITHOUT_NAMESPACES"))
"""True if the tests are to be left out on a machine that gives no namespaces."""
IN_NAMESPACES = ("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Path of a new Debian."""
SECONDS = 600
needed = pytest.mark.skipif(
    not (MADE_BEFORE or os.environ.get("TESTS_REQUIRE_DEPLOY")),
    reason="makes a Debian root: set TESTS_REQUIRE_DEPLOY=1, or TESTS_BARE_ROOT to a tarball",
)


def require_namespaces() -> None:
    """Fail with the kernel's reason if this user gets no namespaces; skip where that is accepted.

    A test that was asked for and is skipped would look like one that passed.
    """
    tried = subprocess.run([*IN_NAMESPACES, "true"], check=False, capture_output=True, text=True)
    if not tried.returncode:
        return
    sentence = f"this machine gives this user no namespaces: {tried.stderr.strip()}"
    if WITHOUT_NAMESPACES:
        pytest.skip(sentence)
    pytest.fail(f"{sentence}; set TESTS_WITHOUT_NAMESPACES=1 to leave these tests out")


def make_tarball(directory: Path) -> Path:
    """Return the tarball of a minimal Debian with the packages above and nothing of ours."""
    require_namespaces()
    if MADE_BEFORE:
        return Path(MADE_BEFORE)
    made = directory / "root.tar"
    sources = next(each for each in SOURCES if os.path.exists(each))
    options = ["--variant=minbase", "--dpkgopt=force-unsafe-io", f"--include={PACKAGES}"]
    mmdebstrap = require("mmdebstrap", package="mmdebstrap")
    make = [mmdebstrap, *options, _codename(), str(made), sources]
    try:
        run(make)
    except AssertionError:  # a mirror that failed once
        made.unlink(missing_ok=True)
        run(make)
    return made


@contextmanager
def unpacked(tarball: Path) -> Iterator[Path]:
    """Yield a fresh root, in memory if there is enough, with the host name of the deploy guide."""
    with tempfile.TemporaryDirectory(
        dir=memory_backed.directory(), prefix="hookonce-root-", ignore_cleanup_errors=True
    ) as directory:
        root = Path(directory) / "root"
        root.mkdir()
        run(["tar", "--extract", "--file", str(tarball), "--directory", str(root)])
        (root / "etc" / "hosts").write_text("127.0.0.1 localhost hooks.example.com\n")
        yield root


def _codename() -> str:
    release = Path("/etc/os-release").read_text()
    named = re.search(r"^VERSION_CODENAME=(\w+)", release, re.M)
    assert named, release
    return named[1]


def run(command: list[str], **options: object) -> str:
    """Run a command on this machine, which must succeed; return its output."""
    ended = subprocess.run(  # type: ignore[call-overload]
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
        **options,
    )
    assert ended.returncode == 0, f"{command}\n{ended.stdout[-6000:]}"
    return str(ended.stdout)


def commands(page: str, *headings: str) -> list[str]:
    """Return the blocks of shell commands in the sections of the page, as they are printed."""
    text = (ROOT / page).read_text()
    sections = [text.split(f"\n## {heading}\n")[1].split("\n## ")[0] for heading in headings]
    return [block for each in sections for block in re.findall(r"```sh\n(.*?)```", each, re.DOTALL)]
