"""The options of `trigger add` and `trigger edit`, made from the declaration of the fields."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from app.cli import completion
from app.cli.retention_options import BY_DEFAULT, Days
from app.triggers.field import Field
from app.triggers.fields import COLUMNS, FIELDS

Command = Callable[..., Any]
ALIASES = {"--retry-policy": "--retry"}
"""Spellings of older releases that are still understood, beside the option's name."""
FROM_FILE = "@"
"""Beginning of an option's value that names a file with the JSON object."""
UNSET = {
    field.option.removeprefix("--"): field.name
    for field in FIELDS
    if field.option and field.nullable and field.editable
}
"""Values of `trigger edit --unset`, each with the column that returns to its default."""


def new_trigger(command: Command) -> Command:
    """Give the command an option for each field of a new trigger; the name is its argument."""
    chosen = [field for field in FIELDS if field.option and not field.required]
    options = [_option(field, field.description, field.option_required) for field in chosen]
    return _decorated(command, options)


def trigger_changes(command: Command) -> Command:
    """Give the command an option for each field that it may change, and `--unset`."""
    chosen = [field for field in FIELDS if field.option and field.editable]
    options = [_option(field, field.help) for field in chosen]
    unset = click.option(
        "--unset",
        multiple=True,
        type=click.Choice(list(UNSET)),
        help="Return the field to its default.",
    )
    return _decorated(command, [*options, unset])


def columns(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns that the options name, as they are stored."""
    named = {name: value for name, value in given.items() if value is not None and value != ()}
    return {name: _stored(COLUMNS[name], value) for name, value in named.items()}


def _stored(field: Field, value: Any) -> Any:
    if field.kind == "object" and isinstance(value, str) and value.startswith(FROM_FILE):
        value = _read(value.removeprefix(FROM_FILE))
    return field.stored(None if field.option_in_days and value == BY_DEFAULT else value)


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{path} cannot be read: {error}") from error


def _decorated(command: Command, options: list[Callable[[Command], Command]]) -> Command:
    for option in reversed(options):
        command = option(command)
    return command


def _option(field: Field, text: str, required: bool = False) -> Callable[[Command], Command]:
    names = [field.option, ALIASES.get(field.option), field.name]
    return click.option(
        *filter(None, names),
        type=_type(field),
        multiple=field.kind == "key_places",
        required=required,
        default=None,
        help=_help(field, text),
        shell_complete=completion.among(field.known_values),
    )


def _type(field: Field) -> click.ParamType[Any] | None:
    if field.option_in_days:
        return Days()
    if field.kind == "choice":
        return click.Choice(list(field.choices or ()))
    kinds: dict[str, click.ParamType[Any]] = {
        "integer": click.INT,
        "number": click.FLOAT,
        "flag": click.BOOL,
    }
    return kinds.get(field.kind, click.STRING)


def _help(field: Field, text: str) -> str:
    """Return the text with the bounds of a number; those of days are the type's own."""
    if field.kind == "key_places":
        text += " May be repeated."
    if field.kind == "object":
        text += f" {FROM_FILE}FILE reads the object from a file."
    if field.least is not None and not field.option_in_days:
        text += f" Limits: {field.limits}."
    return text.replace("`", "")
