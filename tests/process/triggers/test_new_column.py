"""A column that is added as CONTRIBUTING.md says is found in every place where a field is set."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support import contributing_examples

TITLE = "Add a trigger column"
FIELD, OPTION = "alert_after_seconds", "--alert-after"
HELP = "Time that an execution may wait before the overview shows an alert."


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this tree with the column, and a database at its head."""
    copy = contributing_examples.copy(tmp_path_factory.mktemp("copy"))
    contributing_examples.apply(TITLE, copy)
    contributing_examples.run(copy, "alembic upgrade head", DATABASE_URL=database(copy))
    return copy


@pytest.fixture(scope="module")
def faces(tree: Path) -> dict[str, Any]:
    """The field as each way to set it has it."""
    command = f"python -m tests.support.set_trigger_field {tree} {FIELD} {OPTION} 90 75.5"
    found: dict[str, Any] = json.loads(contributing_examples.run(tree, command).splitlines()[-1])
    return found


def database(tree: Path) -> str:
    return f"sqlite:///{tree}/faces.db"


def test_the_column_touches_two_files_of_the_application() -> None:
    paths = re.findall(r"^(?:New file|In) `([^`]+)`:", contributing_examples.section(TITLE), re.M)

    assert [path for path in paths if not path.startswith("alembic/")] == [
        "app/db/models.py",
        "app/triggers/fields.py",
    ]


def test_the_commands_of_the_example_pass(tmp_path: Path) -> None:
    copy = contributing_examples.copy(tmp_path)
    commands = contributing_examples.apply(TITLE, copy)
    alone = {"PYTEST_ADDOPTS": "-p no:randomly -p no:cacheprovider -k 'not postgresql'"}

    printed = [contributing_examples.run(copy, command, **alone) for command in commands]

    assert " passed" in printed[-1]
    assert FIELD in (copy / "docs" / "triggers.md").read_text()


@pytest.mark.parametrize("face", ["API create", "form create", "add", "file"])
def test_the_field_is_set_when_the_trigger_is_created(faces: dict[str, Any], face: str) -> None:
    assert faces[face] == 90


@pytest.mark.parametrize("face", ["API change", "API show", "form change", "edit"])
def test_the_field_is_changed(faces: dict[str, Any], face: str) -> None:
    assert faces[face] == 75.5


def test_the_field_returns_to_its_default(faces: dict[str, Any]) -> None:
    assert faces["unset"] is None


def test_a_mistake_in_the_field_is_answered_with_a_sentence(faces: dict[str, Any]) -> None:
    assert faces["API mistake"] == f"{FIELD} must be a number"


def test_openapi_describes_the_field_in_requests_and_responses(faces: dict[str, Any]) -> None:
    new, changes, shown = faces["OpenAPI"]
    bounded = {"type": "number", "minimum": 0, "maximum": 86_400}

    assert new == changes
    assert new["anyOf"] == [bounded, {"type": "null"}]
    assert shown["anyOf"] == [{"type": "number"}, {"type": "null"}]
    assert new["description"] == shown["description"] == f"{HELP} Default: no alert."
    assert new["examples"] == [90]


def test_the_form_has_an_input_with_label_help_and_bounds(faces: dict[str, Any]) -> None:
    (found,) = faces["form input"]

    assert "Alert after" in found
    assert HELP in found
    assert 'placeholder="no alert"' in found
    assert 'value="90s"' in found
    assert "0s to 1d" in found


@pytest.mark.parametrize("command", ["add", "edit"])
def test_the_help_of_the_commands_explains_the_option(faces: dict[str, Any], command: str) -> None:
    text = " ".join(faces[f"{command} --help"].split())

    assert f"{OPTION} FLOAT {HELP}" in text
    assert "Limits: 0 to 86,400." in text


def test_the_table_of_the_docs_has_a_row_for_the_field(faces: dict[str, Any]) -> None:
    row = f"| `{FIELD}` | number | 0 to 86,400 | no alert | s | API, form, file, "

    assert row + f"`add and edit {OPTION}` |\n" in faces["docs table"]
    assert f"- `{FIELD}`: {HELP} Example: `90`.\n" in faces["docs table"]


def test_the_revision_can_be_taken_back_and_applied_again(tree: Path) -> None:
    contributing_examples.run(tree, "alembic downgrade -1", DATABASE_URL=database(tree))
    contributing_examples.run(tree, "alembic upgrade head", DATABASE_URL=database(tree))
