"""The receiver starts only with the releases whose private parts it was written for."""

import subprocess
import sys
import tomllib

import pytest

from app.server import versions
from tests.support.databases import ROOT

CHECK_CONFIG_WITH = """
import sys
from importlib import metadata
from gunicorn.app.wsgiapp import run
installed = metadata.version
metadata.version = lambda name: {version!r} if name == {library!r} else installed(name)
sys.argv = ["gunicorn", "--check-config"]
run()
"""


@pytest.mark.parametrize(
    ("library", "version", "needed"),
    [
        ("gunicorn", "28.1.0", "gunicorn 27.0.x"),
        ("gunicorn", "27.9.0", "gunicorn 27.0.x"),
        ("psycopg", "3.30.1", "psycopg 3.3.x"),
    ],
)
def test_another_release_stops_the_start_with_one_sentence(
    library: str, version: str, needed: str
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", CHECK_CONFIG_WITH.format(library=library, version=version)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )

    sentence = f"Hookonce needs {needed}, whose private parts it uses; found {version}"
    assert (ended.returncode, ended.stdout) == (1, f"Error: {sentence}\n")


def test_pip_is_told_the_same_releases() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    libraries = {name.split("[")[0].split("~")[0]: name for name in project["dependencies"]}

    for library, release in versions.SUPPORTED.items():
        assert libraries[library].endswith(f"~={release}.0")
