"""Programs of other packages that some tests need: skip without them, but not in CI."""

import os
import shutil

import pytest


def require(name: str, *, package: str) -> str:
    """Return the path of the program; skip without it, or fail if the environment requires it."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    if path is not None:
        return path
    missing = f"no {name} found: apt-get install {package}"
    if os.environ.get("TESTS_REQUIRE_DEPLOY"):
        pytest.fail(missing)
    pytest.skip(missing)
