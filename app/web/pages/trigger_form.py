"""The texts of a trigger's form, and these as JSON for the API. Pure."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from app.errors import FieldMistakes
from app.tolerant_json import json_object
from app.triggers.field import Field
from app.triggers.fields import COLUMNS
from app.web.api.schemas.triggers import Trigger
from app.web.pages import duration_field, filters, trigger_inputs
from app.web.pages.trigger_inputs import POLICY, RETRY, is_duration, widget_of

_WHOLE = re.compile("-?[0-9]{1,15}")
_BROKEN = re.compile(r"-?[0-9]{0,15}\.[0-9]{1,15}")


def empty() -> dict[str, str]:
    """Return the texts of the form for a new trigger: its defaults, and none for JSON."""
    written = {name: field for name, field in PLAIN.items() if widget_of(field) != "area"}
    return dict.fromkeys(TEXTS, "") | {
        name: _text(field, field.default) for name, field in written.items()
    }


def texts(trigger: Trigger) -> dict[str, str]:
    """Return the texts of the form for this trigger."""
    shown: Mapping[str, Any] = trigger
    filled = {name: _text(field, shown[name]) for name, field in PLAIN.items()}
    policy = shown[POLICY] or {}
    return filled | {f"retry_{name}": _retry_text(name, policy.get(name)) for name in RETRY}


def names(form: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the choices of each `names` input: those known here, and the one that is set."""
    known = {name: field.known_values for name, field in COLUMNS.items() if field.known_values}
    return {name: sorted({*values(), form[name]}) for name, values in known.items()}


def posted(fields: Mapping[str, str], before: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the texts that the browser sent; a text that the form lacked is as it was `before`."""
    known = before or dict.fromkeys(TEXTS, "")
    return {name: fields[name].strip() if name in fields else known[name] for name in TEXTS}


def given(form: Mapping[str, str], changed: Iterable[str] | None = None) -> dict[str, Any]:
    """Return the changed texts as the API's JSON, all by default; an empty one is null.

    Durations that cannot be read are left out: see `wrong_durations`.
    """
    wanted = set(TEXTS if changed is None else changed)
    wanted -= wrong_durations(form, wanted).keys()
    values = {name: _value(field, form[name]) for name, field in PLAIN.items() if name in wanted}
    if any(name.startswith("retry_") for name in wanted):
        policy = {name: _retry_value(name, form[f"retry_{name}"]) for name in RETRY}
        values[POLICY] = {
            name: value for name, value in policy.items() if value is not None
        } or None
    return {name: value for name, value in values.items() if value or name not in NEVER_EMPTY}


def wrong_durations(
    form: Mapping[str, str], changed: Iterable[str] | None = None
) -> dict[str, str]:
    """Return a sentence for each of the changed texts that should be a duration and is none."""
    return {
        name: f"{LABELS[name]}: {duration_field.MISTAKE}"
        for name in sorted(TEXTS if changed is None else changed)
        if name in DURATIONS and form[name] and duration_field.seconds(form[name]) is None
    }


def digests(shown: Mapping[str, str]) -> dict[str, str]:
    """Return a digest of each text; the form carries them along as what the person has seen."""
    return {name: _digest(shown[name]) for name in TEXTS}


def seen(sent: str | None, now: Mapping[str, str]) -> dict[str, Any]:
    """Return the digests that the form carried; where it had none, those of the texts `now`."""
    return digests(now) | (json_object(sent) or {})


def changed(form: Mapping[str, str], seen: Mapping[str, Any]) -> list[str]:
    """Return the names of the texts that a person changed since the form was shown."""
    return [name for name in TEXTS if _digest(form[name]) != seen[name]]


def overtaken(
    form: Mapping[str, str], seen: Mapping[str, Any], now: Mapping[str, str]
) -> dict[str, str]:
    """Return a sentence for each changed text that somebody else has changed meanwhile."""
    others = {name for name, digest in digests(now).items() if digest != seen[name]}
    return {
        name: f"{LABELS[name]} was changed meanwhile, {_in_words(now[name])}: save again to "
        "replace that"
        for name in changed(form, seen)
        if name in others and _digest(form[name]) != _digest(now[name])
    }


def _digest(text: str) -> str:
    plain = text.strip().replace("\r\n", "\n")
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _in_words(text: str) -> str:
    return f"to {filters.line(text)}" if text.strip() else "to nothing"


def mistakes(error: FieldMistakes) -> dict[str, str]:
    """Return the sentences of the error by the input that each is about."""
    found = dict(error.fields)
    for sentence in found.pop(POLICY, "").split("; "):
        about = next((name for name in RETRY if name in sentence), "max_attempts")
        if sentence:
            found.setdefault(f"retry_{about}", sentence)
    return found


def _text(field: Field, value: Any) -> str:
    """Return the value as the API shows it, as text for the form."""
    if value is None:
        return ""
    if field.kind == "flag":
        return "yes" if value else "no"
    if is_duration(field) and isinstance(value, int | float):
        return duration_field.text(value)
    if field.kind in ("integer", "number"):
        return _number(value)
    if isinstance(value, dict):
        return json.dumps(value) if value else ""
    return "\n".join(value) if isinstance(value, list) else str(value)


def _value(field: Field, text: str) -> Any:
    """Return the text as the API's JSON; None where it is empty."""
    if is_duration(field):
        return duration_field.seconds(text)
    if field.kind in ("integer", "number"):
        return _parsed(text)
    if field.kind == "flag":
        return {"yes": True, "no": False}.get(text)
    if field.kind == "key_places":
        return [line.strip() for line in text.splitlines() if line.strip()] or None
    return text or None


def _retry_text(name: str, value: Any) -> str:
    timed = name.endswith("_seconds") and isinstance(value, int | float)
    return duration_field.text(value) if timed else _number(value)


def _retry_value(name: str, text: str) -> Any:
    return duration_field.seconds(text) if name.endswith("_seconds") else _parsed(text)


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
LABELS = {each.name: each.label for each in trigger_inputs.EVERY}
DURATIONS = frozenset(each.name for each in trigger_inputs.EVERY if each.widget == "duration")
NEVER_EMPTY = tuple(
    name for name, field in PLAIN.items() if field.kind in ("text", "choice") and not field.nullable
)
"""Left out when they are empty: the API then says that they are missing."""
