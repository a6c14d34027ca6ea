"""Documentation that begins with a question word is named, and an exception needs a reason."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.databases import ROOT

CHECK = ROOT / ".ci" / "plain_words.py"


def checked(path: Path) -> tuple[int, str]:
    done = subprocess.run([sys.executable, CHECK, path], capture_output=True, text=True)
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    "text",
    [
        '"""Whose lease expired?"""',
        'def lease() -> None:\n    """How long it lasts."""',
        'class Lease:\n    """What a worker holds."""',
        'SECONDS = 1\n"""how long it lasts"""',
        'option("--limit", help="How many at most.")',
        'option("--limit", help=f"Where {1} is.")',
        '"""Whether it is due."""  # plain-words:',
        '"""Renew the leases. What expired is another\'s."""',
        '"""Renew the leases; who died has lost his."""',
        '"""Renew the leases.\n\nWhatever expired is lost.\n"""',
    ],
    ids=[
        *("module", "function", "class", "constant", "help", "formatted help", "no reason"),
        *("later sentence", "half a sentence", "paragraph"),
    ],
)
def test_a_question_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "riddle.py"
    path.write_text(text)

    status, said = checked(path)

    assert status == 1
    assert said.startswith(f"{path}:")


@pytest.mark.parametrize(
    "text",
    [
        '"""Renew the leases of this worker."""',
        '"""Howitzers are no question."""',
        'words = "What a plain string says is not documentation."',
        '"""Renew the leases. Where one expired, another worker has it."""',
        '"""Why is a question asked here?"""  # plain-words: the next sentence answers it',
    ],
    ids=["statement", "longer word", "string", "condition", "reason"],
)
def test_a_statement_and_a_reasoned_exception_pass(tmp_path: Path, text: str) -> None:
    path = tmp_path / "plain.py"
    path.write_text(text)

    assert checked(path)[0] == 0
