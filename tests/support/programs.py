"""Programs of other packages that some tests need: skip without them, but not in CI."""

import os
import shutil
from typing import NoReturn

import pytest


def require(name: str, *, package: str) -> str:
    """Return the path of the program; skip without it, or fail if the environment requires it."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    if path is None:
        do_without(f"no {name} found", package=package)
    return path


def do_without(missing: str, *, package: str) -> NoReturn:
    """Skip the test, or fail if the environment requires what is missing."""
    sentence = f"{missing}: apt-get install {package}"
    if os.environ.get("TESTS_REQUIRE_DEPLOY"):
        pytest.fail(sentence)
    pytest.skip(sentence)
