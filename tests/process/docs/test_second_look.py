"""CI runs a few tests that failed once more, and lets no other failure pass."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / ".ci" / "second_look.py"
SOUND, RED = "tests/test_it.py::test_sound", "tests/test_it.py::test_red"
SOUND_ONES = [f"{SOUND}_{number}" for number in range(4)]
TESTS = "def test_red(): raise ValueError\n\ndef test_sound(): pass\n" + "".join(
    f"\ndef test_sound_{number}(): pass\n" for number in range(4)
)
PROMISE = "tests/integration/worker/test_claim.py::test_sound"


@pytest.mark.parametrize(
    ("failed", "status", "expected"),
    [
        ([SOUND], 1, 0),
        ([SOUND, RED], 1, 1),
        (SOUND_ONES[:3], 1, 0),
        (SOUND_ONES, 1, 1),
        ([PROMISE], 1, 1),
        ([SOUND], 3, 3),
        ([], 2, 2),
    ],
    ids=[
        "passes",
        "fails again",
        "three pass",
        "too many",
        "of the promise",
        "incomplete run",
        "other error",
    ],
)
def test_only_a_few_tests_that_pass_alone_are_let_pass(
    tmp_path: Path, failed: list[str], status: int, expected: int
) -> None:
    for module in {each.partition("::")[0] for each in (SOUND, PROMISE)}:
        file = tmp_path / module
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(TESTS)
    cache = tmp_path / ".pytest_cache" / "v" / "cache"
    cache.mkdir(parents=True)
    (cache / "lastfailed").write_text(json.dumps(dict.fromkeys(failed, True)))

    command = [sys.executable, str(SCRIPT), str(status)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    assert done.returncode == expected, done.stdout + done.stderr
    assert ("UNSTEADY" in done.stdout) == (expected == 0)
