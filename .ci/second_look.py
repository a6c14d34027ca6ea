"""Run a few failed tests once more, alone, so that a pause of the machine refuses no change.

    python .ci/second_look.py STATUS

STATUS is the exit status of the run that left them in pytest's cache. A test of the promise itself
has no second chance, nor have more than three tests: that many did not fail by accident. Each one
that passes now is named, so that its cause can be found.
"""

import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support.thorough import ON_BOTH

MOST = 3
TESTS_FAILED = 1
"""pytest's exit status if every test ran and some failed."""
FAILED = Path(".pytest_cache/v/cache/lastfailed")


def main() -> int:
    """Return 0 if every test that failed may run again and passes now, otherwise STATUS."""
    status = int(sys.argv[1])
    if status != TESTS_FAILED or not FAILED.exists():
        return status
    tests = list(json.loads(FAILED.read_text()))
    if len(tests) > MOST or any(_keeps_the_promise(test) for test in tests):
        return status
    print(f"\nOnce more, alone: {', '.join(tests)}", flush=True)
    command = [sys.executable, "-m", "pytest", "--randomly-seed=last", *tests]
    if subprocess.run(command, check=False).returncode:
        return status
    print(f"UNSTEADY: failed beside other tests and passed alone: {', '.join(tests)}", flush=True)
    return 0


def _keeps_the_promise(test: str) -> bool:
    return test.removeprefix("tests/").startswith(ON_BOTH)


if __name__ == "__main__":
    sys.exit(main())
