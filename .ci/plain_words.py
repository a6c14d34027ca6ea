"""Check that documentation begins with a statement: no docstring and no help text with a riddle.

Usage: python .ci/plain_words.py DIRECTORY_OR_FILE ...

Each sentence of a docstring, of the note under a constant or field, and of a `help=` has a subject,
a verb and the field's noun. One that begins with a question word must be solved before it informs;
only a later sentence may begin with `where` or `whether`, as a condition. An exception says why,
behind the closing quotes: `# plain-words: <reason>`.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

QUESTION = re.compile(
    r"(what|who|whom|whose|which|where|whether|how|why)(ever|soever)?\b", re.IGNORECASE
)
LATER_QUESTION = re.compile(
    r"(?:[.;:]\s+|\n\s*\n\s*)((what|who|whom|whose|which|how|why)(ever|soever)?\b[^.\n]*)",
    re.IGNORECASE,
)
EXCEPTION = re.compile(r"#\s*plain-words:\s*\S")


def main(arguments: list[str]) -> int:
    """Print every sentence that begins with a question word; return the exit status."""
    found = [line for name in arguments for path in _files(Path(name)) for line in _riddles(path)]
    print("\n".join(found) or "Every sentence is a statement.")
    return int(bool(found))


def _files(path: Path) -> list[Path]:
    return sorted(path.rglob("*.py")) if path.is_dir() else [path]


def _riddles(path: Path) -> Iterator[str]:
    text = path.read_text()
    lines = text.splitlines()
    for node in _documentation(ast.parse(text)):
        said = str(node.value).strip()
        later = LATER_QUESTION.search(said)
        riddle = said.splitlines()[0] if QUESTION.match(said) else later and later[1]
        if riddle and not EXCEPTION.search(lines[(node.end_lineno or 1) - 1]):
            yield f"{path}:{node.lineno}: {riddle}"


def _documentation(tree: ast.Module) -> Iterator[ast.Constant]:
    """Yield each string that stands alone as a statement, and each that is given as `help`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and _is_text(node.value):
            yield node.value  # type: ignore[misc]
        elif isinstance(node, ast.keyword) and node.arg in ("help", "short_help", "epilog"):
            value = node.value.values[0] if isinstance(node.value, ast.JoinedStr) else node.value
            if _is_text(value):
                yield value  # type: ignore[misc]


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
