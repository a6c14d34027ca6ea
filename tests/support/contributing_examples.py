"""Apply an example of CONTRIBUTING.md to a copy of this tree, as a person who follows it would."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.support.databases import ROOT
from tests.support.revisions import NAMES

PAGE = ROOT / "CONTRIBUTING.md"
COPIED = ("app", "alembic", "alembic.ini", "docs", "pyproject.toml", "tests", "README.md")
BLOCK = re.compile(r"^(?:(New file|In) `([^`]+)`:\n)?```(\w+)\n(.*?)^```$", re.M | re.S)
LONGEST_SECONDS = 600.0
"""Seconds after which a command is given up; a busy machine takes minutes for all examples."""
EXAMPLE_REVISIONS = ("0022", "0021", "0020")
"""Numbers in the examples: two new revisions and the head; in the copy they follow today's head."""


def section(title: str) -> str:
    """Return the text under a heading, up to the next heading of any level."""
    heading = rf"^#+ {re.escape(title)}\n(.*?)(?=^#+ |\Z)"
    found = re.search(heading, _outside_code(), re.M | re.S)
    assert found, f"CONTRIBUTING.md has no section {title!r}"
    text = PAGE.read_text()[found.start(1) : found.end(1)]
    for number, ahead in zip(EXAMPLE_REVISIONS, (2, 1, 0), strict=True):
        text = text.replace(number, f"{int(NAMES[-1]) + ahead:04}")
    return re.sub(rf"^ - `{NAMES[-1]}` .*$", lambda _: f" {_story_of_head()}", text, flags=re.M)


def _story_of_head() -> str:
    """Return the line of today's head in the history, which an example's new line follows."""
    found = re.search(rf"^- `{NAMES[-1]}` .*$", (ROOT / "alembic" / "README.md").read_text(), re.M)
    assert found, "alembic/README.md has no line of the head"
    return found[0]


def apply(title: str, tree: Path) -> list[str]:
    """Make the changes of an example to the tree; return the commands that check it."""
    commands: list[str] = []
    path: Path | None = None
    for kind, name, language, text in BLOCK.findall(section(title)):
        path = tree / name if name else path
        if language == "sh":
            commands += text.splitlines()
        elif kind == "New file":
            assert path is not None
            assert not path.exists(), f"{name} exists already"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        else:
            assert path is not None
            path.write_text(_patched(path.read_text(), text, f"{path.relative_to(tree)}"))
    return commands


def copy(directory: Path) -> Path:
    """Copy what an example may change, without what make installed."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, directory / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, directory / name)
    return directory


def run(tree: Path, command: str, **environment: str) -> str:
    """Run a command of the page in the tree, with this environment; return what it printed."""
    program, *arguments = shlex.split(command)
    ended = subprocess.run(
        [str(Path(sys.executable).parent / Path(program).name), *arguments],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LONGEST_SECONDS,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


def _outside_code() -> str:
    """Blank the code blocks' comments, which look like headings; lengths stay as they are."""
    return re.sub(
        r"^```\w+\n.*?^```$",
        lambda block: re.sub(r"^#", " ", block[0], flags=re.M),
        PAGE.read_text(),
        flags=re.M | re.S,
    )


def _patched(before: str, diff: str, name: str) -> str:
    lines = diff.splitlines(keepends=True)
    old = "".join(_kept(lines, "-"))
    assert before.count(old) == 1, f"{name} must have this once:\n{old}"
    return before.replace(old, "".join(_kept(lines, "+")))


def _kept(lines: list[str], sign: str) -> Iterator[str]:
    """Yield the lines of one side: the context and those with the sign."""
    yield from (line[1:] for line in lines if line[0] in (" ", sign))
