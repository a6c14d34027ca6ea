"""A webhook's address is built in one place, so that no two answers tell different ones."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import app
from app.triggers import address

APP = Path(app.__file__).parent
OTHERS = sorted(path for path in APP.rglob("*.py") if path != APP / "triggers/address.py")


@pytest.mark.parametrize("base_url", ["https://hooks.acme.example", "https://hooks.acme.example/"])
def test_the_address_is_the_public_url_the_path_and_the_id(base_url: str) -> None:
    url = address.webhook_url(base_url, 7)

    assert url == "https://hooks.acme.example/api/triggers/webhook/7"
    assert address.with_secret(url, "s-1") == f"{url}/s-1"


def test_no_other_module_builds_it() -> None:
    found = [
        (str(path.relative_to(APP)), text)
        for path in OTHERS
        for text in _strings(ast.parse(path.read_text()))
        if "triggers/webhook" in text
    ]

    assert found == []


def _strings(tree: ast.AST) -> Iterator[str]:
    """Yield each string of the module that is not documentation."""
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in documentation:
            yield str(node.value)
