"""Run an executable of the operator, without a shell, with the event on its standard input."""

import os
import posixpath
import shlex
from dataclasses import dataclass
from pathlib import Path

from app.actions import options, process
from app.actions.process import Program
from app.actions.work import Work
from app.errors import Absent, ActionFailed, InvalidTrigger
from app.lifecycle import CONFIGURATION

OPTIONS = ("command", "interpreter", "timeout_seconds")
SELF_STARTING = (b"#!", b"\x7fELF")
"""First bytes of a file that the system can start: a line with its interpreter, or a binary."""


@dataclass(frozen=True, slots=True)
class Script:
    """The script and its arguments, as a trigger's payload describes them."""

    words: list[str]
    timeout_seconds: float | None = None
    interpreter: tuple[str, ...] = ()
    """Program that runs the script, with its arguments; empty: the script itself is started."""


def run(work: Work) -> str:
    """Run the script and return the end of its output; ActionFailed unless its status is 0."""
    script = options.of(work, read)
    name, *arguments = script.words

    def command() -> Program:
        path = find(name, work.settings.hookonce_scripts_dir)
        general = work.settings.hookonce_script_interpreter
        interpreter = script.interpreter or (() if starts_alone(path) else general)
        if not interpreter and not os.access(path, os.X_OK):
            raise _misconfigured(f"the script {name!r} is not executable")
        return Program([*interpreter, str(path), *arguments], path.parent)

    limit = script.timeout_seconds or work.settings.hookonce_script_timeout_seconds
    event = work.event_data.encode("utf-8", "replace")
    return process.run(work, command, event, limit)


def validate(payload: str) -> None:
    """Raise InvalidTrigger if the payload cannot work; the script may be on workers' machines."""
    script = read(payload)
    if posixpath.normpath(script.words[0]).startswith("../"):
        raise InvalidTrigger(f"{script.words[0]!r} lies outside the scripts directory")


def read(payload: str) -> Script:
    """Return the script that a payload describes: a command line, or a JSON object of OPTIONS."""
    given = options.either(payload, "command", OPTIONS)
    words = _words(given.get("command"), "command")
    if not words:
        raise InvalidTrigger("the payload names no script")
    interpreter = tuple(_words(given.get("interpreter"), "interpreter"))
    return Script(words, options.seconds(given), interpreter)


def _words(value: object, name: str) -> list[str]:
    if isinstance(value, str):
        try:
            value = shlex.split(value)
        except ValueError as error:
            raise InvalidTrigger(f"the command line cannot be read: {error}") from error
    if not value:
        return []
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise InvalidTrigger(f"the option {name!r} must be a command line or a list of words")
    return value


def find(name: str, scripts_dir: Path) -> Path:
    """Return the script's path; ActionFailed unless it lies in the directory, links resolved."""
    try:
        directory = scripts_dir.resolve()
        path = (directory / name).resolve()
        is_file, exists = path.is_file(), path.exists()
    except (OSError, RuntimeError, ValueError) as error:
        raise _misconfigured(f"{name!r} is not a path: {error}") from error
    if not path.is_relative_to(directory):
        raise _misconfigured(f"{name!r} lies outside the scripts directory")
    if not is_file:
        missing = _misconfigured if exists else _absent
        raise missing(f"there is no script {name!r}")
    return path


def starts_alone(path: Path) -> bool:
    """Return whether the system can start the file: it is executable and names its interpreter.

    The older system ran every script as `python3 <file>`, so that its scripts need neither.
    """
    if not os.access(path, os.X_OK):
        return False
    try:
        with path.open("rb") as file:
            return file.read(4).startswith(SELF_STARTING)
    except OSError:
        return True  # a program may be executable and not readable; starting it shows the rest


def _misconfigured(sentence: str) -> ActionFailed:
    return ActionFailed(sentence, permanent=True, reason=CONFIGURATION)


def _absent(sentence: str) -> ActionFailed:
    return Absent(sentence, reason=CONFIGURATION)
