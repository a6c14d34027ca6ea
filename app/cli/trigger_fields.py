"""`hookonce trigger fields`: list the fields of a trigger, and write docs/triggers.md."""

import json
from pathlib import Path
from typing import Any

import click

from app.cli import output, terminal
from app.triggers.field import Field
from app.triggers.fields import FIELDS

_PAGE = """\
# The fields of a trigger

A field has the same name in the API (`docs/api.md`), in the file of `hookonce triggers apply`
(`docs/triggers.example.yml`) and in the database; the form of a trigger has an input for each.
`add` and `edit` are the commands `hookonce trigger add` and `hookonce trigger edit`. `--unset` of
`edit`, and `null` in the API, return a field to its default.

| field | type | limits | default | unit | set by |
|---|---|---|---|---|---|
{rows}

## The meaning of each
{details}

`hookonce trigger fields --write docs/triggers.md` writes this page from `app/triggers/fields.py`.
"""
_TYPES = {
    "text": "text",
    "choice": "one of",
    "integer": "whole number",
    "number": "number",
    "flag": "true or false",
    "object": "JSON object",
    "text_or_object": "text or JSON object",
    "key_places": "text or list of texts",
    "secret": "text",
}


@click.command("fields")
@click.option(
    "--write", type=click.Path(dir_okay=False, path_type=Path), help="Write docs/triggers.md."
)
@terminal.wide_option
@output.json_option
def fields(write: Path | None, as_json: bool) -> None:
    """List the fields of a trigger.

    The list has the type, limits and default of each, and the ways to set it.
    """
    rows = [_row(field) for field in FIELDS]
    if write is not None:
        write.write_text(page())
    else:
        output.rows(rows, tuple(rows[0]), as_json)


def page() -> str:
    """Return the text of docs/triggers.md."""
    rows = [" | ".join(["", *_cells(field)]).lstrip() + " |" for field in FIELDS]
    details = [f"- `{field.name}`: {field.help}{_example(field)}" for field in FIELDS]
    return _PAGE.format(rows="\n".join(rows), details="\n".join(details))


def _row(field: Field) -> dict[str, Any]:
    return {
        "field": field.name,
        "type": _TYPES[field.kind],
        "limits": field.limits,
        "default": _default(field).replace("`", ""),
        "unit": field.unit,
        "set by": ", ".join(_ways(field)),
    }


def _cells(field: Field) -> list[str]:
    words = {"field": f"`{field.name}`", "default": _default(field)}
    ways = {"set by": ", ".join(f"`{way}`" if "--" in way else way for way in _ways(field))}
    return [str(cell) for cell in (_row(field) | words | ways).values()]


def _ways(field: Field) -> list[str]:
    """Return the ways to set the field: API, form, file, and the options of the commands."""
    ways = ["API (new only)" if field.kind == "secret" else "API"]
    ways.append("form" if field.editable else "form (new only)")
    if field.file_key is not None:
        ways.append(f"file ({field.file_key})" if field.file_key else "file")
    if field.option:
        ways.append(_option(field))
    return ways


def _option(field: Field) -> str:
    option = f"{field.option} DAYS" if field.option_in_days else field.option
    if field.required:
        return f"add NAME, edit {option}"
    return f"add and edit {option}" if field.editable else f"add {option}"


def _default(field: Field) -> str:
    return "(required)" if field.required or field.option_required else field.default_in_words


def _example(field: Field) -> str:
    if field.example is None:
        return ""
    example = field.example if isinstance(field.example, str) else json.dumps(field.example)
    return f" Example: `{example}`."
