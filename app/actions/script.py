"""Run an executable of the operator, without a shell, with the event on its standard input."""

import os
import posixpath
import shlex
from dataclasses import dataclass
from pathlib import Path

from app.actions import options, process
from app.actions.work import Work
from app.errors import Absent, ActionFailed, InvalidTrigger
from app.lifecycle import CONFIGURATION

OPTIONS = ("command", "timeout_seconds")


@dataclass(frozen=True, slots=True)
class Script:
    """The script and its arguments, as a trigger's payload describes them."""

    words: list[str]
    timeout_seconds: float | None = None


def run(work: Work) -> str:
    """Run the script and return the end of its output; ActionFailed unless its status is 0."""
    script = options.of(work, read)
    name, *arguments = script.words

    def command() -> list[str]:
        return [str(_confined(name, work.settings.hookonce_scripts_dir)), *arguments]

    limit = script.timeout_seconds or work.settings.hookonce_script_timeout_seconds
    event = work.event_data.encode("utf-8", "replace")
    return process.run(work, command, event, limit)


def validate(payload: str) -> None:
    """Raise InvalidTrigger, with a sentence, if the payload cannot work.

    The script may be missing here: it lies on the workers' machines.
    """
    script = read(payload)
    if posixpath.normpath(script.words[0]).startswith("../"):
        raise InvalidTrigger(f"{script.words[0]!r} lies outside the scripts directory")


def read(payload: str) -> Script:
    """Return the script that a payload describes: a command line, or a JSON object of OPTIONS."""
    given = options.either(payload, "command", OPTIONS)
    return Script(_words(given.get("command")), options.seconds(given))


def _words(command: object) -> list[str]:
    if isinstance(command, str):
        try:
            command = shlex.split(command)
        except ValueError as error:
            raise InvalidTrigger(f"the command line cannot be read: {error}") from error
    if not command:
        raise InvalidTrigger("the payload names no script")
    if not isinstance(command, list) or not all(isinstance(word, str) for word in command):
        raise InvalidTrigger("the option 'command' must be a command line or a list of words")
    return command


def _confined(name: str, scripts_dir: Path) -> Path:
    """Return the script's path; ActionFailed unless it lies in the directory, links resolved."""
    try:
        directory = scripts_dir.resolve()
        path = (directory / name).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise _misconfigured(f"{name!r} is not a path: {error}") from error
    if not path.is_relative_to(directory):
        raise _misconfigured(f"{name!r} lies outside the scripts directory")
    if not path.is_file():
        missing = _misconfigured if path.exists() else _absent
        raise missing(f"there is no script {name!r}")
    if not os.access(path, os.X_OK):
        raise _misconfigured(f"the script {name!r} is not executable")
    return path


def _misconfigured(sentence: str) -> ActionFailed:
    return ActionFailed(sentence, permanent=True, reason=CONFIGURATION)


def _absent(sentence: str) -> ActionFailed:
    return Absent(sentence, reason=CONFIGURATION)
