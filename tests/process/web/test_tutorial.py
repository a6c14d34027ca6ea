"""The README, the tutorial and `make run` tell a newcomer to type what does as it is told."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.databases import ROOT
from tests.support.ledger import Ledger
from tests.support.service import COMMANDS, Gunicorn, Service

EXAMPLE = (ROOT / "docs" / "first-webhook.txt").read_text()
README = (ROOT / "README.md").read_text()
FIRST_EVENT = README.partition("\n## Three commands to the first event\n")[2].partition("\n## ")[0]
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text()
ADDRESS = "http://127.0.0.1:8000"
NEVER_THE_SAME = ("request_id=", "seconds=", "...")
TOOLS = ("bash", "curl", "openssl")
STEP = re.compile(r"^```sh\n(.*?)^```$(?:\n^```text\n(.*?)^```$)?", re.M | re.S)
"""A block to type, and what it prints if the next block says so."""


def here(text: str, gunicorn: Gunicorn, scripts: Path) -> str:
    """Return the text with this test's receiver, scripts and commands in it."""
    text = text.replace(".venv/bin/", f"{COMMANDS}/").replace("var/scripts", str(scripts))
    return text.replace(ADDRESS, f"http://127.0.0.1:{gunicorn.port}")


def printed_by(service: Service, gunicorn: Gunicorn, typed: str, shell: str = "sh") -> str:
    """Return what a shell prints to what is typed; no part of it may fail."""
    address = here(ADDRESS, gunicorn, Path())
    ended = service.run(str(shutil.which(shell)), "-ec", typed, HOOKONCE_PUBLIC_URL=address)
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


def test_the_example_that_make_run_prints_is_admitted_once_and_runs(
    service: Service, ledger: Ledger
) -> None:
    gunicorn, _worker = service.gunicorn(), service.worker()
    typed = "\n".join(line for line in EXAMPLE.splitlines() if line.startswith("  "))

    printed = printed_by(service, gunicorn, here(typed, gunicorn, ledger.directory))

    ledger.wait_until_done("first-1")
    assert printed.count('200 {"status": "ok"}\n') == 2
    assert printed.count("token ") == 1
    assert ledger.rows_by_key() == {"first-1": 1}
    assert ledger.all_completed()


@pytest.mark.skipif(not all(map(shutil.which, TOOLS)), reason=f"it is typed with {TOOLS}")
@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("page", [FIRST_EVENT, TUTORIAL], ids=["README", "tutorial"])
def test_the_commands_of_the_page_print_what_it_shows(
    service: Service, ledger: Ledger, page: str
) -> None:
    gunicorn, worker = service.gunicorn(), service.worker()
    *sending, (look, shown) = steps(here(page, gunicorn, ledger.directory))

    printed = printed_by(service, gunicorn, "\n".join(typed for typed, _ in sending), "bash")
    worker.wait_for("evt=attempt ")

    assert printed == "".join(output for _, output in sending)
    assert without_trailing_space(printed_by(service, gunicorn, look, "bash")) == shown
    logged = [set(line.split()) for line in (gunicorn.log() + worker.log()).splitlines()]
    for line in re.findall(r"^evt=.*$", page, re.M):
        words = {word for word in line.split() if not word.startswith(NEVER_THE_SAME)}
        assert any(words <= each for each in logged), line


def test_the_first_of_the_three_commands_starts_the_service() -> None:
    assert STEP.findall(FIRST_EVENT)[0] == ("make run\n", "")


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "docs" / "tutorial.md"])
def test_a_block_to_paste_has_no_prompt(page: Path) -> None:
    assert not re.search(r"^\s*[$#>] ", page.read_text().partition("```")[2], re.M)


def test_no_two_pages_create_a_trigger_of_the_same_name() -> None:
    names = re.findall(r"hookonce trigger add (\w+)", FIRST_EVENT + TUTORIAL + EXAMPLE)

    assert len(names) == len(set(names)) == 3


def steps(page: str) -> Iterator[tuple[str, str]]:
    """Yield each block to type with what it prints, except what starts or moves the service."""
    for typed, printed in STEP.findall(page):
        if not typed.startswith(("make run", "export ")):
            yield typed, printed


def without_trailing_space(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())
