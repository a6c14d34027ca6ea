"""Build the wheel with flit, with the revisions and configurations in the package.

flit packs one directory, and these files are outside it. app/installation.py finds them.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flit_core import buildapi
from flit_core.buildapi import (  # noqa: F401, the rest of the interface is flit's own
    build_editable,
    build_sdist,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

PROJECT = ("pyproject.toml", "README.md")
PACKED = ("alembic", "alembic.ini", "gunicorn.conf.py")
_NOT_CACHES = shutil.ignore_patterns("__pycache__")


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    """Build the wheel from a copy of the tree that has the packed files in `app/packed`."""
    destination = os.path.abspath(wheel_directory)
    with _arranged_copy():
        return buildapi.build_wheel(destination, config_settings, metadata_directory)


@contextmanager
def _arranged_copy() -> Iterator[None]:
    """Work in a temporary copy of the tree, arranged as the wheel needs it."""
    checkout = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="hookonce-wheel-") as directory:
        copy = Path(directory)
        for name in PROJECT:
            shutil.copy(checkout / name, copy / name)
        shutil.copytree(checkout / "app", copy / "app", ignore=_NOT_CACHES)
        for name in PACKED:
            _copy(checkout / name, copy / "app" / "packed" / name)
        os.chdir(copy)
        try:
            yield
        finally:
            os.chdir(checkout)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=_NOT_CACHES)
    else:
        shutil.copy(source, target)
