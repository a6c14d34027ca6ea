"""Build the archive of `make dist`: everything that a machine without a package index needs.

It has our wheel, the wheels of the lock file, install.sh, the revisions, the configurations, docs/
and deploy/. The wheels fit the Python and the platform that this runs on; its name has both.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from app import __version__  # noqa: E402, the tree that is packed, not an installed one

LOCK = "requirements/run.lock"
FILES = ("README.md", "CHANGELOG.md", "alembic.ini", "gunicorn.conf.py", "Procfile", LOCK)
DIRECTORIES = ("alembic", "deploy", "docs")
PYTHON = "{}.{}".format(*sys.version_info)
PLATFORM = sysconfig.get_platform()
NAME = f"hookonce-{__version__}"
ARCHIVE = f"{NAME}-cp{PYTHON.replace('.', '')}-{PLATFORM.replace('-', '_')}.tar.gz"


def main() -> None:
    """Write the archive into dist/ of the checkout and print its path."""
    with tempfile.TemporaryDirectory(prefix="hookonce-dist-") as directory:
        content = Path(directory) / NAME
        _copy_files(content)
        _fetch_wheels(content / "wheels")
        archive = ROOT / "dist" / ARCHIVE
        archive.parent.mkdir(exist_ok=True)
        partial = archive.with_suffix(f".partial-{os.getpid()}")  # nobody must find half of it
        with tarfile.open(partial, "w:gz", compresslevel=1) as packed:  # wheels are compressed
            packed.add(content, NAME, filter=_of_root)
        partial.replace(archive)
    print(archive)  # noqa: T201, the answer of the command


def _copy_files(content: Path) -> None:
    for name in FILES:
        (content / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, content / name)
    for name in DIRECTORIES:
        caches = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, content / name, ignore=caches)
    shutil.move(content / "deploy" / "install.sh", content / "install.sh")
    (content / "built-for").write_text(f"{PYTHON} {PLATFORM}\n")


def _fetch_wheels(wheels: Path) -> None:
    """Fetch the locked wheels, each checked against its hash, and build our own."""
    locked = ("--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", str(ROOT / LOCK))
    _pip("download", "--dest", str(wheels), *locked)
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), str(ROOT))


def _pip(command: str, *arguments: str) -> None:
    quietly = ("--quiet", "--disable-pip-version-check", "--no-input")
    subprocess.run([sys.executable, "-m", "pip", command, *quietly, *arguments], check=True)


def _of_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Leave the user who built the archive out of it."""
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    return member


if __name__ == "__main__":
    main()
