"""A bare Debian, and the archive to install in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import bare_root
from tests.support.databases import ROOT


@pytest.fixture(scope="session")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bare_root.make_tarball(tmp_path_factory.mktemp("debian"))


@pytest.fixture(scope="session")
def archive() -> Path:
    """Return the archive of `make dist`."""
    bare_root.run(["make", "-s", "dist"], cwd=ROOT)
    return max((ROOT / "dist").glob("hookonce-*.tar.gz"), key=lambda each: each.stat().st_mtime)


@pytest.fixture
def root(tarball: Path) -> Iterator[Path]:
    """Yield the directory of a fresh root."""
    with bare_root.unpacked(tarball) as directory:
        yield directory
