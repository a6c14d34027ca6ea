"""The inputs of a trigger's form for one sender: those that it needs, and the folded ones. Pure."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from app.executions import retry_policy
from app.intake.message import Source
from app.triggers.field import GROUPS, Field
from app.triggers.fields import FIELDS
from app.web.pages import duration_field

POLICY = "retry_policy"
"""The one object that people fill in as numbers of its own; the others are written as JSON."""
FIRST = ("name", "secret", "event_filter", "action_type", "action_payload")
"""Fields that the form shows at once; all others are folded."""
OF_WEBHOOKS = frozenset(
    {
        "secret",
        "source",
        "event_filter",
        "idempotency_key_from",
        "missing_key",
        "tolerance_seconds",
        "max_body_bytes",
        "verification",
    }
)
"""Fields without effect for a trigger of type `event`, to which nobody sends."""
CHOSEN_BEFORE = frozenset({"type", "source"})
"""Fields that the page before the form has asked for; only the form of a change shows them."""


@dataclass(frozen=True, slots=True)
class Input:
    """An input of the form: its widget, label and help, and the attributes for the browser."""

    name: str
    label: str
    help: str
    widget: str
    """`line`, `number`, `duration`, `area`, `choice`, `names`, `box` or `secret`."""
    attributes: Mapping[str, Any]
    choices: Mapping[str, str]
    """The values of a `choice`, each with its words."""
    group: str
    default: str = ""
    """The effect of an empty input, in words, for its placeholder."""


@dataclass(frozen=True, slots=True)
class Group:
    """A folded part of the form."""

    legend: str
    inputs: tuple[Input, ...]
    row: bool
    """True: all inputs are short numbers, shown side by side."""


RETRY = {
    "max_attempts": ("Attempts in all", "Attempts until the execution is a dead letter."),
    "base_seconds": ("First wait", "Wait before the second attempt."),
    "factor": ("Factor of each wait", "Each wait is so many times the last."),
    "cap_seconds": ("Longest wait", "No wait is longer."),
    "max_age_seconds": (
        "Longest age",
        "No attempt begins when the event was received longer ago.",
    ),
}
"""Label and help of each number of the retry policy."""


def inputs(source: Source, form: Mapping[str, str], *, new: bool, secret: bool) -> list[Input]:
    """Return the inputs that a trigger of this source needs, and those that are filled already.

    `secret`: True if the caller may set the secret.
    """
    left_out = CHOSEN_BEFORE if new else frozenset({"enabled"})
    left_out |= frozenset() if secret else {"secret"}
    shown = [each for field in FIELDS for each in of_field(field) if field.name not in left_out]
    without_effect = _without_effect(source, form["type"])
    return [each for each in shown if each.name not in without_effect or form.get(each.name)]


def first(shown: Iterable[Input]) -> list[Input]:
    """Return the inputs that are shown at once, in their order."""
    named = {each.name: each for each in shown}
    return [named[name] for name in FIRST if name in named]


def folded(shown: Iterable[Input]) -> list[Group]:
    """Return the other inputs in their groups."""
    rest = [each for each in shown if each.name not in FIRST]
    groups = []
    for key, legend in GROUPS.items():
        members = tuple(each for each in rest if each.group == key)
        row = all(each.widget in ("number", "duration") for each in members)
        groups.append(Group(legend, members, row))
    return [group for group in groups if group.inputs]


def _without_effect(source: Source, kind: str) -> frozenset[str]:
    if kind == "event":
        return OF_WEBHOOKS
    described = source.name == "custom"
    timed = described or source.tolerance_seconds is not None
    return frozenset(
        name
        for name, needed in (("verification", described), ("tolerance_seconds", timed))
        if not needed
    )


def of_field(field: Field) -> tuple[Input, ...]:
    if field.name == POLICY:
        return tuple(_retry_input(name, field.group) for name in RETRY)
    shown = Input(
        name=field.name,
        label=field.label,
        help=_help(field),
        widget=widget_of(field),
        attributes=_attributes(field),
        choices=_choices(field),
        group=field.group,
        default=field.default_in_words.replace("`", ""),
    )
    return (_as_duration(shown, field.least, field.most) if is_duration(field) else shown,)


def _help(field: Field) -> str:
    if field.kind == "key_places":
        return f"One place a line. {field.help}"
    if field.kind in ("integer", "number") and not is_duration(field):
        return f"{field.help} {field.limits}."
    if isinstance(field.example, dict):
        return f"{field.help} Example: `{json.dumps(field.example)}`."
    return field.help


def _retry_input(name: str, group: str) -> Input:
    label, help_text = RETRY[name]
    least, most = retry_policy.LIMITS[name]
    attributes = {"inputmode": "numeric" if name == "max_attempts" else "decimal"}
    bounded = f"{help_text} {least:g} to {most:,g}."
    if name.endswith("_seconds"):
        bounded = help_text
    shown = Input(f"retry_{name}", label, bounded, "number", attributes, {}, group)
    return _as_duration(shown, least, most) if name.endswith("_seconds") else shown


def _as_duration(shown: Input, least: float | None, most: float | None) -> Input:
    bounds = f"{duration_field.text(least or 0)} to {duration_field.text(most)}"
    return replace(
        shown,
        label=shown.label.removesuffix(", seconds"),
        widget="duration",
        help=f"{shown.help} Such as `90s`, `12h` or `30d`; {bounds}.",
        attributes={"pattern": duration_field.PATTERN, "maxlength": 24},
    )


def is_duration(field: Field) -> bool:
    return field.kind == "number" and field.unit == "s"


def widget_of(field: Field) -> str:
    if field.known_values is not None:
        return "names"
    if field.kind == "flag":
        return "choice" if field.editable else "box"
    kinds = {"text": "line", "integer": "number", "number": "number", "choice": "choice"}
    return kinds.get(field.kind, "secret" if field.kind == "secret" else "area")


def _attributes(field: Field) -> dict[str, Any]:
    attributes: dict[str, Any] = {"required": ""} if field.required else {}
    if field.kind in ("integer", "number"):
        # not of type number: browsers send nothing of a text that is none, and it would be lost
        attributes["inputmode"] = {"integer": "numeric", "number": "decimal"}[field.kind]
    elif field.longest is not None:
        attributes["maxlength"] = field.longest
    return attributes


def _choices(field: Field) -> dict[str, str]:
    choices = dict(field.choices or ({"yes": "yes", "no": "no"} if field.kind == "flag" else {}))
    return {"": "default"} | choices if field.nullable else choices


EVERY = tuple(each for field in FIELDS for each in of_field(field))
