"""docs/settings.md lists every setting with its default."""

import re
from dataclasses import fields
from pathlib import Path

from app.settings import Settings
from tests.support.databases import ROOT

PAGE = (ROOT / "docs" / "settings.md").read_text()
SETTINGS = {setting.name.upper(): setting.default for setting in fields(Settings)}


def as_written(default: object) -> str:
    """Return a default as the table writes it."""
    if isinstance(default, bool):
        return "on" if default else "off"
    if isinstance(default, int | float):
        return str(int(default))
    return f"`{default}`" if isinstance(default, str | Path) and default != "" else ""


def test_the_table_of_settings_has_each_with_its_default_and_no_other() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*?) ?\|", PAGE, re.M)

    assert len(rows) == len(dict(rows))
    assert dict(rows) == {name: as_written(default) for name, default in SETTINGS.items()}


def test_every_setting_has_a_meaning() -> None:
    assert not re.findall(r"^\| `\w+` \|[^|]*\|\s*\|$", PAGE, re.M)
