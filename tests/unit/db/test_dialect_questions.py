"""Only `db` and the admission store ask which of the two databases is used."""

import re
from pathlib import Path

import app

APP = Path(app.__file__).parent
KNOWING = ("db/", "intake/store/")


def test_no_other_module_asks_which_database_it_is() -> None:
    modules = {str(path.relative_to(APP)): path.read_text() for path in APP.rglob("*.py")}

    asking = {name for name, text in modules.items() if re.search(r"\.dialect\b|\bDialect\b", text)}

    assert {name for name in asking if not name.startswith(KNOWING)} == set()
    assert {name for name in asking if name.startswith(KNOWING)}
