"""The units of deploy/systemd are valid and hardened, as systemd-analyze measures it."""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from tests.support.databases import ROOT, migrate
from tests.support.programs import require
from tests.support.service import COMMANDS, environment

UNITS = ROOT / "deploy" / "systemd"
SERVICES = (
    "hookonce-receiver@1.service",
    "hookonce-worker.service",
    "hookonce-migrate.service",
    "hookonce-backup.service",
)
HIGHEST_EXPOSURE = 3.0


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """Return a copy of the units whose program and user exist on this machine."""
    require("systemd-analyze", package="systemd")
    for unit in UNITS.glob("*.*"):
        text = re.sub(r"(?<==)/srv/hookonce/\S+", "/bin/true", unit.read_text())
        text = text.replace("=hookonce\n", "=daemon\n").replace("StateDirectory=daemon", "")
        (tmp_path / unit.name.replace("@.", "@1.")).write_text(text)
    return tmp_path


def _analyze(directory: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["systemd-analyze", *arguments],
        cwd=directory,
        env=os.environ | {"SYSTEMD_COLORS": "0", "SYSTEMD_UNIT_PATH": f"{directory}:"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_systemd_finds_no_mistake_in_the_units(units: Path) -> None:
    verified = _analyze(units, "verify", *(each.name for each in units.iterdir()))

    ours = [line for line in verified.stderr.splitlines() if "hookonce" in line]
    assert (verified.returncode, ours) == (0, [])


@pytest.mark.parametrize("service", SERVICES)
def test_the_exposure_of_each_service_is_below_3(units: Path, service: str) -> None:
    measured = _analyze(units, "security", "--offline=yes", service)

    level = re.search(r"exposure level for \S+: ([\d.]+)", measured.stdout)
    assert level, measured.stdout + measured.stderr
    assert float(level[1]) < HIGHEST_EXPOSURE


def test_a_misspelt_directive_is_found(units: Path) -> None:
    broken = units / "hookonce-worker.service"
    broken.write_text(broken.read_text().replace("Restart=always", "Restrat=always"))

    assert "Restrat" in _analyze(units, "verify", broken.name).stderr


@pytest.mark.parametrize("script", ["rolling-restart", "hookonce", "backup"])
def test_the_scripts_can_be_read_by_a_plain_shell(script: str) -> None:
    shell = shutil.which("sh")
    assert shell

    read = subprocess.run([shell, "-n", UNITS / script], check=False, capture_output=True)

    assert (read.returncode, read.stderr) == (0, b"")
    assert os.access(UNITS / script, os.X_OK)


@pytest.mark.parametrize(
    "line",
    ["A=x y", " A=x y", "\tA = x y ", "A= 'x y'", 'A="x y"', "# B=1\n;C=2\nexport B=1\nA=x y"],
)
def test_the_command_reads_the_settings_as_systemd_does(line: str, tmp_path: Path) -> None:
    (tmp_path / "environment").write_text(f"{line}\n")
    script = (UNITS / "hookonce").read_text().replace("/etc/hookonce", str(tmp_path))
    script = script.replace("/var/lib/hookonce", str(tmp_path))
    read, _, _ = script.partition("exec setpriv")

    ran = subprocess.run(
        ["sh", "-c", f"{read}exec env"], env={"PATH": os.defpath}, capture_output=True, text=True
    )

    assert ran.returncode == 0, ran.stderr
    assert "A=x y" in ran.stdout.splitlines()
    assert not re.search("^[BC]=", ran.stdout, re.M)


@pytest.mark.parametrize("file", ["compose.sqlite.yml", "compose.postgresql.yml"])
def test_each_container_of_ours_is_read_only_and_without_rights(file: str) -> None:
    composed = yaml.safe_load((ROOT / "deploy" / "container" / file).read_text())

    ours = {name: each for name, each in composed["services"].items() if "image" in each}
    ours.pop("postgres", None)
    assert set(ours) == {"migrate", "receiver", "worker"}
    for service in ours.values():
        assert service["image"] == "hookonce"
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert service["pull_policy"] == "never"
    for name, service in composed["services"].items():
        if name != "postgres":  # its entry point changes the user
            assert service["security_opt"] == ["no-new-privileges:true"]
    for service in composed["services"].values():
        assert {_source(each) for each in service.get("secrets", [])} <= set(composed["secrets"])


@pytest.mark.parametrize("file", ["compose.sqlite.yml", "compose.postgresql.yml"])
def test_the_image_has_the_directory_of_scripts_that_the_containers_name(file: str) -> None:
    """A new volume is filled from it; without one each start of a worker logs a warning."""
    composed = yaml.safe_load((ROOT / "deploy" / "container" / file).read_text())
    steps = (ROOT / "deploy" / "container" / "Containerfile").read_text()

    made = re.findall(r"^RUN install -d -o hookonce -g hookonce (.*)$", steps, re.M)

    named = composed["services"]["worker"]["environment"]["HOOKONCE_SCRIPTS_DIR"]
    assert named in made[0].split()


def test_no_container_waits_for_the_socket_of_a_database_that_is_being_made() -> None:
    """PostgreSQL's image starts a server without TCP to create the database."""
    composed = yaml.safe_load((ROOT / "deploy/container/compose.postgresql.yml").read_text())

    assert "--host=127.0.0.1" in composed["services"]["postgres"]["healthcheck"]["test"]


def _made(path: Path, days: int) -> Path:
    path.touch()
    at = time.time() - days * 86_400
    os.utime(path, (at, at))
    return path


@pytest.mark.parametrize("is_possible", [True, False])
def test_the_nightly_backup_removes_what_is_old_only_after_it_succeeded(
    tmp_path: Path, is_possible: bool
) -> None:
    url = f"sqlite:///{tmp_path}/hooks.db"
    if is_possible:
        migrate(url)
    backups = tmp_path / "backups"
    backups.mkdir()
    old, lately = (_made(backups / f"hookonce-{days}.db", days) for days in (20, 2))
    killed = _made(backups / "hookonce-killed.db.partial", 3)
    now = _made(backups / "hookonce-now.db.partial", 0)
    script = (UNITS / "backup").read_text()
    script = script.replace("/srv/hookonce/current/.venv/bin", str(COMMANDS))

    ran = subprocess.run(
        ["sh", "-c", script.replace("/var/backups/hookonce", str(backups))],
        env=environment({"DATABASE_URL": url}),
        check=False,
    )

    assert (ran.returncode == 0) is is_possible
    assert old.exists() is not is_possible
    assert (lately.exists(), killed.exists(), now.exists()) == (True, False, True)
    assert len(list(backups.glob("*.db"))) == 2


def _source(secret: str | dict[str, str]) -> str:
    return secret if isinstance(secret, str) else secret["source"]


def test_prometheus_scrapes_the_address_of_the_socket() -> None:
    scraped = yaml.safe_load((ROOT / "deploy" / "prometheus" / "hookonce.yml").read_text())
    (job,) = scraped["scrape_configs"]
    (target,) = job["static_configs"][0]["targets"]

    assert f"ListenStream={target}\n" in (UNITS / "hookonce.socket").read_text()
