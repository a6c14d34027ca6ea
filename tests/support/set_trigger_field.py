"""Set one field of a trigger by every way that there is, and print what each way came to.

Run `python -m tests.support.set_trigger_field DIRECTORY FIELD OPTION VALUE OTHER` in a process of
its own: the declaration of the fields is read when the application is imported.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from falcon import testing

from app import cli
from app.db import Database
from app.settings import from_environment
from app.triggers import lookup
from app.web.application import create_app
from tests.support.api import Api
from tests.support.visitor import Visitor

NEW = {"action_type": "noop", "action_payload": "x"}


def main(directory: Path, field: str, option: str, value: float, other: float) -> dict[str, Any]:
    """Return what became of the field by each way: the value that was read back, or a text."""
    environment = {
        "DATABASE_URL": f"sqlite:///{directory}/faces.db",
        "HOOKONCE_SCRIPTS_DIR": str(directory),
    }
    settings = from_environment(environment)
    database = Database(settings)
    api = Api(testing.TestClient(create_app(settings, database)), database)

    def run(*words: str) -> str:
        result = CliRunner().invoke(cli.main, words, env=environment)
        assert result.exit_code == 0, result.output
        return result.stdout

    def stored(name: str) -> Any:
        with database.reading() as connection:
            return lookup.find_trigger(connection, name)._mapping[field]

    return (
        _of_api(api, field, value, other)
        | _of_form(api, stored, field, value, other)
        | _of_command(run, stored, option, value, other)
        | _of_file(run, stored, directory, field, value)
        | _of_docs(run, directory)
    )


def _of_api(api: Api, field: str, value: float, other: float) -> dict[str, Any]:
    token = api.token("admin", "of the API")
    created = api.ask("POST", "/api/triggers", token, json=NEW | {"name": "a", field: value}).json
    path = f"/api/triggers/{created['id']}"
    changed = api.ask("PATCH", path, token, json={field: other}).json
    wrong = api.ask("PATCH", path, token, json={field: "many"})
    document = api.ask("GET", "/openapi.json").json["components"]["schemas"]
    members = ("NewTriggerBody", "TriggerChanges", "Trigger")
    return {
        "API create": created.get(field),
        "API change": changed.get(field),
        "API show": api.ask("GET", path, token).json.get(field),
        "API mistake": wrong.json.get("detail"),
        "OpenAPI": [document[name]["properties"].get(field) for name in members],
    }


def _of_form(api: Api, stored: Any, field: str, value: float, other: float) -> dict[str, Any]:
    visitor = Visitor(api.client)
    visitor.log_in(api.token("admin", "of the form"))
    form = {"name": "b", "type": "webhook", "source": "custom", **NEW}
    visitor.post("/triggers", form | {field: str(value)})
    created = stored("b")
    with api.database.reading() as connection:
        trigger_id = lookup.find_trigger(connection, "b").id
    page = visitor.get(f"/triggers/{trigger_id}/edit").text
    visitor.post(f"/triggers/{trigger_id}/edit", form | {field: str(other)})
    inputs = re.findall(rf'<label for="i-{field}">.*?</div>', page, re.S)
    return {"form create": created, "form change": stored("b"), "form input": inputs}


def _of_command(run: Any, stored: Any, option: str, value: float, other: float) -> dict[str, Any]:
    words = ("--action", "noop", "--payload", "x")
    run("trigger", "add", "c", *words, option, str(value))
    created = stored("c")
    run("trigger", "edit", "c", option, str(other))
    changed = stored("c")
    run("trigger", "edit", "c", "--unset", option.removeprefix("--"))
    return {
        "add": created,
        "edit": changed,
        "unset": stored("c"),
        "add --help": run("trigger", "add", "--help"),
        "edit --help": run("trigger", "edit", "--help"),
    }


def _of_file(run: Any, stored: Any, directory: Path, field: str, value: float) -> dict[str, Any]:
    file = directory / "triggers.yml"
    file.write_text(json.dumps({"triggers": [NEW | {"name": "d", field: value}]}))
    run("triggers", "apply", str(file))
    return {"file": stored("d")}


def _of_docs(run: Any, directory: Path) -> dict[str, Any]:
    page = directory / "triggers.md"
    run("trigger", "fields", "--write", str(page))
    return {"docs table": page.read_text()}


if __name__ == "__main__":
    where, name, its_option, first, second = sys.argv[1:]
    found = main(Path(where), name, its_option, float(first), float(second))
    print(json.dumps(found))  # noqa: T201, what the test reads
