"""Each module stands in a room with a layer, and each class name means one thing."""

import ast
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.databases import ROOT

LINT = Path(sys.executable).parent / "lint-imports"
LONGEST_FUNCTION = 53
"""Lines. The one that reaches it declares the options of `hookonce trigger add`."""
LONGEST_MODULE = 300
MODULES = sorted((ROOT / "app").rglob("*.py"))


def _definitions(path: Path) -> Iterator[ast.ClassDef | ast.FunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield node


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_a_class_name_means_one_thing() -> None:
    names = Counter(
        node.name
        for path in MODULES
        for node in _definitions(path)
        if isinstance(node, ast.ClassDef)
    )

    assert [name for name, count in names.items() if count > 1] == []


def test_every_function_fits_a_screen() -> None:
    too_long = [
        f"{_name(path)}: {node.name}"
        for path in MODULES
        for node in _definitions(path)
        if isinstance(node, ast.FunctionDef)
        and (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION
    ]

    assert too_long == []


def test_every_module_can_be_read_at_one_sitting() -> None:
    lines = {_name(path): len(path.read_text().splitlines()) for path in MODULES}

    assert {name: count for name, count in lines.items() if count > LONGEST_MODULE} == {}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the product that may be spoiled."""
    shutil.copytree(ROOT / "app", tmp_path / "app")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def _checked(tree: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LINT, "--no-cache"],
        cwd=tree,
        env={"PYTHONPATH": str(tree), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=240,
    )


def test_the_rooms_keep_their_contract(tree: Path) -> None:
    assert _checked(tree).returncode == 0


@pytest.mark.parametrize(
    ("module", "text", "broken"),
    [
        ("stray.py", "", "not in any layer|app.stray"),
        ("db/upward.py", "import app.intake\n", "app.db is not allowed to import app.intake"),
        ("intake/waits.py", "import greenlet\n", "app.intake is not allowed to import greenlet"),
        ("web/waits.py", "import app.cooperative\n", "app.cooperative"),
        ("worker/sideways.py", "import app.intake.key\n", "not allowed to import app.intake"),
    ],
    ids=["in no layer", "upward", "the server's library", "protected", "the other half"],
)
def test_an_import_that_breaks_the_contract_is_named(
    tree: Path, module: str, text: str, broken: str
) -> None:
    (tree / "app" / module).write_text(text)

    checked = _checked(tree)

    assert checked.returncode == 1
    assert any(each in checked.stdout for each in broken.split("|"))


BESIDE_THE_ROOMS = {"bench", "deploy", "docs", "support"}
"""Directories of tests of what is not under app/."""


def test_tests_mirror_the_rooms() -> None:
    rooms = {path.stem for path in (ROOT / "app").iterdir()} | BESIDE_THE_ROOMS
    homes = {
        path.name
        for kind in ("unit", "integration", "process")
        for path in (ROOT / "tests" / kind).iterdir()
        if path.is_dir() and path.name != "__pycache__"
    }
    at_the_top = {path.stem for path in (ROOT / "tests" / "unit").glob("test_*.py")}
    modules = {f"test_{path.stem}" for path in (ROOT / "app").glob("*.py")}

    assert homes - rooms == set()
    assert at_the_top - modules == {"test_rooms"}


ROOMS = sorted((ROOT / "app").glob("*/__init__.py"))


@pytest.mark.parametrize("path", ROOMS, ids=lambda path: path.parent.name)
def test_a_room_says_why_it_exists_and_what_it_never_does(path: Path) -> None:
    text = ast.get_docstring(ast.parse(path.read_text())) or ""

    assert re.search(r"\b(never|nothing|no)\b", text, re.IGNORECASE), text
