"""gunicorn.conf.py uses what app.server exports, and nothing of its modules."""

import ast

from app import server
from tests.support.databases import ROOT

CONFIGURATION = ast.parse((ROOT / "gunicorn.conf.py").read_text())


def test_app_server_exports_exactly_the_names_that_gunicorn_conf_uses() -> None:
    used = {
        node.attr
        for node in ast.walk(CONFIGURATION)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "hookonce"
    }

    assert sorted(used) == sorted(server.__all__)


def test_gunicorn_conf_imports_no_module_of_the_server_by_itself() -> None:
    imports = [node for node in ast.walk(CONFIGURATION) if isinstance(node, ast.ImportFrom)]

    assert not [node for node in imports if (node.module or "").startswith("app.server")]
