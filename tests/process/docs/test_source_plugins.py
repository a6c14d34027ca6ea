"""The example of docs/sources/plugins.md is installed, receives webhooks, and fails as it says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.databases import ROOT
from tests.support.ledger import Ledger
from tests.support.service import Service

PAGE = (ROOT / "docs" / "sources" / "plugins.md").read_text()
FILES = re.findall(r"^`hookonce-acme/([\w.]+)`:\n```\w+\n(.*?)^```", PAGE, re.M | re.S)
ADD = (
    *("hookonce", "trigger", "add", "orders", "--source", "acme"),
    *("--action", "noop", "--payload", "orders"),
)
EVENT = '{"kind": "paid", "id": "a-1"}'


@pytest.fixture(scope="module")
def kind() -> str:
    """Use SQLite: a source does not depend on the database."""
    return "sqlite"


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """Install the page's example as it says, but into a directory of this test alone."""
    source, into = tmp_path / "hookonce-acme", tmp_path / "packages"
    source.mkdir()
    for name, text in FILES:
        (source / name).write_text(text)
    install = ["pip", "install", "-q", "--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([sys.executable, "-m", *install, "--target", into, source], check=True)
    return into


@pytest.fixture
def environment(packages: Path) -> dict[str, str]:
    return {"PYTHONPATH": os.pathsep.join([str(packages), str(ROOT)])}


def test_a_source_of_another_package_receives_webhooks(
    service: Service, ledger: Ledger, environment: dict[str, str]
) -> None:
    gunicorn = service.gunicorn(workers=1, **environment)
    environment["HOOKONCE_PUBLIC_URL"] = f"http://127.0.0.1:{gunicorn.port}"
    send = ("hookonce", "trigger", "send", "orders", "--data")

    shown = service.run("hookonce", "source", "show", "acme", **environment)
    added = service.run(*ADD, **environment)
    sent = [service.run(*send, EVENT, **environment) for _ in range(2)]
    broken = service.run(*send, "[]", **environment)

    assert "HMAC-SHA256 over {timestamp}.{body}" in shown.stdout
    assert "key_from     provider" in added.stdout
    assert [each.returncode for each in sent] == [0, 0], sent[0].stdout
    assert ledger.rows_by_key() == {"a-1": 1}
    assert "503" in broken.stdout
    assert "source_failed" in gunicorn.log()


def test_a_source_that_cannot_be_loaded_refuses_a_trigger_with_a_sentence(
    service: Service, packages: Path, environment: dict[str, str]
) -> None:
    (packages / "hookonce_acme.py").write_text("raise RuntimeError('of no use')")

    added = service.run(*ADD, **environment)
    listed = service.run("hookonce", "source", "list", **environment)

    sentence = "the source 'acme' of hookonce_acme cannot be used: RuntimeError: of no use"
    assert added.returncode == 1
    assert sentence in added.stdout
    assert sentence in listed.stdout
