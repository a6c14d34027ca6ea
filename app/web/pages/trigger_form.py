"""The form of a trigger: its inputs, their text, and the text as JSON for the API. Pure."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app.executions import retry_policy
from app.triggers.field import GROUPS, Field
from app.triggers.fields import COLUMNS, FIELDS
from app.web.api.schemas.triggers import Trigger

POLICY = "retry_policy"
"""The one object that people fill in as numbers of its own; the others are written as JSON."""
IN_DETAILS = "origin"
"""The group that is folded away."""
_WHOLE = re.compile("-?[0-9]{1,15}")
_BROKEN = re.compile(r"-?[0-9]{0,15}\.[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Input:
    """An input of the form: its widget, label and help, and the attributes for the browser."""

    name: str
    label: str
    help: str
    widget: str
    """`line`, `number`, `area`, `choice`, `names`, `box` or `secret`."""
    attributes: Mapping[str, Any]
    choices: Mapping[str, str]
    """The values of a `choice`, each with its words."""
    on_edit: bool = True


@dataclass(frozen=True, slots=True)
class Group:
    """A part of the form."""

    legend: str
    inputs: tuple[Input, ...]
    row: bool
    """True: all inputs are short numbers, shown side by side."""
    folded: bool


RETRY = {
    "max_attempts": ("Attempts in all", "Attempts until the execution is a dead letter."),
    "base_seconds": ("First wait, seconds", "Wait before the second attempt."),
    "factor": ("Factor of each wait", "Each wait is so many times the last."),
    "cap_seconds": ("Longest wait, seconds", "No wait is longer."),
    "max_age_seconds": (
        "Longest age, seconds",
        "No attempt begins when the event was received longer ago.",
    ),
}
"""Label and help of each number of the retry policy."""


def groups() -> tuple[Group, ...]:
    """Return the parts of the form in their order."""
    parts = []
    for key, legend in GROUPS.items():
        fields = [field for field in FIELDS if field.group == key]
        inputs = tuple(each for field in fields for each in _inputs(field))
        row = all(each.widget == "number" for each in inputs)
        parts.append(Group(legend, inputs, row, key == IN_DETAILS))
    return tuple(parts)


def empty() -> dict[str, str]:
    """Return the texts of the form for a new trigger: its defaults, and none for JSON."""
    written = {name: field for name, field in PLAIN.items() if _widget(field) != "area"}
    return dict.fromkeys(TEXTS, "") | {
        name: _text(field, field.default) for name, field in written.items()
    }


def texts(trigger: Trigger) -> dict[str, str]:
    """Return the texts of the form for this trigger."""
    shown: Mapping[str, Any] = trigger
    filled = {name: _text(field, shown[name]) for name, field in PLAIN.items()}
    policy = shown[POLICY] or {}
    return filled | {f"retry_{name}": _number(policy.get(name)) for name in RETRY}


def names(form: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the choices of each `names` input: those known here, and the one that is set."""
    known = {name: field.known_values for name, field in COLUMNS.items() if field.known_values}
    return {name: sorted({*values(), form[name]}) for name, values in known.items()}


def posted(fields: Mapping[str, str]) -> dict[str, str]:
    """Return the texts of the form as the browser sent it back."""
    return {name: fields.get(name, "").strip() for name in TEXTS}


def given(form: Mapping[str, str], changed: Iterable[str] | None = None) -> dict[str, Any]:
    """Return the changed texts as the API's JSON, all by default; an empty one is null."""
    wanted = set(TEXTS if changed is None else changed)
    values = {name: _value(field, form[name]) for name, field in PLAIN.items() if name in wanted}
    if any(name.startswith("retry_") for name in wanted):
        policy = {name: _parsed(form[f"retry_{name}"]) for name in RETRY if form[f"retry_{name}"]}
        values[POLICY] = policy or None
    return {name: value for name, value in values.items() if value or name not in NEVER_EMPTY}


def changed(form: Mapping[str, str], before: Mapping[str, str]) -> list[str]:
    """Return the names of the texts that a person changed."""
    return [name for name in TEXTS if form[name] != before[name].strip()]


def _inputs(field: Field) -> tuple[Input, ...]:
    if field.name == POLICY:
        return tuple(_retry_input(name) for name in RETRY)
    return (
        Input(
            name=field.name,
            label=field.label,
            help=_help(field),
            widget=_widget(field),
            attributes=_attributes(field),
            choices=_choices(field),
            on_edit=field.editable,
        ),
    )


def _help(field: Field) -> str:
    if field.kind == "key_places":
        return f"One place a line. {field.description}"
    if isinstance(field.example, dict):
        return f"{field.description} Example: `{json.dumps(field.example)}`."
    return field.description


def _retry_input(name: str) -> Input:
    label, help_text = RETRY[name]
    default = getattr(retry_policy.DEFAULT, name)
    words = "no limit" if default is None else f"{default:g}"
    least, most = retry_policy.LIMITS[name]
    step = "1" if name == "max_attempts" else "any"
    attributes = {"min": f"{least:g}", "max": f"{most:g}", "step": step}
    return Input(f"retry_{name}", label, f"{help_text} Default: {words}.", "number", attributes, {})


def _widget(field: Field) -> str:
    if field.known_values is not None:
        return "names"
    if field.kind == "flag":
        return "choice" if field.editable else "box"
    kinds = {"text": "line", "integer": "number", "number": "number", "choice": "choice"}
    return kinds.get(field.kind, "secret" if field.kind == "secret" else "area")


def _attributes(field: Field) -> dict[str, Any]:
    attributes: dict[str, Any] = {"required": ""} if field.required else {}
    if field.kind in ("integer", "number"):
        step = {"integer": "1", "number": "any"}[field.kind]
        mode = {"integer": "numeric", "number": "decimal"}[field.kind]
        bounds = {"min": field.least, "max": field.most}
        attributes |= {name: value for name, value in bounds.items() if value is not None}
        attributes |= {"step": step, "inputmode": mode}
    elif field.longest is not None:
        attributes["maxlength"] = field.longest
    return attributes


def _choices(field: Field) -> dict[str, str]:
    choices = dict(field.choices or ({"yes": "yes", "no": "no"} if field.kind == "flag" else {}))
    return {"": "default"} | choices if field.nullable else choices


def _text(field: Field, value: Any) -> str:
    """Return the value as the API shows it, as text for the form."""
    if value is None:
        return ""
    if field.kind == "flag":
        return "yes" if value else "no"
    if field.kind in ("integer", "number"):
        return _number(value)
    if isinstance(value, dict):
        return json.dumps(value) if value else ""
    return "\n".join(value) if isinstance(value, list) else str(value)


def _value(field: Field, text: str) -> Any:
    """Return the text as the API's JSON; None where it is empty."""
    if field.kind in ("integer", "number"):
        return _parsed(text)
    if field.kind == "flag":
        return {"yes": True, "no": False}.get(text)
    if field.kind == "key_places":
        return [line.strip() for line in text.splitlines() if line.strip()] or None
    return text or None


def _number(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.15g}" if isinstance(value, int | float) else str(value)


def _parsed(text: str) -> int | float | str | None:
    """Return the number; other text is left for the API to refuse in its words."""
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _BROKEN.fullmatch(text) else text or None


PLAIN = {name: field for name, field in COLUMNS.items() if field.editable and name != POLICY}
"""Fields with one input each; `enabled` and the secret are taken from the request itself."""
TEXTS = (*PLAIN, *(f"retry_{name}" for name in RETRY))
"""Names of the texts that the form sends."""
NEVER_EMPTY = tuple(
    name for name, field in PLAIN.items() if field.kind in ("text", "choice") and not field.nullable
)
"""Left out when they are empty: the API then says that they are missing."""
