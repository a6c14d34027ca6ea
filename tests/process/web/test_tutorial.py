"""What a stranger is told to type, by the README and by `make run`, does what is said of it."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.databases import ROOT
from tests.support.ledger import Ledger
from tests.support.service import COMMANDS, Gunicorn, Service

EXAMPLE = (ROOT / "docs" / "first-webhook.txt").read_text()
TUTORIAL = (ROOT / "README.md").read_text().partition("\n## Tutorial\n")[2].partition("\n## ")[0]
ADDRESS = "http://127.0.0.1:8000"
NEVER_THE_SAME = ("request_id=", "seconds=", "...")
TOOLS = ("bash", "curl", "openssl")


def here(text: str, gunicorn: Gunicorn, scripts: Path) -> str:
    """The same of this test's receiver, scripts and commands."""
    text = text.replace(".venv/bin/", f"{COMMANDS}/").replace("var/scripts", str(scripts))
    return text.replace(ADDRESS, f"http://127.0.0.1:{gunicorn.port}")


def said(service: Service, gunicorn: Gunicorn, typed: str, shell: str = "sh") -> str:
    """What a shell prints to what is typed, of which nothing may fail."""
    address = here(ADDRESS, gunicorn, Path())
    ended = service.run(str(shutil.which(shell)), "-ec", typed, HOOKONCE_PUBLIC_URL=address)
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


def test_the_example_that_make_run_prints_is_admitted_once_and_runs(
    service: Service, ledger: Ledger
) -> None:
    gunicorn, _worker = service.gunicorn(), service.worker()
    typed = "\n".join(line for line in EXAMPLE.splitlines() if line.startswith("  "))

    printed = said(service, gunicorn, here(typed, gunicorn, ledger.directory))

    ledger.wait_until_done("demo-1")
    assert printed.count('200 {"status": "ok"}\n') == 2
    assert printed.count("token ") == 1
    assert ledger.rows_by_key() == {"demo-1": 1}
    assert ledger.all_completed()


@pytest.mark.skipif(not all(map(shutil.which, TOOLS)), reason=f"it is typed with {TOOLS}")
@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_the_tutorial_prints_what_it_says(service: Service, ledger: Ledger) -> None:
    gunicorn, worker = service.gunicorn(), service.worker()
    *sending, (look, seen) = steps(here(TUTORIAL, gunicorn, ledger.directory))

    printed = said(service, gunicorn, "\n".join(command for command, _ in sending), "bash")
    worker.wait_for("evt=attempt ")

    assert printed == "".join(output for _, output in sending)
    assert said(service, gunicorn, look, "bash") == seen
    logged = [set(line.split()) for line in (gunicorn.log() + worker.log()).splitlines()]
    for line in re.findall(r"^evt=.*$", TUTORIAL, re.M):
        words = {word for word in line.split() if not word.startswith(NEVER_THE_SAME)}
        assert any(words <= each for each in logged), line


def steps(text: str) -> Iterator[tuple[str, str]]:
    """Each command, which begins with `$ ` and may go on in the next line, and what it prints."""
    blocks = "".join(re.findall(r"^```\n(\$ .*?)^```$", text, re.M | re.S))
    for step in re.split(r"^\$ ", blocks, flags=re.M)[1:]:
        command = re.match(r"(.*\\\n)*.*\n", step)
        assert command
        yield command[0].rstrip("\n"), step.removeprefix(command[0])
