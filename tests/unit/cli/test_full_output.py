"""Output that cannot be written ends a command with a sentence."""

import subprocess
import sys

import pytest

from tests.support.databases import ROOT


@pytest.mark.parametrize(
    "arguments", [("trigger", "fields"), ("--help",), ("trigger", "fields", "--write", "/no/file")]
)
def test_a_full_disk_behind_the_output_is_one_sentence(arguments: tuple[str, ...]) -> None:
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "app", *arguments],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )

    assert ended.returncode == 1
    assert ended.stderr in (
        "Error: No space left on device\n",
        "Error: No such file or directory: /no/file\n",
    )
