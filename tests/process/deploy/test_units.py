"""The units of deploy/systemd are valid and hardened, as systemd-analyze measures it."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.support.databases import ROOT
from tests.support.programs import require

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
        timeout=60,
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


@pytest.mark.parametrize("file", ["compose.sqlite.yml", "compose.postgresql.yml"])
def test_each_container_of_ours_is_read_only_and_without_rights(file: str) -> None:
    composed = yaml.safe_load((ROOT / "deploy" / "container" / file).read_text())

    ours = {name: each for name, each in composed["services"].items() if "image" in each}
    ours.pop("postgres", None)
    assert set(ours) == {"migrate", "receiver", "worker"}
    for service in ours.values():
        assert service["image"] == "hookonce"
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    for service in composed["services"].values():
        assert {_source(each) for each in service.get("secrets", [])} <= set(composed["secrets"])


def _source(secret: str | dict[str, str]) -> str:
    return secret if isinstance(secret, str) else secret["source"]


def test_prometheus_scrapes_the_address_of_the_socket() -> None:
    scraped = yaml.safe_load((ROOT / "deploy" / "prometheus" / "hookonce.yml").read_text())
    (job,) = scraped["scrape_configs"]
    (target,) = job["static_configs"][0]["targets"]

    assert f"ListenStream={target}\n" in (UNITS / "hookonce.socket").read_text()
