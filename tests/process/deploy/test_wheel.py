"""The wheel has everything that a machine without a checkout needs, and finds it anywhere."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from app.installation import migration_command
from tests.support.databases import ROOT
from tests.support.revisions import NAMES
from tests.support.service import LISTENING, environment, until

BUILD = (
    "import sys; sys.path.insert(0, 'deploy'); import build_backend; "
    "print(build_backend.build_wheel(sys.argv[1]))"
)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with the content of the wheel, as site-packages has it."""
    directory = tmp_path_factory.mktemp("installed")
    build = [sys.executable, "-c", BUILD, str(directory)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = directory.glob("hookonce-*.whl")
    zipfile.ZipFile(wheel).extractall(directory)
    return directory


def hookonce(installed: Path, cwd: Path, *arguments: str, **settings: str) -> tuple[int, str]:
    """Run the command of the installed package in another directory."""
    ended = subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        cwd=cwd,
        env=environment({"PYTHONPATH": str(installed), **settings}),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return ended.returncode, ended.stdout + ended.stderr


def test_migrate_creates_the_schema_from_any_directory(installed: Path, tmp_path: Path) -> None:
    url = {"DATABASE_URL": f"sqlite:///{tmp_path}/new.db"}
    before, named = hookonce(installed, tmp_path, "check", **url)

    migrated, said = hookonce(installed, tmp_path, "migrate", **url)
    after, _ = hookonce(installed, tmp_path, "check", **url)
    _, current = hookonce(installed, tmp_path, "migrate", "current", **url)

    assert (before, migrated, after) == (1, 0, 0), named + said
    assert "run `hookonce migrate`" in named
    assert f"{NAMES[-1]} (head)" in current


def test_serve_receives_with_our_configuration_from_any_directory(
    installed: Path, tmp_path: Path
) -> None:
    url = {"DATABASE_URL": f"sqlite:///{tmp_path}/new.db"}
    log = tmp_path / "log"
    with log.open("w") as output:
        serving = subprocess.Popen(
            [sys.executable, "-m", "app", "serve", "-b", "127.0.0.1:0", "-w", "1"],
            cwd=tmp_path,
            env=environment({"PYTHONPATH": str(installed), **url}),
            stderr=output,
        )
    try:
        until(lambda: "evt=serving" in log.read_text(), "a process that serves")
    finally:
        serving.terminate()

    assert serving.wait(120) == 0
    assert LISTENING.search(log.read_text())
    assert "Using worker: CooperativeWorker" in log.read_text()


def test_the_wheel_has_every_revision_and_no_cache(installed: Path) -> None:
    packed = sorted((installed / "app" / "packed" / "alembic" / "versions").glob("*.py"))
    in_tree = sorted((ROOT / "alembic" / "versions").glob("*.py"))

    assert [each.name for each in packed] == [each.name for each in in_tree]
    with zipfile.ZipFile(next(installed.glob("*.whl"))) as wheel:
        assert not [name for name in wheel.namelist() if "__pycache__" in name]


def test_a_checkout_names_alembic_itself() -> None:
    assert migration_command("upgrade head") == "alembic upgrade head"


@pytest.mark.parametrize("target", ["app.wsgi:application", "app.wsgi"])
def test_gunicorn_without_our_configuration_ends_with_one_sentence(
    target: str, tmp_path: Path
) -> None:
    ended = _gunicorn(tmp_path, target)

    assert ended.returncode == 4
    (sentence,) = [line for line in ended.stderr.splitlines() if line.startswith("Error:")]
    assert "without gunicorn.conf.py" in sentence
    assert "`hookonce serve`" in sentence
    assert "Traceback" not in ended.stderr


def test_gunicorn_with_our_configuration_takes_the_name_without_a_call(tmp_path: Path) -> None:
    shutil.copy(ROOT / "gunicorn.conf.py", tmp_path)

    ended = _gunicorn(tmp_path, "app.wsgi:application", "--config", "gunicorn.conf.py", stop=True)

    assert "evt=serving" in ended.stderr
    assert "evt=unconfigured" not in ended.stderr


def test_a_configuration_of_ones_own_serves_with_a_warning(tmp_path: Path) -> None:
    ended = _gunicorn(tmp_path, "app.wsgi:application()", stop=True)

    assert "evt=unconfigured" in ended.stderr
    assert "evt=serving" in ended.stderr


def _gunicorn(cwd: Path, *arguments: str, stop: bool = False) -> "subprocess.CompletedProcess[str]":
    """Run gunicorn in another directory to its end; `stop`: stop it once it serves."""
    log = cwd / "log"
    command = [sys.executable, "-m", "gunicorn", "-b", "127.0.0.1:0", "--no-control-socket"]
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, *arguments],
            cwd=cwd,
            env=environment({"DATABASE_URL": f"sqlite:///{cwd}/none.db"}),
            stderr=output,
            stdin=subprocess.DEVNULL,
        )
    try:
        if stop:
            until(lambda: "evt=serving" in log.read_text(), "a process that serves")
            process.terminate()
        return subprocess.CompletedProcess(command, process.wait(120), "", log.read_text())
    finally:
        if process.poll() is None:
            os.kill(process.pid, 9)
