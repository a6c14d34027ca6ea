"""Only an executable inside the scripts directory is run, and never by way of a shell."""

import json
import os
import sys
from pathlib import Path

import pytest

from app.actions import script
from app.errors import ActionFailed
from app.settings import Settings
from tests.support import factories

REPEAT = "#!/bin/sh\nprintf '%s|' \"$@\"\n"


def executable(path: Path, text: str = REPEAT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o700)
    return path


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    executable(tmp_path / "scripts" / "repeat")
    executable(tmp_path / "scripts" / "inner" / "repeat")
    executable(tmp_path / "outside")
    executable(tmp_path / "scripts-twin" / "repeat")
    (tmp_path / "scripts" / "plain").write_text(REPEAT)
    (tmp_path / "scripts" / "leads-out").symlink_to(tmp_path / "outside")
    (tmp_path / "scripts" / "leads-up").symlink_to(tmp_path)
    (tmp_path / "scripts" / "alias").symlink_to("repeat")
    (tmp_path / "scripts" / "circle").symlink_to("circle")
    return tmp_path / "scripts"


def run(scripts: Path, payload: str) -> str:
    settings = Settings(hookonce_scripts_dir=scripts)
    return script.run(factories.work(settings, action_payload=payload))


@pytest.mark.parametrize(
    ("payload", "printed"),
    [
        ("repeat", "|"),
        ("./repeat a", "a|"),
        ("inner/../repeat a", "a|"),
        ("inner/repeat a", "a|"),
        ("alias a", "a|"),
        ("repeat a 'b c' \"d\"", "a|b c|d|"),
        ("repeat $HOME `id` $(id) *", "$HOME|`id`|$(id)|*|"),
        ("repeat ; rm -rf x | y && z > w", ";|rm|-rf|x|||y|&&|z|>|w|"),
        ("repeat ~ {a,b} ''", "~|{a,b}||"),
    ],
)
def test_a_script_of_the_directory_gets_its_arguments_as_written(
    scripts: Path, payload: str, printed: str
) -> None:
    assert run(scripts, payload) == printed


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        ("../outside", "outside the scripts directory"),
        ("inner/../../outside", "outside the scripts directory"),
        ("/bin/sh -c id", "outside the scripts directory"),
        ("leads-out", "outside the scripts directory"),
        ("leads-up/outside", "outside the scripts directory"),
        ("../scripts-twin/repeat", "outside the scripts directory"),
        ("missing", "there is no script"),
        ("inner", "there is no script"),
        (".", "there is no script"),
        ("''", "there is no script"),
        ("plain", "is not executable"),
        ("", "names no script"),
        ("  ", "names no script"),
        ("repeat 'open", "cannot be read"),
        ("a\0b", "not a path"),
        ("x" * 300, "not a path"),
        ("circle", "circle"),
    ],
)
def test_anything_else_is_refused_for_good(scripts: Path, payload: str, said: str) -> None:
    with pytest.raises(ActionFailed, match=said) as caught:
        run(scripts, payload)

    assert caught.value.permanent


def test_an_absolute_path_into_the_directory_is_inside(scripts: Path) -> None:
    assert run(scripts, f"{scripts}/repeat a") == "a|"


def test_a_file_that_is_no_program_is_refused_for_good(scripts: Path) -> None:
    executable(scripts / "picture", "\x7fELF no")

    with pytest.raises(ActionFailed, match="cannot be started") as caught:
        run(scripts, "picture")

    assert caught.value.permanent


def test_our_own_settings_are_not_passed_on(scripts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    executable(scripts / "names", "#!/bin/sh\nenv\n")
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:hunter2@h/d")
    monkeypatch.setenv("HOOKONCE_SECRET_KEY", "hunter2")

    printed = run(scripts, "names")

    assert "hunter2" not in printed
    assert "HOOKONCE_EXECUTION_ID=7" in printed.splitlines()


def test_a_script_runs_where_it_stands(scripts: Path) -> None:
    executable(scripts / "inner" / "where", "#!/bin/sh\npwd -P\n")

    assert run(scripts, "inner/where") == os.path.realpath(scripts / "inner")


PYTHON = "import os, sys\nprint(os.path.basename(os.getcwd()), *sys.argv[1:])\n"


def interpreted(scripts: Path, payload: str, interpreter: tuple[str, ...] = ()) -> str:
    settings = Settings(hookonce_scripts_dir=scripts, hookonce_script_interpreter=interpreter)
    return script.run(factories.work(settings, action_payload=payload)).strip()


@pytest.mark.parametrize("mode", [0o600, 0o700])
def test_a_script_of_the_older_system_runs_with_the_interpreter_of_the_setting(
    scripts: Path, mode: int
) -> None:
    path = scripts / "inner" / "old.py"
    path.write_text(PYTHON)
    path.chmod(mode)

    assert interpreted(scripts, "inner/old.py a 'b c'", (sys.executable, "-I")) == "inner a b c"
    with pytest.raises(ActionFailed):
        interpreted(scripts, "inner/old.py")


def test_a_script_that_starts_alone_is_left_to_its_own_first_line(scripts: Path) -> None:
    assert interpreted(scripts, "repeat a", (sys.executable,)) == "a|"


@pytest.mark.parametrize("interpreter", [f"{sys.executable} -I", [sys.executable, "-I"]])
def test_the_option_names_the_interpreter_of_one_script(scripts: Path, interpreter: object) -> None:
    (scripts / "old.py").write_text(PYTHON)
    (scripts / "old.py").chmod(0o700)
    payload = json.dumps({"command": "old.py a", "interpreter": interpreter})

    assert interpreted(scripts, payload, ("/bin/false",)) == f"{scripts.name} a"


@pytest.mark.parametrize("payload", ["../outside", "leads-out", "none.py", "inner"])
def test_an_interpreter_runs_no_file_outside_the_directory_and_no_other_thing(
    scripts: Path, payload: str
) -> None:
    option = json.dumps({"command": payload, "interpreter": sys.executable})

    for each in (payload, option):
        with pytest.raises(ActionFailed, match=r"lies outside|there is no script"):
            interpreted(scripts, each, (sys.executable,))
